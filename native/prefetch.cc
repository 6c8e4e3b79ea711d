#include "prefetch.h"

#include <cstddef>
#include <cstdint>

namespace isthmus::prefetch {

namespace {

constexpr size_t kLine = 64;
constexpr size_t kMost = 4096;

void ForReading(const char* line) { __builtin_prefetch(line, 0, 3); }

void ForWriting(const char* line) {
#if defined(__x86_64__)
  // Without -mprfchw compilers ask for reading instead. Processors that do not know it take it for a no-op.
  asm volatile("prefetchw %0" ::"m"(*line));
#else
  __builtin_prefetch(line, 1, 3);
#endif
}

/**
 * prefetch(bytes, offset, length, toWrite): a hint, without an effect that anybody sees. What lies outside is left out,
 * so a detached buffer is nothing at all.
 */
Napi::Value JsPrefetch(const Napi::CallbackInfo& info) {
  const Napi::Value nothing = info.Env().Undefined();
  if (info.Length() < 4 || !info[0].IsTypedArray()) return nothing;
  napi_typedarray_type type;
  size_t elements = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(info.Env(), info[0], &type, &elements, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array || data == nullptr)
    return nothing;
  const int64_t offset = info[1].ToNumber().Int64Value();
  const int64_t length = info[2].ToNumber().Int64Value();
  if (offset < 0 || static_cast<size_t>(offset) >= elements || length <= 0) return nothing;
  size_t left = elements - static_cast<size_t>(offset);
  if (static_cast<size_t>(length) < left) left = static_cast<size_t>(length);
  if (left > kMost) left = kMost;
  const char* const first = static_cast<const char*>(data) + offset;
  const bool to_write = info[3].ToBoolean().Value();
  for (size_t n = 0; n < left; n += kLine) {
    if (to_write) {
      ForWriting(first + n);
    } else {
      ForReading(first + n);
    }
  }
  return nothing;
}

}  // namespace

void Init(Napi::Env env, Napi::Object exports) {
  exports.Set("prefetch", Napi::Function::New(env, JsPrefetch, "prefetch"));
}

}  // namespace isthmus::prefetch
