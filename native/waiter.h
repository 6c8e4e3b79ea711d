// The waiter: threads that sleep on shared words for the promise forms, so that the event loop runs on.
//
//   JavaScript thread                  waiter thread (one; more beyond 127 words)
//   watch(word, expected) ──control──▶ futex_waitv {control, word, word, …}   at most 1 s, then looks at every word
//   callback([ids])  ◀────tsfn──────── a word differs or was woken: its entry is done and reported once
//
// Where futex_waitv is refused, one thread looks at all words every 1 ms, growing to 50 ms while nothing happens.
#pragma once

#include <napi.h>
#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "futex.h"

namespace isthmus {

class Waiter {
 public:
  Waiter(Napi::Env env, Napi::Function callback);
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  /**
   * Reports the returned id once when a word is not as expected any more or was woken. `marks`: the death marks of those
   * who must change the word. Returns 0 if no thread could start.
   */
  uint32_t Watch(futex::Point point, const futex::Marks& marks);

  /** After this returns the word is not touched any more. Unknown ids (already reported) are fine. */
  void Unwatch(uint32_t id);

  /** Ends and joins the threads; nothing is watched any more. Idempotent. */
  void Stop();

 private:
  struct Entry {
    uint32_t id;
    futex::Point point;
    std::vector<futex::Point> marks;
    int64_t fired_at;  // 0: still asleep
    bool passed_on;
  };

  struct Sleeper {
    explicit Sleeper(Waiter* owner) : waiter(owner) {}
    Waiter* const waiter;
    pthread_t thread = {};
    std::atomic<uint32_t> control{0};  // bumped (and woken) by JavaScript when entries or stop_ change
    bool asleep = false;               // guarded by mutex_
    size_t words = 0;                  // guarded by mutex_: how many the entries have
    std::vector<Entry> entries;        // guarded by mutex_
  };

  static void* Run(void* sleeper);
  void Loop(Sleeper* sleeper);
  int64_t CheckWords(Sleeper* sleeper, int woken, const std::vector<uint32_t>& ids);
  void SleepOnWords(Sleeper* sleeper, std::unique_lock<std::mutex>* lock, int64_t deadline,
                    std::vector<uint32_t>* ids, int* woken);
  void SleepAndScan(Sleeper* sleeper, std::unique_lock<std::mutex>* lock, int64_t* interval, bool hit);
  Sleeper* SleeperWithRoom(size_t words);
  void Nudge(Sleeper* sleeper, bool asleep);
  static void CallJs(napi_env env, napi_value callback, void* context, void* data);

  const napi_env env_;
  napi_threadsafe_function deliver_ = nullptr;
  std::mutex mutex_;
  bool stop_ = false;
  bool signalled_ = false;
  uint32_t last_id_ = 0;
  std::vector<uint32_t> ready_;  // ids that JavaScript has not collected yet
  std::vector<std::unique_ptr<Sleeper>> sleepers_;
  std::unordered_map<uint32_t, Sleeper*> where_;
};

namespace waiter {
void Init(Napi::Env env, Napi::Object exports);
}  // namespace waiter

}  // namespace isthmus
