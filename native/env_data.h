// What the addon keeps for each environment (the main thread, or one worker).
#pragma once

#include <napi.h>

#include <memory>
#include <unordered_set>

namespace isthmus {

class Segment;
class Waiter;

struct EnvData {
  Napi::FunctionReference segment_constructor;
  std::unordered_set<Segment*> open_segments;
  std::unique_ptr<Waiter> waiter;
  bool hooks_see_buffers = true;  // cleanup hooks may use JavaScript's values
  bool closes_at_exit = false;    // the hook of segment::CloseAtExit is registered
};

}  // namespace isthmus
