#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "env_data.h"
#include "liveness.h"
#include "napi_util.h"
#include "random.h"

namespace isthmus::files {

namespace {

// shm_open is exactly open() below this directory, on glibc and on musl; calling open() keeps the binary free of the
// newer symbol version that shm_open carries since glibc 2.34 (docs/decisions.md).
constexpr char kDirectory[] = "/dev/shm";
constexpr char kTemporaryPrefix[] = ".isthmus-";
/** Locked by the maker of a file with a temporary name until it has its own; see lib/memory/header-layout.ts. */
constexpr int64_t kMakerByte = (int64_t{1} << 40) - 1;

int CreateTemporary(std::string* path) {
  for (int attempt = 0; attempt < 16; attempt++) {
    unsigned char bytes[16];
    if (!random::Fill(bytes, sizeof bytes)) return -1;
    char name[sizeof kTemporaryPrefix + 2 * sizeof bytes];
    char* end = name + snprintf(name, sizeof name, "%s", kTemporaryPrefix);
    for (unsigned char byte : bytes) end += snprintf(end, 3, "%02x", byte);
    *path = std::string(kDirectory) + "/" + name;
    const int fd = open(path->c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) liveness::TryLock(fd, kMakerByte);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  errno = EEXIST;
  return -1;
}

/** An unnamed file, or, where those are refused or could not be linked later, a temporary name. */
int CreateUnnamed(std::string* temporary) {
  if (!FeatureDisabled("o_tmpfile") && access("/proc/self/fd", F_OK) == 0) {
    const int fd = open(kDirectory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL) return -1;
  }
  return CreateTemporary(temporary);
}

/** create(size, mode): an unnamed file of exactly `size` bytes, without pages, with exactly `mode`. */
Napi::Value JsCreate(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 2 || !IsInteger(info[0]) || !IsInteger(info[1]))
    return ThrowMisuse(env, "create(size, mode)");
  std::string temporary;
  const int fd = CreateUnnamed(&temporary);
  if (fd < 0) return ThrowErrno(env, "open");
  const char* failed = nullptr;
  // fchmod, because the umask has cut the mode given to open().
  if (fchmod(fd, static_cast<mode_t>(ToInt64(info[1]))) != 0) failed = "fchmod";
  if (failed == nullptr && ftruncate(fd, static_cast<off_t>(ToInt64(info[0]))) != 0) failed = "ftruncate";
  if (failed != nullptr) {
    const int error = errno;
    close(fd);
    if (!temporary.empty()) unlink(temporary.c_str());
    return ThrowErrno(env, failed, error);
  }
  return env.GetInstanceData<EnvData>()->segment_constructor.New(
      {Napi::Number::New(env, fd), Napi::String::New(env, temporary)});
}

/** open(name, writable): a descriptor for what stands under the name now; never a symbolic link, never blocking. */
Napi::Value JsOpen(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsBoolean())
    return ThrowMisuse(env, "open(name, writable)");
  const int access = info[1].As<Napi::Boolean>().Value() ? O_RDWR : O_RDONLY;
  const int fd = open(PathOf(info[0]).c_str(), access | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return ThrowErrno(env, "shm_open");
  return env.GetInstanceData<EnvData>()->segment_constructor.New(
      {Napi::Number::New(env, fd), Napi::String::New(env, "")});
}

Napi::Value JsUnlink(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsString()) return ThrowMisuse(env, "unlink(name)");
  if (unlink(PathOf(info[0]).c_str()) != 0) return ThrowErrno(env, "shm_unlink");
  return env.Undefined();
}

/** list(): every file name in /dev/shm, whoever made it. */
Napi::Value JsList(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  DIR* directory = opendir(kDirectory);
  if (directory == nullptr) return ThrowErrno(env, "opendir");
  Napi::Array names = Napi::Array::New(env);
  uint32_t count = 0;
  while (dirent* entry = readdir(directory)) {
    if (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN) continue;
    names.Set(count++, Napi::String::New(env, entry->d_name));
  }
  closedir(directory);
  return names;
}

/** space(): { free, total } of /dev/shm in bytes. */
Napi::Value JsSpace(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  struct statvfs space;
  if (statvfs(kDirectory, &space) != 0) return ThrowErrno(env, "statvfs");
  Napi::Object result = Napi::Object::New(env);
  result.Set("free", static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize));
  result.Set("total", static_cast<double>(space.f_blocks) * static_cast<double>(space.f_frsize));
  return result;
}

}  // namespace

std::string PathOf(const Napi::Value& name) {
  return std::string(kDirectory) + "/" + name.As<Napi::String>().Utf8Value();
}

void UnlockMaker(int fd) { liveness::Unlock(fd, kMakerByte); }

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("create", Napi::Function::New(env, JsCreate, "create"));
  exports.Set("open", Napi::Function::New(env, JsOpen, "open"));
  exports.Set("unlink", Napi::Function::New(env, JsUnlink, "unlink"));
  exports.Set("list", Napi::Function::New(env, JsList, "list"));
  exports.Set("space", Napi::Function::New(env, JsSpace, "space"));
}

}  // namespace isthmus::files
