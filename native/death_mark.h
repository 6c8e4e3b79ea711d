// Death marks: a shared word on the robust futex list of the thread that set it. When that thread is gone, for whatever
// reason, the kernel sets FUTEX_OWNER_DIED in the word and wakes one sleeper, before the process's memory is torn down.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>

namespace isthmus {

/**
 * One mark. Set, end and destroy it on one thread.
 *
 *   shared page of the segment          private page, mapped right behind
 *   ├─ … ──────────────────── word ─┤├─ … prev ─ next ─ … ──┤
 *                             -8       the list's node, at word - futex_offset
 *
 * The node is private so that a hostile peer cannot cut the thread's list or steer its pointers.
 */
class DeathMark {
 public:
  /** Where the word lies in its page of kPageBytes. */
  static constexpr size_t kPageBytes = 4096;
  static constexpr size_t kWordOffset = kPageBytes - 8;

  /** Sets a mark in the page at `offset` of the file; nullptr where that cannot be (see docs/guarantees.md). */
  static std::unique_ptr<DeathMark> Set(int fd, off_t offset);

  /** True for a word whose thread is gone. */
  static bool Died(uint32_t word);

  /** Does now what the kernel would do at the thread's end, and wakes everybody. */
  void Die();

  /** Takes the word off the list; it reads 0 unless its owner died. */
  ~DeathMark();
  DeathMark(const DeathMark&) = delete;
  DeathMark& operator=(const DeathMark&) = delete;

 private:
  DeathMark(char* pages, long futex_offset);
  void Link();
  void Unlink();

  char* const pages_;
  uint32_t* const word_;
  char* const node_;  // its list entry: {prev} lies before it, {next} at it
  bool died_ = false;
};

}  // namespace isthmus
