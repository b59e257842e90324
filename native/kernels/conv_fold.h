// The input gradient of a convolution with stride 1 by folding (col2im): one product gives, for every pixel of dy, what
// it adds to all pixels of its window; then every element of dx sums its shares. Nothing is computed for windows that
// overlap the border, and few input channels make no narrow product: the better way where gathering wastes lanes.
//
// dy is taken in blocks of whole rows at fixed places; an element of dx sums first the shares of one block, then the
// next. A task owns a band of rows of one dx, so the order of summation does not depend on how dx is cut into bands.
#pragma once

#include "../gemm/blocking.h"
#include "../gemm/epilogue.h"
#include "../gemm/panel.h"
#include "conv_input.h"

namespace ocellus {
namespace {

// Floats of shares held at a time by one thread.
constexpr int64_t kFoldFloats = 64 << 10;

struct FoldPlan {
  int64_t columns;  // shares per pixel of dy and group: [kernelY][kernelX][groupChannels]
  int64_t pitch;
  int64_t run;   // filters summed in registers
  int64_t rows;  // of dy in a block
  int64_t packedFloats, blockFloats;
};

static inline FoldPlan foldPlanOf(const ConvShape& s) {
  FoldPlan plan;
  plan.columns = s.kernelY * s.kernelX * s.groupChannels;
  plan.pitch = roundUp(plan.columns, kVecWidth);
  plan.run = evenPart(s.groupFilters, kRunLimit);
  plan.rows = minOf(maxOf(kFoldFloats / (plan.pitch * s.outX), 1), s.outY);
  plan.packedFloats = s.groups * s.groupFilters * plan.pitch;
  plan.blockFloats = plan.rows * s.outX * plan.pitch;
  return plan;
}

// Compares the work of both ways, in multiply-adds. A share costs about 12 to write and add up, a gathered value 4 to
// read. The batch has no say: an image must not get other sums in another batch.
static inline bool shouldFold(const ConvShape& s) {
  if (s.strideY != 1 || s.strideX != 1 || isPointwise(s)) return false;
  const double taps = (double)(s.kernelY * s.kernelX), filters = (double)s.groupFilters;
  const double folded =
      (double)(s.outY * s.outX) * (filters * (double)roundUp(s.kernelY * s.kernelX * s.groupChannels, kVecWidth) +
                                   12 * taps * (double)s.groupChannels);
  const double gathered =
      (double)(s.height * s.width) * taps * filters * ((double)roundUp(s.groupChannels, kVecWidth) + 4);
  return folded < gathered && foldPlanOf(s).blockFloats <= 4 * kFoldFloats;
}

static inline Workspace workspaceOfFold(const InputGradient& g) {
  const FoldPlan plan = foldPlanOf(g.shape);
  return {plan.packedFloats * 4, plan.blockFloats * 4};
}

// Panels of weight', [group][panel][filter][columns of the panel].
static inline float* foldPanel(const FoldPlan& plan, const ConvShape& s, float* packed, int64_t group, int64_t column) {
  return packed + (group * plan.pitch + column) * s.groupFilters;
}

static void packFoldPanels(const KernelContext& context, const InputGradient& g, const FoldPlan& plan, float* packed) {
  const ConvShape& s = g.shape;
  Gemm weight = {};
  weight.k = s.groupFilters;
  weight.b = g.weight;
  weight.bPitch = s.filters;
  weight.bBatchStride = s.groupFilters;
  weight.bTransposed = 1;
  const int64_t panels = ceilDiv(plan.columns, kTileColumns);
  const int64_t panelsPerTask = ceilDiv(32 << 10, s.groupFilters * kTileColumns);
  parallelFor(context, s.groups * panels, panelsPerTask, [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t group = i / panels, column = i % panels * kTileColumns;
      const int64_t width = minOf(kTileColumns, plan.columns - column);
      packPanel(weight, group, 0, s.groupFilters, column, width, foldPanel(plan, s, packed, group, column),
                roundUp(width, kVecWidth));
    }
  });
}

// block[pixel][column] for `pixels` pixels of dy and one group.
static void computeShares(const InputGradient& g, const FoldPlan& plan, float* packed, int64_t group, const float* dy,
                          int64_t pixels, float* block) {
  const ConvShape& s = g.shape;
  for (int64_t first = 0; first < s.groupFilters; first += plan.run) {
    const int64_t count = minOf(plan.run, s.groupFilters - first);
    for (int64_t column = 0; column < plan.columns; column += kTileColumns) {
      const int64_t padded = roundUp(minOf(kTileColumns, plan.columns - column), kVecWidth);
      const TileOutput out = sumsTo(block + column, plan.pitch, padded, first > 0);
      const float* panel = foldPanel(plan, s, packed, group, column) + first * padded;
      computePanel<false>({dy + first, s.filters}, {panel, padded}, pixels, count, out);
    }
  }
}

// The taps that lead from a position of dx to dy positions in [low, high): position + before - tap * dilation.
struct TapRange {
  int64_t begin, end;
};
static inline TapRange tapsInto(int64_t position, int64_t low, int64_t high, int64_t dilation, int64_t kernel) {
  const int64_t above = position - high + 1, most = position - low;
  const int64_t begin = above <= 0 ? 0 : dilation == 1 ? above : ceilDiv(above, dilation);
  const int64_t end = most < 0 ? 0 : (dilation == 1 ? most : most / dilation) + 1;
  return {begin, minOf(end, kernel)};
}

// dx rows [yBegin, yEnd) of one image and group += shares of dy rows [first, last).
static void addShares(const ConvShape& s, const FoldPlan& plan, const float* block, int64_t first, int64_t last,
                      int64_t yBegin, int64_t yEnd, float* dx) {
  const int64_t tapStep = s.groupChannels - s.dilationX * plan.pitch;
  for (int64_t y = yBegin; y < yEnd; y++) {
    const TapRange tapsY = tapsInto(y + s.top, first, last, s.dilationY, s.kernelY);
    for (int64_t x = 0; x < s.width; x++) {
      const TapRange tapsX = tapsInto(x + s.left, 0, s.outX, s.dilationX, s.kernelX);
      float* pixel = dx + (y * s.width + x) * s.channels;
      for (int64_t c = 0; c < s.groupChannels; c += kVecWidth) {
        const int64_t lanes = minOf(kVecWidth, s.groupChannels - c);
        Vec sum = loadPartial(pixel + c, lanes);
        for (int64_t ky = tapsY.begin; ky < tapsY.end; ky++) {
          const int64_t fromY = y + s.top - ky * s.dilationY - first;
          const int64_t fromX = x + s.left - tapsX.begin * s.dilationX;
          const float* share =
              block + (fromY * s.outX + fromX) * plan.pitch + (ky * s.kernelX + tapsX.begin) * s.groupChannels + c;
          for (int64_t kx = tapsX.begin; kx < tapsX.end; kx++, share += tapStep)
            sum = add(sum, loadPartial(share, lanes));
        }
        storePartial(pixel + c, sum, lanes);
      }
    }
  }
}

static void foldBand(const InputGradient& g, const FoldPlan& plan, float* packed, int64_t image, int64_t yBegin,
                     int64_t yEnd, float* block) {
  const ConvShape& s = g.shape;
  float* dx = g.dx + image * s.height * s.width * s.channels;
  const float* dy = g.dy + image * s.outY * s.outX * s.filters;
  const int64_t rowFloats = s.width * s.channels, reach = (s.kernelY - 1) * s.dilationY;
  clearFloats(dx + yBegin * rowFloats, (yEnd - yBegin) * rowFloats);
  const int64_t lowest = maxOf(yBegin + s.top - reach, 0), highest = minOf(yEnd - 1 + s.top, s.outY - 1);
  for (int64_t first = lowest / plan.rows * plan.rows; first <= highest; first += plan.rows) {
    const int64_t last = minOf(first + plan.rows, s.outY);
    for (int64_t group = 0; group < s.groups; group++) {
      computeShares(g, plan, packed, group, dy + first * s.outX * s.filters + group * s.groupFilters,
                    (last - first) * s.outX, block);
      addShares(s, plan, block, first, last, maxOf(yBegin, first - s.top), minOf(yEnd, last - s.top + reach),
                dx + group * s.groupChannels);
    }
  }
  if (g.bias == nullptr && g.activation == kActivationLinear) return;
  const Limits limits = limitsOf(g.activation, nullptr);
  const Vec floor = broadcast(limits.floor), ceiling = broadcast(limits.ceiling);
  for (float* pixel = dx + yBegin * rowFloats; pixel < dx + yEnd * rowFloats; pixel += s.channels) {
    for (int64_t c = 0; c < s.channels; c += kVecWidth) {
      const int64_t lanes = minOf(kVecWidth, s.channels - c);
      const Vec bias = g.bias == nullptr ? zero() : loadPartial(g.bias + c, lanes);
      const Vec sum = add(loadPartial(pixel + c, lanes), bias);
      storePartial(pixel + c, min(ceiling, max(floor, sum)), lanes);
    }
  }
  finishRows(g.activation, nullptr, dx + yBegin * rowFloats, rowFloats, yEnd - yBegin, rowFloats);
}

static void runFold(const KernelContext& context, const InputGradient& g) {
  const ConvShape& s = g.shape;
  const FoldPlan plan = foldPlanOf(s);
  float* packed = (float*)context.scratch;
  packFoldPanels(context, g, plan, packed);
  const int64_t flops = 2 * s.batch * s.outY * s.outX * plan.pitch * s.groups * (s.groupFilters + 12);
  const bool serial = context.threads <= 1 || flops <= kSerialFlops;
  // Bands of one image compute the rows at their borders twice: only as many as the threads need.
  const int64_t bands = serial || s.batch >= 2 * context.threads
                            ? 1
                            : minOf(ceilDiv(2 * context.threads, maxOf(s.batch, 1)), ceilDiv(s.height, 8));
  const int64_t rowsPerBand = ceilDiv(s.height, bands), tasks = s.batch * ceilDiv(s.height, rowsPerBand);
  const int64_t grain = serial ? tasks : maxOf(1, minOf(tasks * kTaskFlops / flops, tasks / (8 * context.threads)));
  parallelFor(context, tasks, grain, [&](int64_t begin, int64_t end, int32_t worker) {
    float* block = (float*)(context.threadScratch + worker * context.threadScratchStride);
    for (int64_t i = begin; i < end; i++) {
      const int64_t perImage = tasks / s.batch, y = i % perImage * rowsPerBand;
      foldBand(g, plan, packed, i / perImage, y, minOf(y + rowsPerBand, s.height), block);
    }
  });
}

}  // namespace
}  // namespace ocellus
