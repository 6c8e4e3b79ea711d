// A child that forks and never execs must not keep our descriptors, and with them our proofs of life.
#pragma once

namespace isthmus::fork_guard {

/** From here on a forked child closes `fd`. */
void Add(int fd);

/** `fd` is about to be closed. */
void Remove(int fd);

}  // namespace isthmus::fork_guard
