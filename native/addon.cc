// What JavaScript sees of the addon. lib/native/binding.ts describes the same face in TypeScript.
#include <napi.h>

#include <cstdlib>

#include "env_data.h"
#include "files.h"
#include "futex.h"
#include "named_semaphore.h"
#include "napi_util.h"
#include "prefetch.h"
#include "random.h"
#include "segment.h"
#include "waiter.h"

namespace isthmus {

bool FeatureDisabled(const char* feature) {
  const char* list = std::getenv("ISTHMUS_DISABLE");
  const size_t length = std::strlen(feature);
  for (const char* at = list; at != nullptr && (at = std::strstr(at, feature)) != nullptr; at += length) {
    const bool begins = at == list || at[-1] == ',';
    if (begins && (at[length] == '\0' || at[length] == ',')) return true;
  }
  return false;
}

namespace {

/** Counts changes of what JavaScript sees. FACE in lib/native/binding.ts is the same number: a binary may be left over. */
constexpr uint32_t kFace = 3;

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new EnvData());
  segment::Init(env);
  files::Init(env, exports);
  futex::Init(env, exports);
  prefetch::Init(env, exports);
  random::Init(env, exports);
  waiter::Init(env, exports);
  named_semaphore::Init(env, exports);
  segment::CloseAtExit(env);
  exports.Set("face", Napi::Number::New(env, kFace));
  return exports;
}

NODE_API_MODULE(isthmus, Init)

}  // namespace

}  // namespace isthmus
