// The input gradient of a convolution (and so the transposed convolution) by gathering. A pixel of dx meets only every
// strideY-th row of the kernel (strideX-th column), so dx is made of strideY x strideX phases, each a convolution of dy
// with stride 1: every element is gathered by one task, nothing is multiplied by zeros between pixels.
#pragma once

#include "../gemm/gemm.h"
#include "conv_shape.h"
#include "phases.h"
#include "windows.h"

namespace ocellus {
namespace {

// Finished rows of a phase go to every strideY-th row and strideX-th pixel of dx.
struct PhaseTarget {
  float* dx;
  const ConvShape* shape;
  int64_t phaseY, phaseX, pixelsY, pixelsX;
};

static void scatterPhase(const void* sink, int64_t group, int64_t row, int64_t rows, int64_t column, int64_t columns,
                         const float* block, int64_t pitch) {
  const PhaseTarget& to = *static_cast<const PhaseTarget*>(sink);
  const ConvShape& s = *to.shape;
  for (int64_t i = 0; i < rows; i++) {
    const int64_t x = (row + i) % to.pixelsX, y = (row + i) / to.pixelsX % to.pixelsY;
    const int64_t image = (row + i) / to.pixelsX / to.pixelsY;
    const int64_t pixel = (image * s.height + to.phaseY + y * s.strideY) * s.width + to.phaseX + x * s.strideX;
    copyFloats(to.dx + pixel * s.channels + group * s.groupChannels + column, block + i * pitch, columns);
  }
}

struct InputGradient {
  ConvShape shape;
  const float* dy;
  const float* weight;
  const float* bias;
  float* dx;
  int32_t activation;
};

struct Phase {
  Gemm gemm;
  Windows windows;
  PhaseTarget target;
};

static inline void preparePhase(const InputGradient& g, int64_t phaseY, int64_t phaseX, Phase& phase) {
  const ConvShape& s = g.shape;
  const PhaseAxis y = phaseOf(phaseY, s.height, s.kernelY, s.strideY, s.dilationY, s.top);
  const PhaseAxis x = phaseOf(phaseX, s.width, s.kernelX, s.strideX, s.dilationX, s.left);
  const int64_t tapFloats = s.groupChannels * s.filters;
  Gemm& gemm = phase.gemm;
  gemm = {};
  gemm.m = s.batch * y.pixels * x.pixels;
  gemm.n = s.groupChannels;
  gemm.k = y.taps * x.taps * s.groupFilters;
  gemm.batch = s.groups;
  if (isPointwise(s)) {
    gemm.a = g.dy;
    gemm.aPitch = s.filters;
    gemm.aBatchStride = s.groupFilters;
  } else {
    phase.windows = {g.dy,     s.outY, s.outX, s.filters, s.groupFilters, y.pixels, x.pixels, y.origin,
                     x.origin, 1,      1,      y.taps,    x.taps,         y.step,   x.step};
    gemm.fill = fillWindows;
    gemm.fillSource = &phase.windows;
  }
  gemm.b = g.weight == nullptr ? nullptr : g.weight + (y.last * s.kernelX + x.last) * tapFloats;
  gemm.bTransposed = 1;
  gemm.bPitch = s.filters;
  gemm.bBatchStride = s.groupFilters;
  gemm.bSegment = s.groupFilters;
  gemm.bInnerCount = maxOf(x.taps, 1);
  gemm.bInnerStride = -x.stepInKernel * tapFloats;
  gemm.bOuterStride = -y.stepInKernel * s.kernelX * tapFloats;
  gemm.bias = g.bias;
  gemm.biasBatchStride = s.groupChannels;
  gemm.activation = g.activation;
  if (s.strideY == 1 && s.strideX == 1) {
    gemm.c = g.dx;
    gemm.cPitch = s.channels;
    gemm.cBatchStride = s.groupChannels;
  } else {
    phase.target = {g.dx, &g.shape, phaseY, phaseX, y.pixels, x.pixels};
    gemm.sink = scatterPhase;
    gemm.sinkTarget = &phase.target;
  }
}

static Workspace workspaceOfGather(const InputGradient& g) {
  Workspace most = {0, 0};
  for (int64_t y = 0; y < minOf(g.shape.strideY, g.shape.height); y++) {
    for (int64_t x = 0; x < minOf(g.shape.strideX, g.shape.width); x++) {
      Phase phase;
      preparePhase(g, y, x, phase);
      const Workspace needed = OCELLUS_ISA::gemmWorkspace(phase.gemm);
      most.shared = maxOf(most.shared, needed.shared);
      most.perThread = maxOf(most.perThread, needed.perThread);
    }
  }
  return most;
}

static void runGather(const KernelContext& context, const InputGradient& g) {
  for (int64_t y = 0; y < minOf(g.shape.strideY, g.shape.height); y++) {
    for (int64_t x = 0; x < minOf(g.shape.strideX, g.shape.width); x++) {
      Phase phase;
      preparePhase(g, y, x, phase);
      OCELLUS_ISA::runGemm(context, phase.gemm, context.scratch);
    }
  }
}

}  // namespace
}  // namespace ocellus
