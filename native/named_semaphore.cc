#include "named_semaphore.h"

namespace isthmus::named_semaphore {
void Init(Napi::Env, Napi::Object) {}
}  // namespace isthmus::named_semaphore
