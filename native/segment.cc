#include "segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "env_data.h"
#include "files.h"
#include "fork_guard.h"
#include "liveness.h"
#include "napi_util.h"
#include "waiter.h"

namespace isthmus {

namespace {

/** V8 never frees this memory: Segment::Close detaches the buffer and unmaps. */
void NeverFree(napi_env, void*, void*) {}

int ReservePages(int fd, int64_t offset, int64_t bytes) {
  int result;
  do {
    result = fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, bytes);
  } while (result == -1 && errno == EINTR);
  return result;
}

}  // namespace

Napi::Function Segment::Define(Napi::Env env) {
  return DefineClass(
      env, "Segment",
      {InstanceMethod<&Segment::Reserve>("reserve"), InstanceMethod<&Segment::Map>("map"),
       InstanceMethod<&Segment::Publish>("publish"), InstanceMethod<&Segment::Stat>("stat"),
       InstanceMethod<&Segment::Read>("read"), InstanceMethod<&Segment::TryLock>("tryLock"),
       InstanceMethod<&Segment::Unlock>("unlock"), InstanceMethod<&Segment::HeldByOther>("heldByOther"),
       InstanceMethod<&Segment::TakeSlot>("takeSlot"), InstanceMethod<&Segment::LeaveSlot>("leaveSlot"),
       InstanceMethod<&Segment::JsClose>("close")});
}

Segment::Segment(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Segment>(info) {
  fd_ = info[0].As<Napi::Number>().Int32Value();
  temporary_ = info[1].As<Napi::String>().Utf8Value();
  open_ = &info.Env().GetInstanceData<EnvData>()->open_segments;
  open_->insert(this);
  fork_guard::Add(fd_);
}

Segment::~Segment() {
  // Collected without close(), which an object with mappings never is (its strong buffer references are released in
  // Close, and the cleanup hook closes what is left): only a descriptor can remain.
  if (fd_ < 0) return;
  fork_guard::Remove(fd_);
  close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
  open_->erase(this);
}

bool Segment::AddSentinel(napi_env env, Mapping* mapping) {
  napi_value sentinel;
  // Its "memory" is the Mapping itself, which nobody looks at through it.
  if (napi_create_external_arraybuffer(env, mapping, 1, OnSentinelGone, mapping, &sentinel) != napi_ok)
    return false;
  return napi_create_reference(env, sentinel, 1, &mapping->sentinel) == napi_ok;
}

void Segment::OnSentinelGone(napi_env env, void*, void* argument) {
  Mapping* mapping = static_cast<Mapping*>(argument);
  if (mapping->closed) {  // collected some time after Close
    delete mapping;
    return;
  }
  mapping->sentinel_gone = true;
  Napi::HandleScope scope(env);
  napi_value buffer = nullptr;
  bool detached = true;
  if (napi_get_reference_value(env, mapping->buffer, &buffer) == napi_ok && buffer != nullptr) {
    napi_is_detached_arraybuffer(env, buffer, &detached);
  }
  mapping->moved = detached;
}

/** Detaches and unmaps; false if the pages must stay because their buffer was moved away. */
bool Segment::Release(napi_env env, Mapping* mapping) {
  napi_value buffer = nullptr;
  bool detached = true;  // an unreadable reference: leave the mapping rather than pull it from under somebody
  if (napi_get_reference_value(env, mapping->buffer, &buffer) == napi_ok && buffer != nullptr) {
    napi_is_detached_arraybuffer(env, buffer, &detached);
  }
  // Detached by somebody else: by its user, who may use the pages for ever; or by Node, when this environment ends.
  bool moved = detached && !(mapping->sentinel_gone && !mapping->moved);
  if (!detached && napi_detach_arraybuffer(env, buffer) != napi_ok) moved = true;
  if (!moved) munmap(mapping->address, mapping->bytes);
  napi_delete_reference(env, mapping->buffer);
  napi_delete_reference(env, mapping->sentinel);
  if (mapping->sentinel_gone) {
    delete mapping;
  } else {
    mapping->closed = true;
  }
  return !moved;
}

size_t Segment::Close(Napi::Env env) {
  size_t left = 0;
  for (Mapping* mapping : mappings_) {
    if (!Release(env, mapping)) left++;
  }
  mappings_.clear();
  CloseFile();
  return left;
}

/** Everything but the mappings. */
void Segment::CloseFile() {
  mark_.reset();
  if (fd_ >= 0) {
    fork_guard::Remove(fd_);
    // A mapping that stays keeps the file description open, and with it the byte locks: give them back by hand.
    liveness::UnlockAll(fd_);
    close(fd_);
    if (!temporary_.empty()) unlink(temporary_.c_str());
    fd_ = -1;
    open_->erase(this);
  }
}

void Segment::Die(Napi::Env env) {
  if (mark_) mark_->Die();
  const uint32_t nobody = 0;
  if (slot_state_ >= 0 && pwrite(fd_, &nobody, sizeof nobody, slot_state_) < 0) {
    // Only tools read it: they will say that the slot's holder is gone.
  }
  if (env.GetInstanceData<EnvData>()->hooks_see_buffers) {
    Close(env);
  } else {
    // The pages stay mapped for the life of the process; the sentinels' end must not look at buffers either.
    for (Mapping* mapping : mappings_) mapping->closed = true;
    mappings_.clear();
    CloseFile();
  }
}

bool Segment::Usable(Napi::Env env) const {
  if (fd_ >= 0) return true;
  ThrowMisuse(env, "this segment is closed");
  return false;
}

/** reserve(offset, bytes): backs the range with pages now, so that ENOSPC is an error here and not SIGBUS later. */
Napi::Value Segment::Reserve(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 2 || !IsInteger(info[0]) || !IsInteger(info[1]))
    return ThrowMisuse(env, "reserve(offset, bytes)");
  if (ReservePages(fd_, ToInt64(info[0]), ToInt64(info[1])) != 0) return ThrowErrno(env, "fallocate");
  return env.Undefined();
}

/** map(offset, bytes, mirrored): an ArrayBuffer on the pages; mirrored: the same pages a second time right behind. */
Napi::Value Segment::Map(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 3 || !IsInteger(info[0]) || !IsInteger(info[1]) || !info[2].IsBoolean()) {
    return ThrowMisuse(env, "map(offset, bytes, mirrored)");
  }
  const off_t offset = static_cast<off_t>(ToInt64(info[0]));
  const size_t once = static_cast<size_t>(ToInt64(info[1]));
  const bool mirrored = info[2].As<Napi::Boolean>().Value();
  const size_t bytes = mirrored ? 2 * once : once;
  void* address;
  if (mirrored) {
    address = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) return ThrowErrno(env, "mmap");
    for (size_t half = 0; half < 2; half++) {
      void* at = static_cast<char*>(address) + half * once;
      if (mmap(at, once, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_, offset) == MAP_FAILED) {
        const int error = errno;
        munmap(address, bytes);
        return ThrowErrno(env, "mmap", error);
      }
    }
  } else {
    address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, offset);
    if (address == MAP_FAILED) return ThrowErrno(env, "mmap");
  }
  madvise(address, bytes, MADV_DONTFORK);  // a forked child must not keep the byte locks alive through it
  napi_value buffer;
  // Electron refuses them with this status.
  const napi_status status =
      FeatureDisabled("external_buffers")
          ? napi_no_external_buffers_allowed
          : napi_create_external_arraybuffer(env, address, bytes, NeverFree, nullptr, &buffer);
  Mapping* mapping = new Mapping{address, bytes};
  if (status != napi_ok || napi_create_reference(env, buffer, 1, &mapping->buffer) != napi_ok) {
    munmap(address, bytes);
    delete mapping;
    if (env.IsExceptionPending()) return env.Undefined();
    return ThrowErrno(env, "napi_create_external_arraybuffer", ENOTSUP);
  }
  mappings_.push_back(mapping);
  if (!AddSentinel(env, mapping)) return ThrowErrno(env, "napi_create_external_arraybuffer", ENOTSUP);
  segment::CloseAtExit(env);
  return Napi::Value(env, buffer);
}

/** publish(name): the finished file appears under its name in one step. EEXIST: somebody else was first. */
Napi::Value Segment::Publish(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 1 || !info[0].IsString()) return ThrowMisuse(env, "publish(name)");
  const std::string path = files::PathOf(info[0]);
  if (temporary_.empty()) {
    const std::string self = "/proc/self/fd/" + std::to_string(fd_);
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
      return ThrowErrno(env, "linkat");
  } else {
    if (link(temporary_.c_str(), path.c_str()) != 0) return ThrowErrno(env, "link");
    unlink(temporary_.c_str());
    temporary_.clear();
    files::UnlockMaker(fd_);
  }
  return env.Undefined();
}

/** stat(): what the descriptor refers to. `id` names the file across opens ("device:inode"). */
Napi::Value Segment::Stat(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  struct stat status;
  if (fstat(fd_, &status) != 0) return ThrowErrno(env, "fstat");
  Napi::Object result = Napi::Object::New(env);
  result.Set("id", std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino));
  result.Set("regular", Napi::Boolean::New(env, S_ISREG(status.st_mode)));
  result.Set("size", static_cast<double>(status.st_size));
  result.Set("allocated", static_cast<double>(status.st_blocks) * 512);
  result.Set("mode", static_cast<double>(status.st_mode & 07777));
  result.Set("uid", static_cast<double>(status.st_uid));
  return result;
}

/** Nobody reads more at once. Without exceptions, memory that cannot be had would end this process. */
constexpr int64_t kMostRead = 64 * 1024 * 1024;

/** read(offset, bytes): a copy by pread, for tools that look without touching. Shorter at the end of the file. */
Napi::Value Segment::Read(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 2 || !IsInteger(info[0]) || !IsInteger(info[1]))
    return ThrowMisuse(env, "read(offset, bytes)");
  if (ToInt64(info[1]) < 0 || ToInt64(info[1]) > kMostRead)
    return ThrowMisuse(env, "read: 0 to 67108864 bytes at a time");
  std::vector<uint8_t> bytes(static_cast<size_t>(ToInt64(info[1])));
  size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t count = pread(fd_, bytes.data() + got, bytes.size() - got,
                                static_cast<off_t>(ToInt64(info[0])) + static_cast<off_t>(got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ThrowErrno(env, "pread");
    if (count == 0) break;
    got += static_cast<size_t>(count);
  }
  return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), got);
}

/** tryLock(byte): true when this environment holds the byte now. */
Napi::Value Segment::TryLock(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 1 || !IsInteger(info[0])) return ThrowMisuse(env, "tryLock(byte)");
  const int error = liveness::TryLock(fd_, ToInt64(info[0]));
  if (error != 0 && error != EAGAIN) return ThrowErrno(env, "fcntl", error);
  return Napi::Boolean::New(env, error == 0);
}

Napi::Value Segment::Unlock(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 1 || !IsInteger(info[0])) return ThrowMisuse(env, "unlock(byte)");
  const int error = liveness::Unlock(fd_, ToInt64(info[0]));
  if (error != 0) return ThrowErrno(env, "fcntl", error);
  return env.Undefined();
}

/** heldByOther(byte): true while another participant holds it; errors count as true. */
Napi::Value Segment::HeldByOther(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 1 || !IsInteger(info[0])) return ThrowMisuse(env, "heldByOther(byte)");
  return Napi::Boolean::New(env, liveness::HeldByOther(fd_, ToInt64(info[0])));
}

/**
 * takeSlot(markOffset, stateOffset): the slot whose byte is locked is this environment's. Sets its death mark in the page
 * at markOffset; false where there can be none. Should the environment be terminated, the word at stateOffset becomes 0.
 */
Napi::Value Segment::TakeSlot(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (!Usable(env)) return env.Undefined();
  if (info.Length() < 2 || !IsInteger(info[0]) || !IsInteger(info[1]))
    return ThrowMisuse(env, "takeSlot(markOffset, stateOffset)");
  slot_state_ = static_cast<off_t>(ToInt64(info[1]));
  mark_ = DeathMark::Set(fd_, static_cast<off_t>(ToInt64(info[0])));
  return Napi::Boolean::New(env, mark_ != nullptr);
}

/** leaveSlot(): takes the mark back, without any death. */
Napi::Value Segment::LeaveSlot(const Napi::CallbackInfo& info) {
  slot_state_ = -1;
  mark_.reset();
  return info.Env().Undefined();
}

/** close(): see Close; returns the number of mappings that had to stay. Idempotent. */
Napi::Value Segment::JsClose(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(Close(info.Env())));
}

namespace segment {

namespace {

/** Runs before the environment's heap goes: nothing of it stays mapped, and no view of a dying worker can fault. */
void CloseAll(void* argument) {
  napi_env env = static_cast<napi_env>(argument);
  EnvData* data = Napi::Env(env).GetInstanceData<EnvData>();
  if (data->waiter) data->waiter->Stop();  // it looks at mapped words
  if (!data->hooks_see_buffers) {
    while (!data->open_segments.empty()) (*data->open_segments.begin())->Die(env);
    return;
  }
  Napi::HandleScope scope(env);
  while (!data->open_segments.empty()) (*data->open_segments.begin())->Die(env);
}

}  // namespace

void CloseAtExit(napi_env env) {
  // Hooks run last in, first out. Where Node detaches external buffers in hooks of their own, ours must come before.
  EnvData* data = Napi::Env(env).GetInstanceData<EnvData>();
  // Deno panics when a hook is removed that was never added.
  if (data->closes_at_exit) napi_remove_env_cleanup_hook(env, CloseAll, env);
  data->closes_at_exit = napi_add_env_cleanup_hook(env, CloseAll, env) == napi_ok;
}

void Init(Napi::Env env) {
  // Deno runs the hooks of a terminated worker outside of its heap: whoever looks at a buffer there ends the process.
  env.GetInstanceData<EnvData>()->hooks_see_buffers = !env.Global().Has("Deno");
  env.GetInstanceData<EnvData>()->segment_constructor = Napi::Persistent(Segment::Define(env));
}

}  // namespace segment

}  // namespace isthmus
