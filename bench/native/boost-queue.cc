// Boost.Interprocess' message_queue. boost-queue role=… name=… bytes=… count=… warm=… capacity=…

#include <boost/interprocess/ipc/message_queue.hpp>
#include <vector>

#include "common.h"

namespace ipc = boost::interprocess;

int main(int argc, char** argv) {
  const std::string role = text(argc, argv, "role");
  const char* name = text(argc, argv, "name") + 1;  // Boost adds the slash
  const auto length = static_cast<size_t>(number(argc, argv, "bytes", 64));
  const auto capacity = static_cast<size_t>(number(argc, argv, "capacity", 1 << 20));
  const uint64_t warm = number(argc, argv, "warm", 0);
  const uint64_t total = warm + number(argc, argv, "count", 1000000);
  const size_t depth = capacity / (length + 8) > 1 ? capacity / (length + 8) : 1;
  ipc::message_queue queue(ipc::open_or_create, name, depth, length);
  std::vector<uint8_t> own(length, 7);
  ready();
  if (role == "producer") {
    for (uint64_t n = 0; n < total; n++) queue.send(own.data(), length, 0);
    say("{}");
  } else {
    uint64_t began = now();
    volatile uint64_t sum = 0;
    for (uint64_t n = 0; n < total; n++) {
      if (n == warm) began = now();
      ipc::message_queue::size_type got = 0;
      unsigned priority = 0;
      queue.receive(own.data(), length, got, priority);
      sum = sum + own[0] + own[got - 1];
    }
    std::printf("{\"ns\":%llu}\n", static_cast<unsigned long long>(now() - began));
  }
  return 0;
}
