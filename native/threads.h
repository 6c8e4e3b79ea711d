// Starting the addon's few threads: a small stack, no signals.
#pragma once

#include <pthread.h>

namespace isthmus {

/** Starts `run(argument)`; false if the system has no thread to spare. `thread` nullptr: detached. */
bool StartThread(pthread_t* thread, void* (*run)(void*), void* argument);

}  // namespace isthmus
