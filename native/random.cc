#include "random.h"

#include <errno.h>
#include <sys/random.h>

#include "napi_util.h"

namespace isthmus::random {

namespace {

constexpr size_t kMost = 256;

/** random(bytes): fills a Uint8Array. node:crypto does the same, but takes milliseconds to load. */
Napi::Value JsRandom(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsTypedArray()) return ThrowMisuse(env, "random(Uint8Array)");
  Napi::TypedArray view = info[0].As<Napi::TypedArray>();
  if (view.TypedArrayType() != napi_uint8_array || view.ByteLength() > kMost)
    return ThrowMisuse(env, "random(Uint8Array of at most 256 bytes)");
  Napi::Uint8Array bytes = view.As<Napi::Uint8Array>();
  if (!Fill(bytes.Data(), bytes.ByteLength())) return ThrowErrno(env, "getrandom");
  return env.Undefined();
}

}  // namespace

bool Fill(void* bytes, size_t length) {
  for (;;) {
    const ssize_t filled = getrandom(bytes, length, 0);
    if (filled == static_cast<ssize_t>(length)) return true;
    if (filled >= 0 || errno != EINTR) return false;  // a signal may come while the kernel has no entropy yet
  }
}

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("random", Napi::Function::New(env, JsRandom, "random"));
}

}  // namespace isthmus::random
