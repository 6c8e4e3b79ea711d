// The limit: an SPSC ring with SpscQueue's framing (length and type, 8-byte aligned, mapped twice in a row) and as
// little beside it as possible. It only spins: no sleeping, no roles, no checks of what the other side wrote.
//
// ring role=producer|consumer name=/x bytes=64 count=1e6 warm=1e5 capacity=1048576 form=copy|place

#include <atomic>
#include <vector>

#include "common.h"

struct Words {
  alignas(128) std::atomic<uint32_t> tail;
  alignas(128) std::atomic<uint32_t> head;
};

constexpr size_t kPage = 4096;
constexpr uint32_t kFrame = 8;

int main(int argc, char** argv) {
  const std::string role = text(argc, argv, "role");
  const bool inPlace = std::string(text(argc, argv, "form", "copy")) == "place";
  const char* name = text(argc, argv, "name");
  const auto length = static_cast<uint32_t>(number(argc, argv, "bytes", 64));
  const auto capacity = static_cast<uint32_t>(number(argc, argv, "capacity", 1 << 20));
  const uint64_t warm = number(argc, argv, "warm", 0);
  const uint64_t total = warm + number(argc, argv, "count", 1000000);
  size_t size = 65536;
  while (size < capacity) size *= 2;
  const auto mask = static_cast<uint32_t>(size - 1);
  const uint32_t frame = kFrame + ((length + 7) & ~7u);

  const int file = openShared(name, kPage + size);
  auto* words = static_cast<Words*>(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  auto* ring =
      static_cast<uint8_t*>(mmap(nullptr, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (int half = 0; half < 2; half++)
    if (mmap(ring + half * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, file,
             kPage) == MAP_FAILED)
      fail("mmap");
  std::vector<uint8_t> own(length, 7);
  Patience patience;
  ready();

  if (role == "producer") {
    uint32_t tail = 0;
    uint32_t head = 0;
    for (uint64_t n = 0; n < total; n++) {
      while (capacity - (tail - head) < frame) {
        head = words->head.load(std::memory_order_acquire);
        if (capacity - (tail - head) >= frame) break;
        patience.wait();
      }
      patience.reset();
      uint8_t* at = ring + (tail & mask);
      std::memcpy(at, &length, 4);
      std::memset(at + 4, 0, 4);
      std::memcpy(at + kFrame, own.data(), length);
      tail += frame;
      words->tail.store(tail, std::memory_order_release);
    }
    say("{}");
  } else {
    uint32_t head = 0;
    uint32_t tail = 0;
    uint64_t began = now();
    volatile uint64_t sum = 0;
    for (uint64_t n = 0; n < total; n++) {
      if (n == warm) began = now();
      while (tail == head) {
        tail = words->tail.load(std::memory_order_acquire);
        if (tail != head) break;
        patience.wait();
      }
      patience.reset();
      uint32_t found = 0;
      const uint8_t* at = ring + (head & mask);
      std::memcpy(&found, at, 4);
      if (inPlace) {
        sum = sum + at[kFrame] + at[kFrame + found - 1];
      } else {
        std::memcpy(own.data(), at + kFrame, found);
        sum = sum + own[0] + own[found - 1];
      }
      head += kFrame + ((found + 7) & ~7u);
      words->head.store(head, std::memory_order_release);
    }
    std::printf("{\"ns\":%llu}\n", static_cast<unsigned long long>(now() - began));
  }
  return 0;
}
