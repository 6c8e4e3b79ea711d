// What the native peers share: arguments (key=value), the handshake of lib/actor.mjs, the clock, shared memory.

#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

inline const char* text(int argc, char** argv, const char* key, const char* otherwise = "") {
  const size_t length = std::strlen(key);
  for (int i = 1; i < argc; i++)
    if (std::strncmp(argv[i], key, length) == 0 && argv[i][length] == '=') return argv[i] + length + 1;
  return otherwise;
}

inline uint64_t number(int argc, char** argv, const char* key, uint64_t otherwise = 0) {
  const char* found = text(argc, argv, key);
  return *found == '\0' ? otherwise : static_cast<uint64_t>(std::strtod(found, nullptr));
}

inline uint64_t now() {  // the clock of process.hrtime, too
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(time.tv_nsec);
}

inline void say(const char* line) {
  std::puts(line);
  std::fflush(stdout);
}

// Returns when everybody is ready.
inline void ready() {
  say("READY");
  char byte = 0;
  while (read(0, &byte, 1) == 1 && byte != '\n') {
  }
}

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

// A loop that waits: the other side may need this very core.
class Patience {
 public:
  void wait() {
    if (++turns_ < 200)
      relax();
    else
      sched_yield();
  }
  void reset() { turns_ = 0; }

 private:
  int turns_ = 0;
};

inline void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

// Zeroed shared memory under a name, made by whoever comes first.
inline int openShared(const char* name, size_t bytes) {
  const int file = shm_open(name, O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) fail(name);
  return file;
}

inline void* mapShared(const char* name, size_t bytes) {
  const int file = openShared(name, bytes);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) fail("mmap");
  close(file);
  return memory;
}
