#include "waiter.h"

#include <sys/prctl.h>

#include <algorithm>
#include <climits>

#include "env_data.h"
#include "futex.h"
#include "napi_util.h"
#include "threads.h"

namespace isthmus {

namespace {

constexpr int64_t kMillisecond = 1000000;
constexpr int64_t kLongestSleep = 1000 * kMillisecond;  // no wake-up is trusted to arrive
constexpr int64_t kCollectWithin = 10 * kMillisecond;  // a loop that is busy for longer passes its wake-up on
constexpr int64_t kShortestScan = kMillisecond;
constexpr int64_t kLongestScan = 50 * kMillisecond;
constexpr size_t kWordsPerThread = futex::kMaxWaitv - 1;  // one is the thread's own control word

bool Moved(const futex::Point& point) {
  return __atomic_load_n(point.word, __ATOMIC_SEQ_CST) != point.expected;
}

}  // namespace

Waiter::Waiter(Napi::Env env, Napi::Function callback) : env_(env) {
  napi_value name;
  napi_create_string_utf8(env, "isthmus waiter", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env, callback, nullptr, name, 0, 1, nullptr, nullptr, this, CallJs,
                                      &deliver_) != napi_ok) {
    deliver_ = nullptr;
    return;
  }
  napi_unref_threadsafe_function(env, deliver_);  // JavaScript decides what keeps the loop alive
  // Hooks run last in, first out: ours stops the threads before the function they call goes away.
  napi_add_env_cleanup_hook(
      env, [](void* self) { static_cast<Waiter*>(self)->Stop(); }, this);
}

Waiter::~Waiter() { Stop(); }

void Waiter::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stop_) return;
    stop_ = true;
  }
  for (auto& sleeper : sleepers_) Nudge(sleeper.get(), true);
  for (auto& sleeper : sleepers_) pthread_join(sleeper->thread, nullptr);
  sleepers_.clear();
  if (deliver_ != nullptr) napi_release_threadsafe_function(deliver_, napi_tsfn_abort);
  deliver_ = nullptr;
}

void Waiter::Nudge(Sleeper* sleeper, bool asleep) {
  sleeper->control.fetch_add(1);
  if (asleep) futex::Wake(reinterpret_cast<uint32_t*>(&sleeper->control), 1, false);
}

Waiter::Sleeper* Waiter::SleeperWithRoom(size_t words) {
  const size_t most = futex::WaitAnyAvailable() ? kWordsPerThread : SIZE_MAX;
  for (auto& sleeper : sleepers_) {
    if (sleeper->words + words <= most) return sleeper.get();
  }
  auto sleeper = std::make_unique<Sleeper>(this);
  if (!StartThread(&sleeper->thread, Run, sleeper.get())) return nullptr;
  sleepers_.push_back(std::move(sleeper));
  return sleepers_.back().get();
}

uint32_t Waiter::Watch(futex::Point point, const futex::Marks& marks) {
  if (deliver_ == nullptr) return 0;
  Sleeper* sleeper;
  bool asleep;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stop_) return 0;
    sleeper = SleeperWithRoom(1 + marks.count);
    if (sleeper == nullptr) return 0;
    do {
      last_id_++;
    } while (last_id_ == 0 || where_.count(last_id_) != 0);
    sleeper->entries.push_back({last_id_, point, {marks.points, marks.points + marks.count}, 0, false});
    sleeper->words += 1 + marks.count;
    where_[last_id_] = sleeper;
    asleep = sleeper->asleep;
    sleeper->control.fetch_add(1);  // pairs with the value that SleepOnWords takes under the lock
  }
  if (asleep) futex::Wake(reinterpret_cast<uint32_t*>(&sleeper->control), 1, false);
  return last_id_;
}

void Waiter::Unwatch(uint32_t id) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto found = where_.find(id);
  if (found == where_.end()) return;
  Sleeper* sleeper = found->second;
  std::vector<Entry>& entries = sleeper->entries;
  where_.erase(found);
  auto entry = std::find_if(entries.begin(), entries.end(),
                            [id](const Entry& candidate) { return candidate.id == id; });
  if (entry == entries.end()) return;
  sleeper->words -= 1 + entry->marks.size();
  if (entry != entries.end() - 1) *entry = std::move(entries.back());
  entries.pop_back();
  // The thread may sleep on the word in the kernel until its next look (1 s): only the kernel touches the word then,
  // and it answers EFAULT for a page that is gone.
}

void* Waiter::Run(void* argument) {
  Sleeper* sleeper = static_cast<Sleeper*>(argument);
  prctl(PR_SET_NAME, "isthmus-waiter");
  sleeper->waiter->Loop(sleeper);
  return nullptr;
}

void Waiter::Loop(Sleeper* sleeper) {
  std::vector<uint32_t> ids;  // of the words in the last futex_waitv, by position
  int woken = -1;             // position of the word that woke us
  int64_t interval = kShortestScan;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stop_) {
    const size_t before = ready_.size();
    const int64_t deadline = CheckWords(sleeper, woken, ids);
    const bool hit = ready_.size() != before;
    woken = -1;
    if (hit && !signalled_) {
      signalled_ = true;
      napi_call_threadsafe_function(deliver_, nullptr, napi_tsfn_nonblocking);
    }
    if (futex::WaitAnyAvailable()) {
      SleepOnWords(sleeper, &lock, deadline, &ids, &woken);
    } else {
      SleepAndScan(sleeper, &lock, &interval, hit);
    }
  }
}

/** Marks entries whose word moved (or woke us) as done, passes uncollected wake-ups on; returns when to look again. */
int64_t Waiter::CheckWords(Sleeper* sleeper, int woken, const std::vector<uint32_t>& ids) {
  const int64_t now = futex::Now();
  const uint32_t woken_id = woken > 0 ? ids[static_cast<size_t>(woken)] : 0;
  int64_t deadline = now + kLongestSleep;
  for (Entry& entry : sleeper->entries) {
    if (entry.fired_at == 0) {
      if (entry.id != woken_id && !Moved(entry.point) &&
          std::none_of(entry.marks.begin(), entry.marks.end(), Moved))
        continue;
      entry.fired_at = now;
      ready_.push_back(entry.id);
      for (const futex::Point& mark : entry.marks) futex::PassDeathOn(mark.word);
    }
    if (entry.passed_on) continue;
    if (now - entry.fired_at >= kCollectWithin) {
      entry.passed_on = true;
      futex::Wake(entry.point.word, INT_MAX, true);
    } else {
      deadline = std::min(deadline, entry.fired_at + kCollectWithin);
    }
  }
  return deadline;
}

void Waiter::SleepOnWords(Sleeper* sleeper, std::unique_lock<std::mutex>* lock, int64_t deadline,
                          std::vector<uint32_t>* ids, int* woken) {
  futex::Waitv words[futex::kMaxWaitv];
  ids->clear();
  const uint32_t control =
      sleeper->control.load();  // pairs with Watch: an entry added from here on ends the sleep
  words[0] = {control, reinterpret_cast<uintptr_t>(&sleeper->control), futex::kSize32 | futex::kPrivate, 0};
  ids->push_back(0);
  for (const Entry& entry : sleeper->entries) {
    if (entry.fired_at != 0) continue;
    const auto add = [&](const futex::Point& point) {
      words[ids->size()] = {point.expected, reinterpret_cast<uintptr_t>(point.word), futex::kSize32, 0};
      ids->push_back(entry.id);
    };
    add(entry.point);
    for (const futex::Point& mark : entry.marks) add(mark);
  }
  sleeper->asleep = true;
  lock->unlock();
  const int result = futex::WaitAny(words, static_cast<uint32_t>(ids->size()), deadline);
  if (result < 0 && result != -EAGAIN && result != -ETIMEDOUT && result != -EINTR) {
    // A word was unmapped after we let go of the lock, or the kernel is short of memory: look again shortly.
    futex::Wait(reinterpret_cast<uint32_t*>(&sleeper->control), control, kMillisecond, false);
  }
  lock->lock();
  sleeper->asleep = false;
  *woken = result;
}

void Waiter::SleepAndScan(Sleeper* sleeper, std::unique_lock<std::mutex>* lock, int64_t* interval, bool hit) {
  const uint32_t control = sleeper->control.load();  // pairs with Watch
  if (hit) *interval = kShortestScan;
  const bool idle = std::none_of(sleeper->entries.begin(), sleeper->entries.end(),
                                 [](const Entry& e) { return e.fired_at == 0; });
  sleeper->asleep = true;
  lock->unlock();
  const int result = futex::Wait(reinterpret_cast<uint32_t*>(&sleeper->control), control,
                                 idle ? kLongestSleep : *interval, false);
  lock->lock();
  sleeper->asleep = false;
  *interval = result == ETIMEDOUT ? std::min(*interval + *interval / 2, kLongestScan) : kShortestScan;
}

void Waiter::CallJs(napi_env env, napi_value callback, void* context, void*) {
  if (env == nullptr || callback == nullptr) return;  // the environment is going away
  Waiter* self = static_cast<Waiter*>(context);
  std::vector<uint32_t> ready;
  {
    std::lock_guard<std::mutex> lock(self->mutex_);
    self->signalled_ = false;
    ready.swap(self->ready_);
  }
  for (uint32_t id : ready) self->Unwatch(id);
  napi_value ids, undefined, element;
  if (napi_create_array_with_length(env, ready.size(), &ids) != napi_ok) return;
  for (uint32_t i = 0; i < ready.size(); i++) {
    napi_create_uint32(env, ready[i], &element);
    napi_set_element(env, ids, i, element);
  }
  napi_get_undefined(env, &undefined);
  napi_call_function(env, undefined, callback, 1, &ids, nullptr);
}

namespace waiter {

namespace {

/** startWaiter(callback): the callback gets arrays of ids; it must not throw. Threads start at the first watch. */
Napi::Value JsStart(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsFunction()) return ThrowMisuse(env, "startWaiter(callback)");
  EnvData* data = env.GetInstanceData<EnvData>();
  if (data->waiter) return ThrowMisuse(env, "the waiter has started already");
  data->waiter = std::make_unique<Waiter>(env, info[0].As<Napi::Function>());
  return env.Undefined();
}

/** watch(words, index, expected[, markWords, marks]): the entry's id. `marks`: pairs of index and expected value. */
Napi::Value JsWatch(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  uint32_t* word = WordAddress(info, 0);
  if (word == nullptr) return env.Undefined();
  EnvData* data = env.GetInstanceData<EnvData>();
  futex::Marks marks;
  if (info.Length() < 3 || !info[2].IsNumber() || !data->waiter ||
      (info.Length() > 3 && !futex::MarkAddresses(info, 3, &marks)))
    return ThrowMisuse(env, "watch(words, index, expected[, markWords, marks])");
  const uint32_t id = data->waiter->Watch({word, info[2].As<Napi::Number>().Uint32Value()}, marks);
  if (id == 0) return ThrowErrno(env, "pthread_create", EAGAIN);
  return Napi::Number::New(env, id);
}

Napi::Value JsUnwatch(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  EnvData* data = env.GetInstanceData<EnvData>();
  if (info.Length() < 1 || !info[0].IsNumber() || !data->waiter) return ThrowMisuse(env, "unwatch(id)");
  data->waiter->Unwatch(info[0].As<Napi::Number>().Uint32Value());
  return env.Undefined();
}

}  // namespace

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("startWaiter", Napi::Function::New(env, JsStart, "startWaiter"));
  exports.Set("watch", Napi::Function::New(env, JsWatch, "watch"));
  exports.Set("unwatch", Napi::Function::New(env, JsUnwatch, "unwatch"));
  exports.Set("hasWaitv", Napi::Boolean::New(env, futex::WaitAnyAvailable()));
}

}  // namespace waiter

}  // namespace isthmus
