// The input gradient of a 3D convolution (and so the transposed convolution) by gathering, as conv_input.h does it for
// images: every phase of the strides is a convolution of dy with stride 1.
#pragma once

#include "../gemm/gemm.h"
#include "phases.h"
#include "volume_shape.h"
#include "volume_windows.h"

namespace ocellus {
namespace {

struct VolumeGradient {
  VolumeShape shape;
  const float* dy;
  const float* weight;
  const float* bias;
  float* dx;
  int32_t activation;
};

// Finished rows of a phase go to every strideZ-th plane, strideY-th row and strideX-th pixel of dx.
struct VolumeTarget {
  float* dx;
  const VolumeShape* shape;
  int64_t phaseZ, phaseY, phaseX, pixelsZ, pixelsY, pixelsX;
};

static void scatterVolumePhase(const void* sink, int64_t group, int64_t row, int64_t rows, int64_t column,
                               int64_t columns, const float* block, int64_t pitch) {
  const VolumeTarget& to = *static_cast<const VolumeTarget*>(sink);
  const VolumeShape& s = *to.shape;
  for (int64_t i = 0; i < rows; i++) {
    int64_t rest = row + i;
    const int64_t x = to.phaseX + rest % to.pixelsX * s.x.stride;
    rest /= to.pixelsX;
    const int64_t y = to.phaseY + rest % to.pixelsY * s.y.stride;
    rest /= to.pixelsY;
    const int64_t z = to.phaseZ + rest % to.pixelsZ * s.z.stride, volume = rest / to.pixelsZ;
    const int64_t pixel = ((volume * s.z.size + z) * s.y.size + y) * s.x.size + x;
    copyFloats(to.dx + pixel * s.channels + group * s.groupChannels + column, block + i * pitch, columns);
  }
}

struct VolumePhase {
  PhaseAxis z, y, x;
  Gemm gemm;
  VolumeWindows windows;
  VolumeTarget target;
};

static inline PhaseAxis phaseOf(int64_t phase, const VolumeAxis& a) {
  return phaseOf(phase, a.size, a.kernel, a.stride, a.dilation, a.before);
}

// `taps` is where the phase's part of the weight is: unlike in an image, its taps do not lie at two constant distances.
static inline void prepareVolumePhase(const VolumeGradient& g, int64_t phaseZ, int64_t phaseY, int64_t phaseX,
                                      const float* taps, VolumePhase& phase) {
  const VolumeShape& s = g.shape;
  const PhaseAxis z = phase.z = phaseOf(phaseZ, s.z);
  const PhaseAxis y = phase.y = phaseOf(phaseY, s.y);
  const PhaseAxis x = phase.x = phaseOf(phaseX, s.x);
  Gemm& gemm = phase.gemm;
  gemm = {};
  gemm.m = s.batch * z.pixels * y.pixels * x.pixels;
  gemm.n = s.groupChannels;
  gemm.k = z.taps * y.taps * x.taps * s.groupFilters;
  gemm.batch = s.groups;
  if (isPointwise(s)) {
    gemm.a = g.dy;
    gemm.aPitch = s.filters;
    gemm.aBatchStride = s.groupFilters;
  } else {
    phase.windows.plane = {g.dy,     s.y.out, s.x.out, s.filters, s.groupFilters, y.pixels, x.pixels, y.origin,
                           x.origin, 1,       1,       y.taps,    x.taps,         y.step,   x.step};
    phase.windows.depth = s.z.out;
    phase.windows.gridZ = z.pixels;
    phase.windows.originZ = z.origin;
    phase.windows.strideZ = 1;
    phase.windows.stepZ = z.step;
    gemm.fill = fillVolumeWindows;
    gemm.fillSource = &phase.windows;
  }
  gemm.b = taps;
  gemm.bTransposed = 1;
  gemm.bPitch = s.filters;
  gemm.bBatchStride = s.groupFilters;
  gemm.bSegment = s.groupFilters;
  gemm.bInnerCount = maxOf(z.taps * y.taps * x.taps, 1);
  gemm.bInnerStride = s.groupChannels * s.filters;
  gemm.bias = g.bias;
  gemm.biasBatchStride = s.groupChannels;
  gemm.activation = g.activation;
  if (s.z.stride == 1 && s.y.stride == 1 && s.x.stride == 1) {
    gemm.c = g.dx;
    gemm.cPitch = s.channels;
    gemm.cBatchStride = s.groupChannels;
  } else {
    phase.target = {g.dx, &g.shape, phaseZ, phaseY, phaseX, z.pixels, y.pixels, x.pixels};
    gemm.sink = scatterVolumePhase;
    gemm.sinkTarget = &phase.target;
  }
}

template <class F>
static inline void forEachPhase(const VolumeShape& s, const F& body) {
  for (int64_t z = 0; z < minOf(s.z.stride, s.z.size); z++)
    for (int64_t y = 0; y < minOf(s.y.stride, s.y.size); y++)
      for (int64_t x = 0; x < minOf(s.x.stride, s.x.size); x++) body(z, y, x);
}

// Most bytes of taps that a phase has, in whole cache lines.
static inline int64_t tapBytes(const VolumeShape& s) {
  int64_t most = 0;
  forEachPhase(s, [&](int64_t z, int64_t y, int64_t x) {
    most = maxOf(most, phaseOf(z, s.z).taps * phaseOf(y, s.y).taps * phaseOf(x, s.x).taps);
  });
  return ceilDiv(4 * most * s.groupChannels * s.filters, 64) * 64;
}

static Workspace workspaceOfVolumeGradient(const VolumeGradient& g) {
  Workspace most = {0, 0};
  forEachPhase(g.shape, [&](int64_t z, int64_t y, int64_t x) {
    VolumePhase phase;
    prepareVolumePhase(g, z, y, x, nullptr, phase);
    const Workspace needed = OCELLUS_ISA::gemmWorkspace(phase.gemm);
    most.shared = maxOf(most.shared, needed.shared);
    most.perThread = maxOf(most.perThread, needed.perThread);
  });
  most.shared += tapBytes(g.shape);
  return most;
}

static void copyTaps(const KernelContext& context, const VolumeGradient& g, const VolumePhase& p, float* taps) {
  const VolumeShape& s = g.shape;
  const int64_t tapFloats = s.groupChannels * s.filters, plane = p.y.taps * p.x.taps;
  parallelFor(context, p.z.taps * plane, grainFor(8 * tapFloats), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t tap = begin; tap < end; tap++) {
      const int64_t z = p.z.last - tap / plane * p.z.stepInKernel;
      const int64_t y = p.y.last - tap / p.x.taps % p.y.taps * p.y.stepInKernel;
      const int64_t x = p.x.last - tap % p.x.taps * p.x.stepInKernel;
      const int64_t place = (z * s.y.kernel + y) * s.x.kernel + x;
      copyFloats(taps + tap * tapFloats, g.weight + place * tapFloats, tapFloats);
    }
  });
}

static void runVolumeGradient(const KernelContext& context, const VolumeGradient& g) {
  float* taps = reinterpret_cast<float*>(context.scratch);
  char* scratch = context.scratch + tapBytes(g.shape);
  forEachPhase(g.shape, [&](int64_t z, int64_t y, int64_t x) {
    VolumePhase phase;
    prepareVolumePhase(g, z, y, x, taps, phase);
    copyTaps(context, g, phase, taps);
    OCELLUS_ISA::runGemm(context, phase.gemm, scratch);
  });
}

static inline const char* wayOfVolumeGradient(const VolumeShape& s) { return isPointwise(s) ? "pointwise" : "gather"; }

}  // namespace
}  // namespace ocellus
