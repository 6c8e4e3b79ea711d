#include "threads.h"

#include <signal.h>

#include <cerrno>
#include <cstddef>

namespace isthmus {

bool StartThread(pthread_t* thread, void* (*run)(void*), void* argument) {
  constexpr size_t kStackBytes = 64 * 1024;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
#if !defined(__SANITIZE_ADDRESS__)
  pthread_attr_setstacksize(&attributes,
                            kStackBytes);  // refused where thread-local data needs more: the default then
#else
  (void)kStackBytes;
#endif
  // Signals belong to the threads that expect them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t started;
  int error = pthread_create(&started, &attributes, run, argument);
  if (error == EINVAL) error = pthread_create(&started, nullptr, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) return false;
  if (thread != nullptr) {
    *thread = started;
  } else {
    pthread_detach(started);
  }
  return true;
}

}  // namespace isthmus
