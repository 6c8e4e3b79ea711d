// A robust, process-shared pthread mutex and a process-shared sem_t; an atomic word; a mapping.
//
// locks kind=mutex|sem role=free name=/x count=1e6          acquire and release that nobody else wants
// locks kind=mutex|sem role=contend name=/x seconds=0.5     several of these at once
// locks kind=mutex role=holder|waiter name=/x               takeover: the holder is killed
// locks role=add name=/x count=1e6                          fetch_add
// locks role=attach name=/x count=100                       shm_open, mmap, munmap

#include <pthread.h>
#include <semaphore.h>

#include <atomic>
#include <cerrno>

#include "common.h"

struct Room {
  std::atomic<int> state;  // 0: nobody has been here, 1: being made, 2: ready
  pthread_mutex_t mutex;
  sem_t semaphore;
  alignas(128) volatile uint64_t acquired;
  volatile int last;
  alignas(128) std::atomic<int64_t> word;
};

static Room* enter(const char* name) {
  auto* room = static_cast<Room*>(mapShared(name, sizeof(Room)));
  int nobody = 0;
  if (room->state.compare_exchange_strong(nobody, 1)) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&room->mutex, &attributes);
    sem_init(&room->semaphore, 1, 1);
    room->state = 2;
  }
  while (room->state != 2) sched_yield();
  return room;
}

static bool acquire(Room* room, bool mutex) {
  if (!mutex) {
    while (sem_wait(&room->semaphore) != 0) {
    }
    return false;
  }
  const bool abandoned = pthread_mutex_lock(&room->mutex) == EOWNERDEAD;
  if (abandoned) pthread_mutex_consistent(&room->mutex);
  return abandoned;
}

static void release(Room* room, bool mutex) {
  if (mutex)
    pthread_mutex_unlock(&room->mutex);
  else
    sem_post(&room->semaphore);
}

static void contend(Room* room, bool mutex, double seconds) {
  const int me = getpid();
  ready();
  const uint64_t began = now();
  const uint64_t end = began + static_cast<uint64_t>(seconds * 1e9);
  uint64_t mine = 0;
  uint64_t handovers = 0;
  uint64_t slowest = 0;
  for (uint64_t before = began; before < end;) {
    acquire(room, mutex);
    room->acquired = room->acquired + 1;
    if (room->last != me) handovers++;
    room->last = me;
    release(room, mutex);
    mine++;
    const uint64_t after = now();
    if (after - before > slowest) slowest = after - before;
    before = after;
  }
  std::printf("{\"ns\":%llu,\"acquired\":%llu,\"handovers\":%llu,\"slowest\":%llu}\n",
              static_cast<unsigned long long>(now() - began), static_cast<unsigned long long>(mine),
              static_cast<unsigned long long>(handovers), static_cast<unsigned long long>(slowest));
}

int main(int argc, char** argv) {
  const std::string role = text(argc, argv, "role");
  const bool mutex = std::string(text(argc, argv, "kind", "mutex")) == "mutex";
  const char* name = text(argc, argv, "name");
  const uint64_t count = number(argc, argv, "count", 1000000);
  Room* room = enter(name);

  if (role == "contend") {
    contend(room, mutex, std::strtod(text(argc, argv, "seconds", "0.5"), nullptr));
    return 0;
  }
  if (role == "holder") {  // ballast=BYTES of touched memory, as a large process has
    const uint64_t ballast = number(argc, argv, "ballast", 0);
    char* memory = static_cast<char*>(std::malloc(ballast + 1));
    std::memset(memory, 1, ballast + 1);
    say("PREPARED");
    char line[64];
    if (std::fgets(line, sizeof line, stdin) == nullptr) return 0;
    acquire(room, mutex);
    say("HELD");
    for (;;) ::pause();
  }
  if (role == "waiter") {
    char line[64];
    while (std::fgets(line, sizeof line, stdin) != nullptr) {
      say("WAITING");
      const bool abandoned = acquire(room, mutex);
      const uint64_t at = now();
      release(room, mutex);
      std::printf("AT %llu %d\n", static_cast<unsigned long long>(at), abandoned ? 1 : 0);
      std::fflush(stdout);
    }
    return 0;
  }

  ready();
  const uint64_t began = now();
  for (uint64_t n = 0; n < count; n++) {
    if (role == "add") {
      room->word.fetch_add(1);
    } else if (role == "attach") {
      munmap(mapShared(name, sizeof(Room)), sizeof(Room));
    } else {
      acquire(room, mutex);
      release(room, mutex);
    }
  }
  std::printf("{\"ns\":%llu}\n", static_cast<unsigned long long>(now() - began));
  return 0;
}
