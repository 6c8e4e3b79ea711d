// POSIX named semaphores through the public calls only; nothing here knows what lies inside a sem_t.
//
// A promise form needs somebody who sleeps in sem_wait: one thread per semaphore, alive only while permits are wanted.
// It sleeps in short slices, because nothing else could end its sleep; a permit that it takes too late goes back.
#pragma once

#include <napi.h>
#include <semaphore.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace isthmus {

class NamedSemaphore : public Napi::ObjectWrap<NamedSemaphore> {
 public:
  static Napi::Function Define(Napi::Env env);

  /** new Semaphore(name, initial): initial -1 opens an existing one. Throws as sem_open fails. */
  explicit NamedSemaphore(const Napi::CallbackInfo& info);
  ~NamedSemaphore() override;

 private:
  /** What the thread shares with JavaScript; the last of the two closes the semaphore. */
  struct State {
    explicit State(sem_t* opened) : semaphore(opened) {}
    ~State() { sem_close(semaphore); }
    sem_t* const semaphore;
    std::mutex mutex;
    // Guarded by the mutex:
    int wanted = 0;  // permits that JavaScript waits for
    int ready = 0;   // permits taken for it and not yet collected
    int handed =
        0;  // permits that JavaScript has and has not acknowledged: it may be terminated before it can use them
    bool closed = false;
    napi_threadsafe_function deliver = nullptr;
    std::atomic<uint32_t> running{0};  // 1 while the thread lives; a futex
  };

  static void* Run(void* state);
  static void CallJs(napi_env env, napi_value callback, void* context, void* data);

  Napi::Value TryWait(const Napi::CallbackInfo& info);
  Napi::Value Wait(const Napi::CallbackInfo& info);
  Napi::Value Post(const Napi::CallbackInfo& info);
  Napi::Value GetValue(const Napi::CallbackInfo& info);
  Napi::Value OnPermits(const Napi::CallbackInfo& info);
  Napi::Value Want(const Napi::CallbackInfo& info);
  Napi::Value Collect(const Napi::CallbackInfo& info);
  Napi::Value Acknowledge(const Napi::CallbackInfo& info);
  Napi::Value GiveBack(const Napi::CallbackInfo& info);
  Napi::Value Halt(const Napi::CallbackInfo& info);
  Napi::Value JsClose(const Napi::CallbackInfo& info);

  bool Usable(Napi::Env env) const;
  void Close();
  static void WaitForThread(State* state);
  static void CloseAtExit(void* self);

  napi_env env_;
  std::shared_ptr<State> state_;
};

namespace named_semaphore {
void Init(Napi::Env env, Napi::Object exports);
}  // namespace named_semaphore

}  // namespace isthmus
