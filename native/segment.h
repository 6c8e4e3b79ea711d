// Segments: name -> file descriptor -> mappings that JavaScript sees as ArrayBuffers.
#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "death_mark.h"

namespace isthmus {

/** One open file in /dev/shm and what this environment has mapped of it. Knows nothing of what lies inside. */
class Segment : public Napi::ObjectWrap<Segment> {
 public:
  static Napi::Function Define(Napi::Env env);

  /** new Segment(fd, temporaryName): only the factory functions of segment.cc call it. */
  explicit Segment(const Napi::CallbackInfo& info);
  ~Segment() override;

  /** Detaches every buffer, unmaps, closes the descriptor. Returns how many mappings had to stay (moved buffers). */
  size_t Close(Napi::Env env);

  /** As Close, for an environment that ends without having left: whoever watches its slot learns that it died. */
  void Die(Napi::Env env);

 private:
  /**
   * One ArrayBuffer on shared pages. Freed by whichever comes last: Segment::Close, or the end of its sentinel.
   *
   * When an environment ends, Node detaches every external buffer before any cleanup hook runs, and then a buffer that
   * its user has moved away (whose pages must stay) looks like any other. Node does so in the reverse order of creation,
   * so each mapping has a sentinel, a buffer made right after it: its finalizer runs just before, and looks.
   */
  struct Mapping {
    void* address;
    size_t bytes;
    napi_ref buffer = nullptr;
    napi_ref sentinel = nullptr;
    bool closed = false;
    bool sentinel_gone = false;
    bool moved = false;  // what the sentinel saw
  };

  static bool AddSentinel(napi_env env, Mapping* mapping);
  static void OnSentinelGone(napi_env env, void* data, void* mapping);
  static bool Release(napi_env env, Mapping* mapping);

  Napi::Value Reserve(const Napi::CallbackInfo& info);
  Napi::Value Map(const Napi::CallbackInfo& info);
  Napi::Value Publish(const Napi::CallbackInfo& info);
  Napi::Value Stat(const Napi::CallbackInfo& info);
  Napi::Value Read(const Napi::CallbackInfo& info);
  Napi::Value TryLock(const Napi::CallbackInfo& info);
  Napi::Value Unlock(const Napi::CallbackInfo& info);
  Napi::Value HeldByOther(const Napi::CallbackInfo& info);
  Napi::Value TakeSlot(const Napi::CallbackInfo& info);
  Napi::Value LeaveSlot(const Napi::CallbackInfo& info);
  Napi::Value JsClose(const Napi::CallbackInfo& info);

  void CloseFile();
  bool Usable(Napi::Env env) const;

  int fd_ = -1;
  std::string temporary_;  // path of the named file that stands in for O_TMPFILE until it is published
  std::vector<Mapping*> mappings_;
  off_t slot_state_ = -1;               // where the slot that is taken says so; -1: none is
  std::unique_ptr<DeathMark> mark_;     // of that slot, if it could be set
  std::unordered_set<Segment*>* open_;  // every open segment of this environment
};

namespace segment {
/** Makes closing every segment the first thing that happens when the environment ends. Called after each mapping. */
void CloseAtExit(napi_env env);
void Init(Napi::Env env);
}  // namespace segment

}  // namespace isthmus
