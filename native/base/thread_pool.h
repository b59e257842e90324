// The process's worker threads. parallelChunks, the way kernels use them, is declared in kernel.h.
#pragma once

#include <stdint.h>

#include "../kernel.h"

namespace ocellus {

// The one pool of the process. It is created on first use and never destroyed, so worker threads may outlive exit()'s
// destructors. It starts without threads: a parallel region starts the ones it lacks and keeps them.
ThreadPool* threadPool();

// Starts workers until `threads` threads (the caller counts as one) can take part in a region. Regions call it
// themselves; call it earlier to keep thread creation out of a first measured step. Returns how many can take part:
// fewer than asked for when the system refuses to start more.
int32_t growThreadPool(ThreadPool* pool, int32_t threads);

}  // namespace ocellus
