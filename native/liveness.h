// Who is alive: one byte per participant, beyond the file's end, write-locked with an open-file-description lock.
// The kernel drops the lock when the process is gone, in every pid namespace, however it died.
#pragma once

#include <cstdint>

namespace isthmus::liveness {

/** Tries to take the byte at `offset` for this descriptor. Returns 0, or EAGAIN while another description holds it, or errno. */
int TryLock(int fd, int64_t offset);

/** Gives the byte back. Returns 0 or errno. */
int Unlock(int fd, int64_t offset);

/** Gives back every byte this descriptor holds. */
void UnlockAll(int fd);

/** True while another description holds the byte. Errors count as held: never conclude death from a failure to ask. */
bool HeldByOther(int fd, int64_t offset);

}  // namespace isthmus::liveness
