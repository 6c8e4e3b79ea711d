#include "named_semaphore.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "env_data.h"
#include "futex.h"
#include "liveness.h"
#include "napi_util.h"

namespace isthmus {

namespace {

constexpr int64_t kMillisecond = 1000000;
constexpr int64_t kSlice = 50 * kMillisecond;     // of the thread: ending it takes no longer than this
constexpr int64_t kIdle = 1000 * kMillisecond;    // a thread that nobody wants ends after this
constexpr int64_t kSettle = kMillisecond;         // how long "no permit" waits for a thread that may hold one too many
constexpr int64_t kPatience = 2000 * kMillisecond;  // at the end of an environment, should a wait not return
constexpr size_t kStackBytes = 64 * 1024;
constexpr int64_t kReleaseLock = 0;  // the byte of the file that bounded releases lock

timespec Later(clockid_t clock, int64_t nanoseconds) {
  timespec time;
  clock_gettime(clock, &time);
  const int64_t sum = time.tv_nsec + nanoseconds;
  time.tv_sec += static_cast<time_t>(sum / 1000000000);
  time.tv_nsec = static_cast<long>(sum % 1000000000);
  return time;
}

using ClockWait = int (*)(sem_t*, clockid_t, const timespec*);

/** sem_clockwait, or nullptr where the C library has none (glibc before 2.30, musl). */
ClockWait FindClockWait() {
  static const ClockWait found = [] {
    void* symbol = FeatureDisabled("sem_clockwait") ? nullptr : dlsym(RTLD_DEFAULT, "sem_clockwait");
    return reinterpret_cast<ClockWait>(symbol);
  }();
  return found;
}

/** 0: took a permit. EAGAIN: none came in time, or a signal did. Callers measure the time themselves, monotonically. */
int WaitOnce(sem_t* semaphore, int64_t nanoseconds) {
  const ClockWait clock_wait = FindClockWait();
  const timespec until = Later(clock_wait != nullptr ? CLOCK_MONOTONIC : CLOCK_REALTIME, nanoseconds);
  const int result =
      clock_wait != nullptr ? clock_wait(semaphore, CLOCK_MONOTONIC, &until) : sem_timedwait(semaphore, &until);
  if (result == 0) return 0;
  return errno == ETIMEDOUT || errno == EINTR ? EAGAIN : errno;
}

int TryOnce(sem_t* semaphore) {
  int result;
  do {
    result = sem_trywait(semaphore);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

}  // namespace

// ---- the semaphore and its thread

OpenSemaphore::~OpenSemaphore() { sem_close(semaphore_); }

int OpenSemaphore::TryTake() {
  std::unique_lock<std::mutex> lock(mutex_);
  TakeForLine();
  if (want_ > 0) return EAGAIN;
  const int error = TryOnce(semaphore_);
  if (error != EAGAIN || !in_wait_) return error;
  LetThreadSettle(&lock);
  return TryOnce(semaphore_);
}

int OpenSemaphore::Take(int64_t nanoseconds) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!running_) {
    lock.unlock();
    const int error = WaitOnce(semaphore_, nanoseconds);
    lock.lock();
    if (error == 0) handed_++;
    return error;
  }
  // The promises in line cannot run while this call blocks their event loop: the thread's next permit is for the call.
  const int64_t deadline = futex::Now() + nanoseconds;
  blocked_call_ = true;
  Nudge();
  while (blocked_call_ && running_ && futex::Now() < deadline) AwaitNews(&lock, deadline);
  const bool took = !blocked_call_;
  blocked_call_ = false;
  return took ? 0 : EAGAIN;
}

int OpenSemaphore::Post(int64_t count) {
  for (int64_t posted = 0; posted < count; posted++) {
    if (sem_post(semaphore_) == 0) continue;
    const int error = errno;
    while (posted > 0 && TryOnce(semaphore_) == 0) posted--;
    return error;
  }
  return 0;
}

int OpenSemaphore::Value(int* value) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (in_wait_ && want_ == 0) LetThreadSettle(&lock);
  return sem_getvalue(semaphore_, value) == 0 ? 0 : errno;
}

bool OpenSemaphore::Start(napi_env env, napi_value callback) {
  napi_value name;
  napi_create_string_utf8(env, "isthmus semaphore", NAPI_AUTO_LENGTH, &name);
  napi_threadsafe_function deliver;
  if (napi_create_threadsafe_function(env, callback, nullptr, name, 0, 1, nullptr, nullptr, this, CallJs, &deliver) !=
      napi_ok) {
    return false;
  }
  napi_unref_threadsafe_function(env, deliver);  // JavaScript decides what keeps the loop alive
  std::lock_guard<std::mutex> lock(mutex_);
  deliver_ = deliver;
  return true;
}

bool OpenSemaphore::Want() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!running_ && !stop_) {
    running_ = StartThread();
    if (!running_) return false;
  }
  want_++;
  Nudge();
  return true;
}

void OpenSemaphore::Unwant() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (want_ > 0) {
    want_--;
  } else if (ready_ > 0) {
    ready_--;
    sem_post(semaphore_);
  }
}

void OpenSemaphore::Serve() {
  std::lock_guard<std::mutex> lock(mutex_);
  TakeForLine();
}

bool OpenSemaphore::Claim() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (ready_ == 0) return false;
  ready_--;
  handed_++;
  return true;
}

void OpenSemaphore::Acknowledge() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (handed_ > 0) handed_--;
}

void OpenSemaphore::KeepAlive(napi_env env, bool keep) {
  if (deliver_ == nullptr) return;
  if (keep) {
    napi_ref_threadsafe_function(env, deliver_);
  } else {
    napi_unref_threadsafe_function(env, deliver_);
  }
}

void OpenSemaphore::Stop(End end) {
  std::unique_lock<std::mutex> lock(mutex_);
  stop_ = true;
  int64_t back = ready_;
  if (end == End::kEnvironment) back += handed_;
  want_ = ready_ = handed_ = 0;
  blocked_call_ = false;
  for (; back > 0; back--) sem_post(semaphore_);
  if (deliver_ != nullptr) napi_release_threadsafe_function(deliver_, napi_tsfn_abort);
  deliver_ = nullptr;
  Nudge();
  if (end != End::kEnvironment) return;
  const int64_t deadline = futex::Now() + kPatience;
  while (running_ && futex::Now() < deadline) AwaitNews(&lock, deadline);
}

/** Permits that are there now go to those in line. Called with the lock. */
void OpenSemaphore::TakeForLine() {
  while (want_ > 0 && TryOnce(semaphore_) == 0) {
    want_--;
    ready_++;
    Tell();
  }
}

/** The thread has taken a permit: whose is it? Called with the lock. */
void OpenSemaphore::PassOn() {
  if (blocked_call_) {
    blocked_call_ = false;
    handed_++;
  } else if (want_ > 0) {
    want_--;
    ready_++;
    Tell();
  } else {
    sem_post(semaphore_);  // whoever wanted it has given up meanwhile
  }
}

void OpenSemaphore::Tell() {
  if (told_ || deliver_ == nullptr) return;
  told_ = true;
  napi_call_threadsafe_function(deliver_, nullptr, napi_tsfn_nonblocking);
}

void OpenSemaphore::Nudge() {
  control_.fetch_add(1);  // pairs with the load under the lock in Loop
  futex::Wake(reinterpret_cast<uint32_t*>(&control_), 1, false);
}

/** Sleeps without the lock until the thread leaves a wait or ends, or the time is over. */
void OpenSemaphore::AwaitNews(std::unique_lock<std::mutex>* lock, int64_t deadline) {
  const uint32_t news = news_.load();
  const int64_t left = deadline - futex::Now();
  lock->unlock();
  if (left > 0) futex::Wait(reinterpret_cast<uint32_t*>(&news_), news, left, false);
  lock->lock();
}

/**
 * For a moment after the last promise has left the line its thread still sleeps on the semaphore, and may take a permit
 * that it gives back at once. Nobody here shall see the instant in between.
 */
void OpenSemaphore::LetThreadSettle(std::unique_lock<std::mutex>* lock) {
  const int64_t deadline = futex::Now() + kSettle;
  while (in_wait_ && futex::Now() < deadline) AwaitNews(lock, deadline);
}

bool OpenSemaphore::StartThread() {
  auto self = std::make_unique<std::shared_ptr<OpenSemaphore>>(shared_from_this());
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);  // Stop waits for `running_` instead
#if !defined(__SANITIZE_ADDRESS__)
  pthread_attr_setstacksize(&attributes, kStackBytes);  // refused where thread-local data needs more: the default then
#endif
  // Signals belong to the threads that expect them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  int error = pthread_create(&thread, &attributes, Run, self.get());
  if (error == EINVAL) {
    pthread_attr_t defaults;
    pthread_attr_init(&defaults);
    pthread_attr_setdetachstate(&defaults, PTHREAD_CREATE_DETACHED);
    error = pthread_create(&thread, &defaults, Run, self.get());
    pthread_attr_destroy(&defaults);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) return false;
  self.release();
  return true;
}

void* OpenSemaphore::Run(void* argument) {
  std::unique_ptr<std::shared_ptr<OpenSemaphore>> self(static_cast<std::shared_ptr<OpenSemaphore>*>(argument));
  prctl(PR_SET_NAME, "isthmus-sem");
  (*self)->Loop();
  return nullptr;
}

void OpenSemaphore::Loop() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stop_) {
    if (want_ == 0 && !blocked_call_) {
      const uint32_t control = control_.load();  // pairs with Nudge
      lock.unlock();
      const int result = futex::Wait(reinterpret_cast<uint32_t*>(&control_), control, kIdle, false);
      lock.lock();
      if (result == ETIMEDOUT && want_ == 0 && !blocked_call_) break;
      continue;
    }
    in_wait_ = true;
    lock.unlock();
    const int error = WaitOnce(semaphore_, kSlice);
    lock.lock();
    in_wait_ = false;
    if (error == 0) PassOn();
    news_.fetch_add(1);  // pairs with AwaitNews
    futex::Wake(reinterpret_cast<uint32_t*>(&news_), INT_MAX, false);
  }
  running_ = false;
  news_.fetch_add(1);
  futex::Wake(reinterpret_cast<uint32_t*>(&news_), INT_MAX, false);
}

void OpenSemaphore::CallJs(napi_env env, napi_value callback, void* context, void*) {
  if (env == nullptr || callback == nullptr) return;  // the environment is going away, perhaps `context` has gone
  OpenSemaphore* self = static_cast<OpenSemaphore*>(context);
  {
    std::lock_guard<std::mutex> lock(self->mutex_);
    self->told_ = false;
  }
  napi_value undefined;
  napi_get_undefined(env, &undefined);
  napi_call_function(env, undefined, callback, 0, nullptr, nullptr);
}
