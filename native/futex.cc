#include "futex.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
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

/** fence(): no load or store moves across it. */
Napi::Value JsFence(const Napi::CallbackInfo& info) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return info.Env().Undefined();
}

/** giveWay(): lets another thread have this processor if one wants it; the nanoseconds until we had it back. */
Napi::Value JsGiveWay(const Napi::CallbackInfo& info) {
  const int64_t before = Now();
  sched_yield();
  return Napi::Number::New(info.Env(), static_cast<double>(Now() - before));
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

/** One of waitAny's entries: triple `at` of array number, index and expected value. False where it makes no sense. */
bool EntryAt(const Napi::Array& arrays, const int32_t* triple, Waitv* entry) {
  if (triple[0] < 0 || static_cast<uint32_t>(triple[0]) >= arrays.Length()) return false;
  const Napi::Value array = arrays.Get(static_cast<uint32_t>(triple[0]));
  if (!array.IsTypedArray() || array.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    return false;
  const auto words = array.As<Napi::Int32Array>();
  // A detached or shortened buffer has no elements: it fails here, and no stale pointer is used.
  if (triple[1] < 0 || static_cast<size_t>(triple[1]) >= words.ElementLength() || words.Data() == nullptr)
    return false;
  const auto address = reinterpret_cast<uintptr_t>(words.Data() + triple[1]);
  if (address % sizeof(uint32_t) != 0) return false;
  *entry = {static_cast<uint32_t>(triple[2]), address, kSize32, 0};
  return true;
}

/**
 * waitAny(arrays, triples, marksFrom, milliseconds): blocks while all words are as expected, at most 1 s. `triples`: array
 * number, index and expected value, of 1 to 128 words. From the triple `marksFrom` on they are death marks (see above).
 */
Napi::Value JsWaitAny(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const char* const usage = "waitAny(arrays, triples, marksFrom, ms)";
  if (info.Length() < 4 || !info[0].IsArray() || !info[1].IsTypedArray() || !IsInteger(info[2]) ||
      !info[3].IsNumber() || info[1].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    return ThrowMisuse(env, usage);
  const auto arrays = info[0].As<Napi::Array>();
  const auto triples = info[1].As<Napi::Int32Array>();
  const int64_t marks_from = ToInt64(info[2]);
  const size_t length = triples.ElementLength();
  if (length == 0 || length % 3 != 0 || length / 3 > kMaxWaitv || triples.Data() == nullptr || marks_from < 0)
    return ThrowMisuse(env, usage);
  const auto count = static_cast<uint32_t>(length / 3);
  // Copied: reading an element of `arrays` may run JavaScript, which may detach the triples.
  int32_t copy[3 * kMaxWaitv];
  std::memcpy(copy, triples.Data(), length * sizeof(int32_t));
  Waitv entries[kMaxWaitv];
  for (uint32_t n = 0; n < count; n++) {
    if (!EntryAt(arrays, copy + 3 * n, &entries[n])) return ThrowMisuse(env, usage);
  }
  const int result = WaitAny(entries, count, Now() + Bounded(info[3].As<Napi::Number>().DoubleValue()));
  for (int64_t n = marks_from; n < count; n++)
    PassDeathOn(reinterpret_cast<uint32_t*>(static_cast<uintptr_t>(entries[n].address)));
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
  exports.Set("futexWaitAny", Napi::Function::New(env, JsWaitAny, "futexWaitAny"));
  exports.Set("giveWay", Napi::Function::New(env, JsGiveWay, "giveWay"));
  exports.Set("fence", Napi::Function::New(env, JsFence, "fence"));
  exports.Set("futexWake", Napi::Function::New(env, JsWake, "futexWake"));
}

}  // namespace isthmus::futex
