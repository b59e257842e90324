// The input gradient of a convolution falls into phases of the stride: along each axis, the positions of dx that meet
// the same taps of the kernel.
#pragma once

#include "common.h"

namespace ocellus {
namespace {

// Which taps of the kernel meet the pixels phase, phase + stride, phase + 2 * stride, ... of one axis of dx. Pixel
// phase + i * stride takes tap t from position origin + i + t * step of dy, where t counts kernel positions backwards:
// kernel position last - t * stepInKernel.
struct PhaseAxis {
  int64_t pixels, taps, origin, step, last, stepInKernel;
};

static inline PhaseAxis phaseOf(int64_t phase, int64_t size, int64_t kernel, int64_t stride, int64_t dilation,
                                int64_t before) {
  int64_t divisor = stride;
  for (int64_t rest = dilation; rest != 0;) {
    const int64_t next = divisor % rest;
    divisor = rest;
    rest = next;
  }
  PhaseAxis axis = {};
  axis.pixels = ceilDiv(size - phase, stride);
  axis.step = dilation / divisor;
  axis.stepInKernel = stride / divisor;
  // The kernel positions k with (phase + before - k * dilation) divisible by stride repeat every stepInKernel.
  for (int64_t k = 0; k < minOf(kernel, axis.stepInKernel); k++) {
    if ((phase + before - k * dilation) % stride != 0) continue;
    axis.taps = ceilDiv(kernel - k, axis.stepInKernel);
    axis.last = k + (axis.taps - 1) * axis.stepInKernel;
    axis.origin = (phase + before - axis.last * dilation) / stride;
    break;
  }
  return axis;
}

}  // namespace
}  // namespace ocellus
