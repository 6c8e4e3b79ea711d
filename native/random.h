// Bytes that nobody can guess, from the kernel.
#pragma once

#include <napi.h>

#include <cstddef>

namespace isthmus::random {

/** As many as the kernel gives at once, whatever signals come: at most 256. False, with errno, where it refuses. */
bool Fill(void* bytes, size_t length);

void Init(Napi::Env env, Napi::Object exports);

}  // namespace isthmus::random
