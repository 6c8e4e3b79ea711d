#include "death_mark.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>

#include "futex.h"
#include "napi_util.h"

namespace isthmus {

namespace {

/** The kernel walks 2,048 entries of a list, the newest first; a few are left for other users of the thread. */
constexpr int kMostPerThread = 2000;
thread_local int marks_of_thread = 0;

/** The C library's list head of this thread; nullptr where it has none or one that we do not understand. */
robust_list_head* ListHead() {
  robust_list_head* head = nullptr;
  size_t bytes = 0;
  if (syscall(SYS_get_robust_list, 0, &head, &bytes) != 0 || bytes != sizeof(robust_list_head))
    return nullptr;
  if (head == nullptr) return nullptr;
  // The node must lie wholly in the private page, on a multiple of 8.
  const long distance = -head->futex_offset;
  const bool fits =
      distance >= 16 && distance % 8 == 0 && distance <= static_cast<long>(DeathMark::kPageBytes) / 2;
  return fits ? head : nullptr;
}

/** Bit 0 of an entry says that its futex inherits priority; it is no part of the address. */
char* WithoutFlag(void* entry) {
  return reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(entry) & ~uintptr_t{1});
}

void*& Next(char* entry) { return *reinterpret_cast<void**>(entry); }
void*& Previous(char* entry) { return *reinterpret_cast<void**>(entry - sizeof(void*)); }

/** The kernel reads the list when the thread dies, between any two instructions: they must stay in this order. */
void Order() { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

std::unique_ptr<DeathMark> DeathMark::Set(int fd, off_t offset) {
  if (FeatureDisabled("death_marks") || marks_of_thread >= kMostPerThread) return nullptr;
  if (sysconf(_SC_PAGESIZE) != static_cast<long>(kPageBytes)) return nullptr;
  const robust_list_head* head = ListHead();
  if (head == nullptr) return nullptr;
  // A page without backing would be a SIGBUS when /dev/shm is full.
  if (fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, kPageBytes) != 0) return nullptr;
  void* pages = mmap(nullptr, 2 * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return nullptr;
  if (mmap(pages, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, offset) == MAP_FAILED) {
    munmap(pages, 2 * kPageBytes);
    return nullptr;
  }
  // A forked child must not keep the descriptor's byte locks alive through a mapping.
  madvise(pages, 2 * kPageBytes, MADV_DONTFORK);
  return std::unique_ptr<DeathMark>(new DeathMark(static_cast<char*>(pages), head->futex_offset));
}

DeathMark::DeathMark(char* pages, long futex_offset)
    : pages_(pages),
      word_(reinterpret_cast<uint32_t*>(pages + kWordOffset)),
      node_(pages + kWordOffset - futex_offset) {
  // With FUTEX_WAITERS from the start: the kernel wakes nobody without it, and sleepers never write the word.
  __atomic_store_n(word_, static_cast<uint32_t>(syscall(SYS_gettid)) | FUTEX_WAITERS, __ATOMIC_SEQ_CST);
  Link();
  marks_of_thread++;
}

DeathMark::~DeathMark() {
  Unlink();
  marks_of_thread--;
  if (!died_) __atomic_store_n(word_, 0, __ATOMIC_SEQ_CST);
  munmap(pages_, 2 * kPageBytes);
}

bool DeathMark::Died(uint32_t word) { return (word & FUTEX_OWNER_DIED) != 0; }

void DeathMark::Die() {
  if (died_) return;
  died_ = true;
  __atomic_store_n(word_, FUTEX_WAITERS | FUTEX_OWNER_DIED, __ATOMIC_SEQ_CST);
  futex::Wake(word_, INT_MAX, true);
}

/** As the C library puts a robust mutex on the list: at its beginning, the pending entry telling of it meanwhile. */
void DeathMark::Link() {
  robust_list_head* head = ListHead();
  head->list_op_pending = reinterpret_cast<robust_list*>(node_);
  Order();
  void* first = head->list.next;
  Next(node_) = first;
  Previous(node_) = &head->list;
  char* neighbour = WithoutFlag(first);
  if (neighbour != reinterpret_cast<char*>(&head->list)) Previous(neighbour) = node_;
  Order();
  head->list.next = reinterpret_cast<robust_list*>(node_);
  Order();
  head->list_op_pending = nullptr;
}

void DeathMark::Unlink() {
  robust_list_head* head = ListHead();
  head->list_op_pending = reinterpret_cast<robust_list*>(node_);
  Order();
  char* before = WithoutFlag(Previous(node_));
  char* after = WithoutFlag(Next(node_));
  Next(before) = Next(node_);
  if (after != reinterpret_cast<char*>(&head->list)) Previous(after) = Previous(node_);
  Order();
  head->list_op_pending = nullptr;
}

}  // namespace isthmus
