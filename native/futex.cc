#include "futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#include "death_mark.h"
#include "napi_util.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449  // the same number on every architecture
#endif

namespace isthmus::futex {

namespace {

timespec ToTimespec(int64_t nanoseconds) {
  timespec time;
  time.tv_sec = static_cast<time_t>(nanoseconds / 1000000000);
  time.tv_nsec = static_cast<long>(nanoseconds % 1000000000);
  return time;
}

/** In ns. The layers above slice every sleep; a caller that forgot must not sleep for ever either. */
int64_t Bounded(double milliseconds) {
  const double bounded = milliseconds > 0 ? (milliseconds < 1000 ? milliseconds : 1000) : 0;
  return static_cast<int64_t>(bounded * 1e6);
}

/** wait(words, index, expected, milliseconds): blocks. 0 woken, EAGAIN the word differs, ETIMEDOUT, EINTR. */
Napi::Value JsWait(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  uint32_t* word = WordAddress(info, 0);
  if (word == nullptr) return env.Undefined();
  if (info.Length() < 4 || !info[2].IsNumber() || !info[3].IsNumber())
    return ThrowMisuse(env, "wait(words, index, expected, ms)");
  const uint32_t expected = info[2].As<Napi::Number>().Uint32Value();
  const int error = Wait(word, expected, Bounded(info[3].As<Napi::Number>().DoubleValue()), true);
  if (error != 0 && error != EAGAIN && error != ETIMEDOUT && error != EINTR)
    return ThrowErrno(env, "futex", error);
  return Napi::Number::New(env, error);
}

/**
 * waitWithMarks(words, index, expected, markWords, marks, milliseconds): blocks while the word and all marks are as
 * expected, at most 1 s. `marks`: pairs of index in markWords and expected value. The kernel wakes one sleeper of a dead
 * thread's mark: that one wakes the others, here, before anything else can happen to it.
 */
Napi::Value JsWaitWithMarks(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  uint32_t* word = WordAddress(info, 0);
  if (word == nullptr) return env.Undefined();
  Marks marks;
  if (info.Length() < 6 || !info[2].IsNumber() || !info[5].IsNumber() || !MarkAddresses(info, 3, &marks))
    return ThrowMisuse(env, "waitWithMarks(words, index, expected, markWords, marks, ms)");
  Waitv entries[1 + kMostMarks];
  uint32_t count = 0;
  entries[count++] = {info[2].As<Napi::Number>().Uint32Value(), reinterpret_cast<uintptr_t>(word), kSize32,
                      0};
  for (uint32_t n = 0; n < marks.count; n++) {
    const Point& mark = marks.points[n];
    entries[count++] = {mark.expected, reinterpret_cast<uintptr_t>(mark.word), kSize32, 0};
  }
  const int result = WaitAny(entries, count, Now() + Bounded(info[5].As<Napi::Number>().DoubleValue()));
  for (uint32_t n = 0; n < marks.count; n++) PassDeathOn(marks.points[n].word);
  if (result < 0 && result != -EAGAIN && result != -ETIMEDOUT && result != -EINTR)
    return ThrowErrno(env, "futex_waitv", -result);
  return Napi::Number::New(env, result < 0 ? -result : 0);
}

/** wake(words, index): wakes all sleepers of one word, in every process; returns their number. */
Napi::Value JsWake(const Napi::CallbackInfo& info) {
  uint32_t* word = WordAddress(info, 0);
  if (word == nullptr) return info.Env().Undefined();
  const int woken = Wake(word, INT_MAX, true);
  if (woken < 0) return ThrowErrno(info.Env(), "futex");
  return Napi::Number::New(info.Env(), woken);
}

}  // namespace

bool MarkAddresses(const Napi::CallbackInfo& info, size_t at, Marks* marks) {
  if (info.Length() < at + 2 || !info[at].IsTypedArray() || !info[at + 1].IsTypedArray()) return false;
  const auto words = info[at].As<Napi::TypedArray>();
  const auto pairs = info[at + 1].As<Napi::TypedArray>();
  if (words.TypedArrayType() != napi_int32_array || pairs.TypedArrayType() != napi_int32_array) return false;
  uint32_t* const first = reinterpret_cast<uint32_t*>(words.As<Napi::Int32Array>().Data());
  const int32_t* const pair = pairs.As<Napi::Int32Array>().Data();
  const size_t count = pairs.ElementLength() / 2;
  if (first == nullptr || pair == nullptr || count > kMostMarks) return false;
  for (size_t n = 0; n < count; n++) {
    const int32_t index = pair[2 * n];
    if (index < 0 || static_cast<size_t>(index) >= words.ElementLength()) return false;
    marks->points[n] = {first + index, static_cast<uint32_t>(pair[2 * n + 1])};
  }
  marks->count = static_cast<uint32_t>(count);
  return true;
}

int64_t Now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}

int Wait(uint32_t* word, uint32_t expected, int64_t nanoseconds, bool shared) {
  timespec timeout = ToTimespec(nanoseconds);
  const int operation = shared ? FUTEX_WAIT : FUTEX_WAIT_PRIVATE;
  return syscall(SYS_futex, word, operation, expected, &timeout, nullptr, 0) == 0 ? 0 : errno;
}

int Wake(uint32_t* word, int count, bool shared) {
  return static_cast<int>(
      syscall(SYS_futex, word, shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0));
}

void PassDeathOn(uint32_t* mark) {
  if (DeathMark::Died(__atomic_load_n(mark, __ATOMIC_SEQ_CST))) Wake(mark, INT_MAX, true);
}

int WaitAny(Waitv* entries, uint32_t count, int64_t deadline) {
  timespec timeout = ToTimespec(deadline);
  const long index = syscall(SYS_futex_waitv, entries, count, 0, &timeout, CLOCK_MONOTONIC);
  return index >= 0 ? static_cast<int>(index) : -errno;
}

bool WaitAnyAvailable() {
  static const bool available = [] {
    if (FeatureDisabled("futex_waitv")) return false;
    // No entries: EINVAL where the call exists; ENOSYS before Linux 5.16, EPERM (or another refusal) in a sandbox.
    return syscall(SYS_futex_waitv, nullptr, 0, 0, nullptr, CLOCK_MONOTONIC) == -1 && errno == EINVAL;
  }();
  return available;
}

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("futexWait", Napi::Function::New(env, JsWait, "futexWait"));
  exports.Set("futexWaitWithMarks", Napi::Function::New(env, JsWaitWithMarks, "futexWaitWithMarks"));
  exports.Set("futexWake", Napi::Function::New(env, JsWake, "futexWake"));
}

}  // namespace isthmus::futex
