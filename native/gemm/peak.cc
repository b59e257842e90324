// How many multiply-adds one core really does: the yardstick for every other kernel on this machine.
#include <time.h>

#include "gemm.h"
#include "microkernel.h"

namespace ocellus {
namespace {

static double secondsNow() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// As many independent sums as the microkernel holds (from different values: equal ones would be folded), so that
// neither latency nor memory limits it. Best of many bursts: a burst that was interrupted says nothing about the core.
static double measureFmaPeak(double seconds) {
  constexpr int kSums = kTileRows * kTileVecs;
  constexpr int kSteps = 20000;
  const Vec factor = broadcast(0.999f), term = broadcast(1e-3f);
  double best = 0;
  volatile float keep = 0;
  const double end = secondsNow() + seconds;
  do {
    Vec sum[kSums];
#pragma GCC unroll 32
    for (int j = 0; j < kSums; j++) sum[j] = broadcast(static_cast<float>(j));
    const double start = secondsNow();
    for (int i = 0; i < kSteps; i++) {
#pragma GCC unroll 32
      for (int j = 0; j < kSums; j++) sum[j] = fma(sum[j], factor, term);
    }
    const double spent = secondsNow() - start;
#pragma GCC unroll 32
    for (int j = 0; j < kSums; j++) keep = keep + reduceAdd(sum[j]);
    const double gflops = 2.0 * kSums * kVecWidth * kSteps / spent * 1e-9;
    if (gflops > best) best = gflops;
  } while (secondsNow() < end);
  return best;
}

}  // namespace

#define OCELLUS_TEXT_RAW(x) #x
#define OCELLUS_TEXT(x) OCELLUS_TEXT_RAW(x)

namespace OCELLUS_ISA {
const Diagnostics diagnostics = {OCELLUS_TEXT(OCELLUS_ISA), measureFmaPeak};
}  // namespace OCELLUS_ISA

}  // namespace ocellus
