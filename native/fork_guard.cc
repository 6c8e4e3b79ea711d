#include "fork_guard.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace isthmus::fork_guard {

namespace {

/** Descriptors of every environment in this process. Never destroyed: a fork may come at any time. */
struct Table {
  std::mutex mutex;
  std::vector<int> descriptors;
};

Table& Descriptors() {
  static Table* const table = [] {
    Table* made = new Table();
    // Held over the fork, so that the child finds the table whole.
    pthread_atfork([] { Descriptors().mutex.lock(); }, [] { Descriptors().mutex.unlock(); },
                   [] {
                     for (const int fd : Descriptors().descriptors) close(fd);
                     Descriptors().descriptors.clear();
                     Descriptors().mutex.unlock();
                   });
    return made;
  }();
  return *table;
}

}  // namespace

void Add(int fd) {
  Table& table = Descriptors();
  std::lock_guard<std::mutex> lock(table.mutex);
  table.descriptors.push_back(fd);
}

void Remove(int fd) {
  Table& table = Descriptors();
  std::lock_guard<std::mutex> lock(table.mutex);
  std::vector<int>& all = table.descriptors;
  all.erase(std::remove(all.begin(), all.end(), fd), all.end());
}

}  // namespace isthmus::fork_guard
