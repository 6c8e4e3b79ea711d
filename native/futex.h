// Waiting on and waking shared 32-bit words.
#pragma once

#include <napi.h>
#include <time.h>

#include <cstdint>

namespace isthmus::futex {

constexpr uint32_t kMaxWaitv = 128;  // FUTEX_WAITV_MAX

/** struct futex_waitv of linux/futex.h (5.16), spelt out because older headers lack it. */
struct Waitv {
  uint64_t value;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};

constexpr uint32_t kSize32 = 2;     // FUTEX_32
constexpr uint32_t kPrivate = 128;  // FUTEX_PRIVATE_FLAG

/** So many death marks one sleep can watch, beside its word. */
constexpr uint32_t kMostMarks = 62;

/** A shared word and the value at which it is worth sleeping on. */
struct Point {
  uint32_t* word;
  uint32_t expected;
};

struct Marks {
  uint32_t count = 0;
  Point points[kMostMarks];
};

/** Reads the arguments `at` (words) and `at + 1` (pairs of index and expected value); false where they make no sense. */
bool MarkAddresses(const Napi::CallbackInfo& info, size_t at, Marks* marks);

/** CLOCK_MONOTONIC in nanoseconds. */
int64_t Now();

/** Sleeps while *word == expected, at most `nanoseconds`. Returns 0 (woken, or a spurious wake) or an errno. */
int Wait(uint32_t* word, uint32_t expected, int64_t nanoseconds, bool shared);

/** Wakes at most `count` sleepers; returns how many, or -1. */
int Wake(uint32_t* word, int count, bool shared);

/** futex_waitv until `deadline` (CLOCK_MONOTONIC, ns). Returns the index of a woken word, or -errno. */
int WaitAny(Waitv* entries, uint32_t count, int64_t deadline);

/** If the mark's thread has died: wakes everybody else who sleeps on it, for the kernel wakes only one. */
void PassDeathOn(uint32_t* mark);

/** False where the kernel lacks futex_waitv, a sandbox refuses it, or a test switched it off. */
bool WaitAnyAvailable();

void Init(Napi::Env env, Napi::Object exports);

}  // namespace isthmus::futex
