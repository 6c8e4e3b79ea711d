// POSIX named semaphores through the public calls only; nothing here knows what lies inside a sem_t.
#pragma once

#include <napi.h>

namespace isthmus::named_semaphore {
void Init(Napi::Env env, Napi::Object exports);
}  // namespace isthmus::named_semaphore
