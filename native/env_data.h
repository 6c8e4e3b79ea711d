// What the addon keeps for each environment (the main thread, or one worker).
#pragma once

#include <napi.h>

#include <memory>
#include <unordered_set>
#include <vector>

namespace isthmus {

class NamedSemaphore;
class OpenSemaphore;
class Segment;
class Waiter;

struct EnvData {
  Napi::FunctionReference segment_constructor;
  std::unordered_set<Segment*> open_segments;
  std::unique_ptr<Waiter> waiter;
  Napi::FunctionReference semaphore_constructor;
  std::unordered_set<NamedSemaphore*> open_semaphores;
  std::vector<std::weak_ptr<OpenSemaphore>> closed_semaphores;  // whose thread may not have left its last sleep
};

}  // namespace isthmus
