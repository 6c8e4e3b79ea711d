// Asking the processor for memory that will be needed soon.
#pragma once

#include <napi.h>

namespace isthmus::prefetch {

void Init(Napi::Env env, Napi::Object exports);

}  // namespace isthmus::prefetch
