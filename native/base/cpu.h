// What this processor can do: instruction sets, cache sizes, and how many threads it makes sense to start.
#pragma once

#include <stdint.h>

namespace ocellus {

struct CacheSizes {
  int64_t l1;  // data, bytes, one core
  int64_t l2;  // bytes, one core
  int64_t l3;  // bytes, shared
};

// True when the processor and the operating system support everything the kernels of `isa` were compiled with:
// "avx512" (f, bw, vl, dq), "avx2" (with fma and f16c), "neon" or "scalar". False for any other name.
bool cpuSupports(const char* isa);

// Names of the instruction sets this machine supports, best first, ended by null: {"avx512", "avx2", "scalar", 0}.
const char* const* supportedIsas();

CacheSizes cacheSizes();

// min(processors in this process's affinity mask, the cgroup's cpu quota rounded up), at least 1.
int32_t defaultThreads();

// The cgroup's cpu quota in processors, or 0 when there is none. Versions 1 and 2, every level up to the root.
// The arguments stand for /proc/self/cgroup and /sys/fs/cgroup, so that tests can bring their own.
double cgroupCpuQuota(const char* membershipFile, const char* mountPoint);

}  // namespace ocellus
