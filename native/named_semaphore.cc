#include "named_semaphore.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>

#include "futex.h"
#include "napi_util.h"
#include "threads.h"

namespace isthmus {

namespace {

constexpr double kLongestSleep = 1000;  // ms
constexpr double kThreadSlice = 50;     // ms; a thread that is not needed any more is gone after that

timespec After(clockid_t clock, double milliseconds) {
  timespec time;
  clock_gettime(clock, &time);
  const int64_t nanoseconds = time.tv_nsec + static_cast<int64_t>(milliseconds * 1e6);
  time.tv_sec += static_cast<time_t>(nanoseconds / 1000000000);
  time.tv_nsec = static_cast<long>(nanoseconds % 1000000000);
  return time;
}

using ClockWait = int (*)(sem_t*, clockid_t, const timespec*);

/** sem_clockwait (glibc 2.30), looked up so that the addon loads where it is missing. */
ClockWait FindClockWait() {
  static const ClockWait found = FeatureDisabled("sem_clockwait")
                                     ? nullptr
                                     : reinterpret_cast<ClockWait>(dlsym(RTLD_DEFAULT, "sem_clockwait"));
  return found;
}

/**
 * Waits at most `milliseconds` (bounded to 1 s) for a permit; 0 or an errno. The callers' deadlines are on the monotonic
 * clock. Without sem_clockwait the slice itself is measured on the realtime clock: one that is set back during a slice
 * lengthens that one slice, nothing else.
 */
int WaitSlice(sem_t* semaphore, double milliseconds) {
  const double bounded = std::min(std::max(milliseconds, 0.0), kLongestSleep);
  if (ClockWait clock_wait = FindClockWait()) {
    const timespec deadline = After(CLOCK_MONOTONIC, bounded);
    return clock_wait(semaphore, CLOCK_MONOTONIC, &deadline) == 0 ? 0 : errno;
  }
  const timespec deadline = After(CLOCK_REALTIME, bounded);
  return sem_timedwait(semaphore, &deadline) == 0 ? 0 : errno;
}

}  // namespace

Napi::Function NamedSemaphore::Define(Napi::Env env) {
  return DefineClass(
      env, "NativeSemaphore",
      {InstanceMethod<&NamedSemaphore::TryWait>("tryWait"), InstanceMethod<&NamedSemaphore::Wait>("wait"),
       InstanceMethod<&NamedSemaphore::Post>("post"), InstanceMethod<&NamedSemaphore::GetValue>("value"),
       InstanceMethod<&NamedSemaphore::OnPermits>("onPermits"), InstanceMethod<&NamedSemaphore::Want>("want"),
       InstanceMethod<&NamedSemaphore::Collect>("collect"),
       InstanceMethod<&NamedSemaphore::Acknowledge>("acknowledge"),
       InstanceMethod<&NamedSemaphore::GiveBack>("giveBack"), InstanceMethod<&NamedSemaphore::Halt>("halt"),
       InstanceMethod<&NamedSemaphore::JsClose>("close")});
}

NamedSemaphore::NamedSemaphore(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<NamedSemaphore>(info), env_(info.Env()) {
  Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !IsInteger(info[1])) {
    ThrowMisuse(env, "new NativeSemaphore(name, initial)");
    return;
  }
  const std::string name = "/" + info[0].As<Napi::String>().Utf8Value();
  const int64_t initial = ToInt64(info[1]);
  sem_t* semaphore = initial < 0
                         ? sem_open(name.c_str(), 0)
                         : sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, static_cast<unsigned>(initial));
  if (semaphore == SEM_FAILED) {
    ThrowErrno(env, "sem_open");
    return;
  }
  state_ = std::make_shared<State>(semaphore);
  napi_add_env_cleanup_hook(env, CloseAtExit, this);
}

NamedSemaphore::~NamedSemaphore() {
  if (state_) Close();
}

bool NamedSemaphore::Usable(Napi::Env env) const {
  if (state_) return true;
  ThrowMisuse(env, "this semaphore is closed");
  return false;
}

/** tryWait(): true when a permit was taken. */
Napi::Value NamedSemaphore::TryWait(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  while (sem_trywait(state_->semaphore) != 0) {
    if (errno == EAGAIN) return Napi::Boolean::New(env, false);
    if (errno != EINTR) return ThrowErrno(env, "sem_trywait");
  }
  return Napi::Boolean::New(env, true);
}

/** wait(milliseconds): blocks, at most 1 s; true when a permit was taken, which is to be acknowledged. */
Napi::Value NamedSemaphore::Wait(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 1 || !info[0].IsNumber()) return ThrowMisuse(env, "wait(milliseconds)");
  const int error = WaitSlice(state_->semaphore, info[0].As<Napi::Number>().DoubleValue());
  if (error != 0 && error != ETIMEDOUT && error != EINTR) return ThrowErrno(env, "sem_clockwait", error);
  if (error == 0) {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->handed++;
  }
  return Napi::Boolean::New(env, error == 0);
}

/** post(n): adds n permits, or none and an error. */
Napi::Value NamedSemaphore::Post(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 1 || !IsInteger(info[0])) return ThrowMisuse(env, "post(n)");
  const int64_t count = ToInt64(info[0]);
  for (int64_t posted = 0; posted < count; posted++) {
    if (sem_post(state_->semaphore) == 0) continue;
    const int error = errno;
    while (posted-- > 0 && sem_trywait(state_->semaphore) == 0) {
    }
    return ThrowErrno(env, "sem_post", error);
  }
  return env.Undefined();
}

Napi::Value NamedSemaphore::GetValue(const Napi::CallbackInfo& info) {
  if (!Usable(info.Env())) return info.Env().Undefined();
  int value = 0;
  if (sem_getvalue(state_->semaphore, &value) != 0) return ThrowErrno(info.Env(), "sem_getvalue");
  return Napi::Number::New(info.Env(), std::max(value, 0));  // POSIX allows a negative number of waiters here
}

/** onPermits(callback): once, before the first want; the callback gets a number of permits, and must not throw. */
Napi::Value NamedSemaphore::OnPermits(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 1 || !info[0].IsFunction() || state_->deliver != nullptr)
    return ThrowMisuse(env, "onPermits(callback)");
  napi_value name;
  napi_create_string_utf8(env, "isthmus semaphore", NAPI_AUTO_LENGTH, &name);
  napi_threadsafe_function deliver;
  if (napi_create_threadsafe_function(env, info[0], nullptr, name, 0, 1, nullptr, nullptr, state_.get(),
                                      CallJs, &deliver) != napi_ok) {
    return ThrowErrno(env, "napi_create_threadsafe_function", ENOMEM);
  }
  napi_unref_threadsafe_function(env, deliver);  // JavaScript decides what keeps the loop alive
  state_->deliver = deliver;
  // Hooks run last in, first out: ours ends the use of the function before the function goes away.
  napi_remove_env_cleanup_hook(env, CloseAtExit, this);
  napi_add_env_cleanup_hook(env, CloseAtExit, this);
  return env.Undefined();
}

/** want(count): how many permits JavaScript waits for now; the thread takes no more than these. */
Napi::Value NamedSemaphore::Want(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 1 || !IsInteger(info[0]) || state_->deliver == nullptr)
    return ThrowMisuse(env, "want(count)");
  std::lock_guard<std::mutex> lock(state_->mutex);
  state_->wanted = static_cast<int>(ToInt64(info[0]));
  if (state_->running.load() != 0 || state_->wanted <= state_->ready) return env.Undefined();
  auto* argument = new std::shared_ptr<State>(state_);
  state_->running.store(1);
  if (StartThread(nullptr, Run, argument)) return env.Undefined();
  state_->running.store(0);
  delete argument;
  return ThrowErrno(env, "pthread_create", EAGAIN);
}

/** collect(): the permits that the thread has taken and the callback has not brought; they are to be acknowledged. */
Napi::Value NamedSemaphore::Collect(const Napi::CallbackInfo& info) {
  if (!Usable(info.Env())) return info.Env().Undefined();
  std::lock_guard<std::mutex> lock(state_->mutex);
  const int permits = state_->ready;
  state_->ready = 0;
  state_->handed += permits;
  return Napi::Number::New(info.Env(), permits);
}

/** acknowledge(): a permit that was handed over has reached its user, and is not given back for it any more. */
Napi::Value NamedSemaphore::Acknowledge(const Napi::CallbackInfo& info) {
  if (!state_) return info.Env().Undefined();  // closed meanwhile: given back
  std::lock_guard<std::mutex> lock(state_->mutex);
  if (state_->handed > 0) state_->handed--;
  return info.Env().Undefined();
}

/** giveBack(): returns a permit that was handed over and that nobody wants. */
Napi::Value NamedSemaphore::GiveBack(const Napi::CallbackInfo& info) {
  if (!Usable(info.Env())) return info.Env().Undefined();
  std::lock_guard<std::mutex> lock(state_->mutex);
  if (state_->handed == 0) return info.Env().Undefined();
  state_->handed--;
  sem_post(state_->semaphore);
  return info.Env().Undefined();
}

/** halt(): ends the thread's work and gives back what was on its way; waits for its last slice. */
Napi::Value NamedSemaphore::Halt(const Napi::CallbackInfo& info) {
  if (!Usable(info.Env())) return info.Env().Undefined();
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->wanted = 0;
    for (; state_->ready > 0; state_->ready--) sem_post(state_->semaphore);
    for (; state_->handed > 0; state_->handed--) sem_post(state_->semaphore);
  }
  WaitForThread(state_.get());
  return info.Env().Undefined();
}

void* NamedSemaphore::Run(void* argument) {
  prctl(PR_SET_NAME, "isthmus-sem");
  std::unique_ptr<std::shared_ptr<State>> owned(static_cast<std::shared_ptr<State>*>(argument));
  State& state = **owned;
  std::unique_lock<std::mutex> lock(state.mutex);
  while (!state.closed && state.ready < state.wanted) {
    lock.unlock();
    const int error = WaitSlice(state.semaphore, kThreadSlice);
    lock.lock();
    if (error != 0) continue;
    if (state.closed || state.ready >= state.wanted) {
      sem_post(state.semaphore);  // nobody waits for it any more
    } else if (state.ready++ == 0) {
      napi_call_threadsafe_function(state.deliver, nullptr, napi_tsfn_nonblocking);
    }
  }
  state.running.store(0);  // pairs with WaitForThread
  lock.unlock();
  futex::Wake(reinterpret_cast<uint32_t*>(&state.running), 1, false);
  return nullptr;
}

void NamedSemaphore::CallJs(napi_env env, napi_value callback, void* context, void*) {
  if (env == nullptr || callback == nullptr)
    return;  // the environment is going away; Close has given the permits back
  State* state = static_cast<State*>(context);
  int permits;
  {
    std::lock_guard<std::mutex> lock(state->mutex);
    if (state->closed) return;
    permits = state->ready;
    state->ready = 0;
    state->handed += permits;
    state->wanted -= std::min(permits, state->wanted);
  }
  if (permits == 0) return;
  napi_value undefined, count;
  napi_get_undefined(env, &undefined);
  napi_create_int32(env, permits, &count);
  // If JavaScript is being terminated the permits stay `handed`, and Close gives them back.
  napi_call_function(env, undefined, callback, 1, &count, nullptr);
}

void NamedSemaphore::WaitForThread(State* state) {
  for (int slices = 0; state->running.load() != 0 && slices < 40; slices++) {
    futex::Wait(reinterpret_cast<uint32_t*>(&state->running), 1, static_cast<int64_t>(kThreadSlice * 1e6),
                false);
  }
}

void NamedSemaphore::Close() {
  std::shared_ptr<State> state = std::move(state_);
  state_.reset();
  napi_threadsafe_function deliver;
  {
    std::lock_guard<std::mutex> lock(state->mutex);
    state->closed = true;
    for (; state->ready > 0; state->ready--) sem_post(state->semaphore);
    for (; state->handed > 0; state->handed--) sem_post(state->semaphore);
    deliver = state->deliver;
    state->deliver = nullptr;  // used under the mutex only, and never again once closed
  }
  napi_remove_env_cleanup_hook(env_, CloseAtExit, this);
  if (deliver != nullptr) napi_release_threadsafe_function(deliver, napi_tsfn_abort);
}

void NamedSemaphore::CloseAtExit(void* self) {
  NamedSemaphore* semaphore = static_cast<NamedSemaphore*>(self);
  if (!semaphore->state_) return;
  std::shared_ptr<State> state = semaphore->state_;
  semaphore->Close();
  WaitForThread(state.get());
}

Napi::Value NamedSemaphore::JsClose(const Napi::CallbackInfo& info) {
  if (state_) Close();
  return info.Env().Undefined();
}

namespace named_semaphore {

namespace {

Napi::Value JsUnlink(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsString()) return ThrowMisuse(env, "unlinkSemaphore(name)");
  if (sem_unlink(("/" + info[0].As<Napi::String>().Utf8Value()).c_str()) != 0)
    return ThrowErrno(env, "sem_unlink");
  return env.Undefined();
}

}  // namespace

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeSemaphore", NamedSemaphore::Define(env));
  exports.Set("unlinkSemaphore", Napi::Function::New(env, JsUnlink, "unlinkSemaphore"));
  exports.Set("semaphoreBytes", Napi::Number::New(env, sizeof(sem_t)));
}

}  // namespace named_semaphore

}  // namespace isthmus
