// The input gradient of a convolution with stride 1 by folding (col2im) along rows: for a row of dx, one product gives
// what every pixel of a row of dy adds to its window's row, summed over the rows of the kernel in registers; then every
// pixel of dx adds up its few shares. Columns of the product are a window's row, kernelX * channels: few input channels
// make no narrow product, and nothing is computed for windows that overlap the border.
#pragma once

#include "../gemm/blocking.h"
#include "../gemm/epilogue.h"
#include "conv_input.h"

namespace ocellus {
namespace {

// Shares of a row should stay in the second-level cache.
constexpr int64_t kShareFloats = 64 << 10;

struct FoldPlan {
  int64_t columns;  // shares per pixel of dy and group: [kernelX][groupChannels]
  int64_t pitch;
  int64_t k;              // of the product: [kernelY][groupFilters]
  int64_t packedFloats;   // weights of all groups
  int64_t before, after;  // pixels without shares, zeros, left and right of a row of dy
};

static inline FoldPlan foldPlanOf(const ConvShape& s) {
  FoldPlan plan;
  plan.columns = s.kernelX * s.groupChannels;
  plan.pitch = roundUp(plan.columns, kVecWidth);
  plan.k = s.kernelY * s.groupFilters;
  plan.packedFloats = s.groups * plan.k * plan.pitch;
  plan.before = maxOf(0, (s.kernelX - 1) * s.dilationX - s.left);
  plan.after = maxOf(0, s.width + s.left - s.outX);
  return plan;
}

static inline int64_t sharesOf(const ConvShape& s, const FoldPlan& plan) {
  return (plan.before + s.outX + plan.after) * plan.pitch + kVecWidth;
}

static inline bool suitsFold(const ConvShape& s) { return sharesOf(s, foldPlanOf(s)) <= kShareFloats; }

// Work for an image, in multiply-adds of a vector; a pixel of dx costs about 32 to add up.
static inline double workOfFold(const ConvShape& s) {
  const double products = static_cast<double>(s.outY * s.outX * s.kernelY * s.groupFilters);
  const double sums = 32 * static_cast<double>(s.height * s.width * ceilDiv(s.groupChannels, kVecWidth));
  return static_cast<double>(s.groups) * (products * costOfColumns(s.kernelX * s.groupChannels) + sums);
}

static inline Workspace workspaceOfFold(const InputGradient& g) {
  const FoldPlan plan = foldPlanOf(g.shape);
  return {plan.packedFloats * 4, 4 * sharesOf(g.shape, plan)};
}

// Panels of weights, [group][panel][kernelY][filter][columns of the panel].
static inline float* foldPanel(const FoldPlan& plan, float* packed, int64_t group, int64_t column) {
  return packed + (group * plan.pitch + column) * plan.k;
}

static void packFoldPanels(const KernelContext& context, const InputGradient& g, const FoldPlan& plan, float* packed) {
  const ConvShape& s = g.shape;
  const int64_t panels = ceilDiv(plan.columns, kTileColumns);
  parallelFor(context, s.groups * panels, grainFor(8 * plan.k * kTileColumns),
              [&](int64_t begin, int64_t end, int32_t) {
                for (int64_t i = begin; i < end; i++) {
                  const int64_t group = i / panels, column = i % panels * kTileColumns;
                  const int64_t width = minOf(kTileColumns, plan.columns - column), padded = roundUp(width, kVecWidth);
                  for (int64_t ky = 0; ky < s.kernelY; ky++) {
                    const float* from = g.weight + (ky * plan.columns + column) * s.filters + group * s.groupFilters;
                    float* to = foldPanel(plan, packed, group, column) + ky * s.groupFilters * padded;
                    transposePiece(from, s.filters, width, s.groupFilters, to, padded);
                  }
                }
              });
}

// The taps that lead from a position of dx into dy: position + before - tap * dilation lies in [0, size).
struct TapRange {
  int64_t begin, end;
};
static inline TapRange tapsInto(int64_t position, int64_t size, int64_t dilation, int64_t kernel) {
  return {ceilDiv(maxOf(0, position - size + 1), dilation), minOf(kernel, position / dilation + 1)};
}

// shares[pixel of dy][column] for row y of dx.
static void computeShares(const ConvShape& s, const FoldPlan& plan, float* packed, int64_t group, const float* dy,
                          int64_t y, float* shares) {
  const TapRange taps = tapsInto(y + s.top, s.outY, s.dilationY, s.kernelY);
  const int64_t rows = maxOf(0, taps.end - taps.begin), tiles = ceilDiv(s.outX, kTileRows);
  const int64_t rowFloats = s.outX * s.filters;
  const float* row = dy + (y + s.top - taps.begin * s.dilationY) * rowFloats + group * s.groupFilters;
  for (int64_t column = 0; column < plan.columns; column += kTileColumns) {
    const int64_t padded = roundUp(minOf(kTileColumns, plan.columns - column), kVecWidth);
    const float* panel = foldPanel(plan, packed, group, column) + taps.begin * s.groupFilters * padded;
    for (int64_t t = 0; t < tiles; t++) {
      const int64_t x = s.outX * t / tiles, pixels = s.outX * (t + 1) / tiles - x;
      const TileInput in = {
          rows > 0 ? s.groupFilters : 0, row + x * s.filters, s.filters, panel, padded, maxOf(rows - 1, 0),
          -s.dilationY * rowFloats};
      computeTile<false>(pixels, padded / kVecWidth, in,
                         sumsTo(shares + x * plan.pitch + column, plan.pitch, padded, false));
    }
  }
}

// dx[x] of a row of one group = sum of its shares.
static void addShares(const InputGradient& g, const FoldPlan& plan, int64_t group, const float* shares, float* dx) {
  const ConvShape& s = g.shape;
  const Limits limits = limitsOf(g.activation, nullptr);
  const Vec floor = broadcast(limits.floor), ceiling = broadcast(limits.ceiling);
  const int64_t tapStep = s.groupChannels - s.dilationX * plan.pitch;
  for (int64_t x = 0; x < s.width; x++) {
    forVectors(0, s.groupChannels, [&](int64_t c, auto lanes) {
      Vec sum = g.bias == nullptr ? zero() : load(g.bias + group * s.groupChannels + c, lanes);
      // Whole vectors: past a group's channels lie other shares.
      const float* share = shares + (x + s.left) * plan.pitch + c;
      for (int64_t kx = 0; kx < s.kernelX; kx++, share += tapStep) sum = add(sum, load(share));
      store(dx + x * s.channels + c, min(ceiling, max(floor, sum)), lanes);
    });
  }
}

static void runFold(const KernelContext& context, const InputGradient& g) {
  const ConvShape& s = g.shape;
  const FoldPlan plan = foldPlanOf(s);
  float* packed = reinterpret_cast<float*>(context.scratch);
  packFoldPanels(context, g, plan, packed);
  const int64_t rows = s.batch * s.height, rowFloats = s.width * s.channels;
  const int64_t flops = 2 * s.outX * plan.pitch * s.groups * plan.k;
  parallelFor(context, rows, maxOf(1, kTaskFlops / maxOf(1, flops)), [&](int64_t begin, int64_t end, int32_t worker) {
    float* scratch = reinterpret_cast<float*>(context.threadScratch + worker * context.threadScratchStride);
    float* shares = scratch + plan.before * plan.pitch;
    clearFloats(scratch, sharesOf(s, plan));
    for (int64_t row = begin; row < end; row++) {
      const float* dy = g.dy + row / s.height * s.outY * s.outX * s.filters;
      float* dx = g.dx + row * rowFloats;
      for (int64_t group = 0; group < s.groups; group++) {
        computeShares(s, plan, packed, group, dy, row % s.height, shares);
        addShares(g, plan, group, shares, dx + group * s.groupChannels);
      }
      finishRows(g.activation, nullptr, dx, rowFloats, 1, rowFloats);
    }
  });
}

}  // namespace
}  // namespace ocellus
