// POSIX named semaphores through the public calls only; nothing here knows what lies inside a sem_t.
//
//   JavaScript thread                     the semaphore's thread (while promises are pending)
//   want() ────────────────control──────▶ sem_clockwait, at most 50 ms, again and again
//   callback(): claim(), claim(), … ◀──tsfn── a permit that somebody wants is ready; any other goes back by sem_post
#pragma once

#include <napi.h>
#include <semaphore.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace isthmus {

/**
 * An open semaphore and the thread that waits on it for the promise forms. The thread keeps it alive: a handle can be
 * closed at any time, and the semaphore itself is closed when the thread has left its last sleep.
 *
 * Each permit that was taken for a promise or for a blocked call is at any time either `ready` (the event loop has not
 * collected it), or `handed` (JavaScript has it but its user's code has not run yet), or its user's. The first two go
 * back to the semaphore when the environment ends.
 */
class OpenSemaphore : public std::enable_shared_from_this<OpenSemaphore> {
 public:
  explicit OpenSemaphore(sem_t* semaphore) : semaphore_(semaphore) {}
  ~OpenSemaphore();
  OpenSemaphore(const OpenSemaphore&) = delete;
  OpenSemaphore& operator=(const OpenSemaphore&) = delete;

  // All of these are for the JavaScript thread; errors are errno values, 0 for success, EAGAIN for "no permit".

  /** Takes a permit if one is left after everybody who stands in line. */
  int TryTake();
  /** Blocks at most `nanoseconds`, earlier only after a signal. The permit is `handed`. */
  int Take(int64_t nanoseconds);
  /** Posts `count` permits, or, if that is impossible, none. */
  int Post(int64_t count);
  int Value(int* value);

  /** Makes the function that tells the event loop about permits. */
  bool Start(napi_env env, napi_value callback);
  /** One more promise in line. False if no thread could be started. */
  bool Want();
  /** One promise less in line; a permit that came for it goes to the next one, or back. */
  void Unwant();
  /** Takes what there is for those in line, without the thread's help. */
  void Serve();
  /** Collects a permit that is ready; it is `handed` now. */
  bool Claim();
  /** The user's code runs now: the permit is the user's. */
  void Acknowledge();
  /** Whether promises in line keep the event loop alive. */
  void KeepAlive(napi_env env, bool keep);

  enum class End {
    kHandle,       // the handle is closed; what was handed to promises is still on its way to them
    kEnvironment,  // nobody will run any more: everything goes back, and the thread is waited for
  };
  void Stop(End end);

 private:
  static void* Run(void* self);
  static void CallJs(napi_env env, napi_value callback, void* context, void* data);
  void Loop();
  bool StartThread();
  void TakeForLine();
  void PassOn();
  void Tell();
  void Nudge();
  void AwaitNews(std::unique_lock<std::mutex>* lock, int64_t deadline);
  void LetThreadSettle(std::unique_lock<std::mutex>* lock);

  sem_t* const semaphore_;
  std::mutex mutex_;  // guards everything below
  napi_threadsafe_function deliver_ = nullptr;
  bool told_ = false;           // a call of `deliver_` is on its way
  bool stop_ = false;           // nobody wants anything any more
  bool running_ = false;        // there is a thread
  bool in_wait_ = false;        // it is inside the semaphore's wait, or on its way out
  bool blocked_call_ = false;   // the JavaScript thread is blocked and waits for the thread to take a permit for it
  int64_t want_ = 0;            // promises in line without a permit
  int64_t ready_ = 0;
  int64_t handed_ = 0;
  std::atomic<uint32_t> control_{0};  // bumped (and woken) when the thread has something to look at
  std::atomic<uint32_t> news_{0};     // bumped (and woken) when the thread leaves a wait or ends
};

/** What JavaScript holds: the semaphore, and a descriptor of its file for identity and for the lock of bounded releases. */
class NamedSemaphore : public Napi::ObjectWrap<NamedSemaphore> {
 public:
  static Napi::Function Define(Napi::Env env);

  /** new NamedSemaphore(External<Opened>): only the factory functions call it. */
  explicit NamedSemaphore(const Napi::CallbackInfo& info);
  ~NamedSemaphore() override;

  void Close(OpenSemaphore::End end);

 private:
  friend void StopSemaphores(Napi::Env env);

  Napi::Value Id(const Napi::CallbackInfo& info);
  Napi::Value TryWait(const Napi::CallbackInfo& info);
  Napi::Value Wait(const Napi::CallbackInfo& info);
  Napi::Value Post(const Napi::CallbackInfo& info);
  Napi::Value Value(const Napi::CallbackInfo& info);
  Napi::Value TryLock(const Napi::CallbackInfo& info);
  Napi::Value Unlock(const Napi::CallbackInfo& info);
  Napi::Value StartWaiting(const Napi::CallbackInfo& info);
  Napi::Value Want(const Napi::CallbackInfo& info);
  Napi::Value Unwant(const Napi::CallbackInfo& info);
  Napi::Value Serve(const Napi::CallbackInfo& info);
  Napi::Value Claim(const Napi::CallbackInfo& info);
  Napi::Value Acknowledge(const Napi::CallbackInfo& info);
  Napi::Value KeepAlive(const Napi::CallbackInfo& info);
  Napi::Value JsClose(const Napi::CallbackInfo& info);

  bool Usable(Napi::Env env) const;

  std::shared_ptr<OpenSemaphore> semaphore_;  // null after Close
  int fd_ = -1;
  struct EnvData* data_;
};

/** Gives back what no user of this environment will get any more, and waits for its threads. */
void StopSemaphores(Napi::Env env);

namespace named_semaphore {
void Init(Napi::Env env, Napi::Object exports);
}  // namespace named_semaphore

}  // namespace isthmus
