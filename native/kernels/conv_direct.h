// Direct convolution: no matrix of windows is written. In an NHWC image a row of a kernel's window is one piece of
// memory, kernelX * channels floats, and neighbouring outputs of a row have windows a fixed distance apart: the
// microkernel reads its rows of A from the image itself, one segment per row of the kernel. All of k is summed in
// registers, so the output is written once, with bias and activation.
//
// Windows that reach past the left or right border read a copy of the image's rows with zeros beside them; rows of the
// kernel above or below the image are left out. After Georganas et al., "Anatomy of high-performance deep learning
// convolutions on SIMD architectures" (2018).
#pragma once

#include "../gemm/epilogue.h"
#include "../gemm/pack.h"
#include "../gemm/panel.h"
#include "conv_shape.h"

namespace ocellus {
namespace {

// A copy of rows should stay in the second-level cache, beside a panel of weights.
constexpr int64_t kRowBytes = 192 << 10;
// Weights of as many columns as stay in cache are used for all rows of a block before the next ones.
constexpr int64_t kGroupBytes = 512 << 10;
constexpr int64_t kLeastTaskFlops = 1 << 20, kMostTaskFlops = 6 << 20;
// A single image is work for several threads too.
constexpr int64_t kLeastBlocks = 8;

// Where weight(ky, kx, channel, filter) of the convolution that is computed stands.
enum class WeightForm {
  kStored,  // [ky][kx][channel][filter]
  kTurned,  // [kernelY - 1 - ky][kernelX - 1 - kx][filter][channel]
  kPacked,  // [panel][ky][kx][channel][kPackedColumns], made by packFilter
};

// What is convolved with what: the forward convolution, or dy with the turned filter.
struct Direct {
  ConvShape shape;  // of the convolution that is computed: `height` x `width` x `channels` is read
  const float* x;
  const float* weight;
  WeightForm form;
  const float* bias;
  const float* residual;  // laid out as y and apart from it, or null
  int32_t activation;
  float* y;
};

// Blocks that a thread takes at a time: work worth handing over, and several times for each thread.
static inline int64_t blocksPerTask(const KernelContext& context, int64_t blocks, int64_t flops) {
  const int64_t least = maxOf(1, kLeastTaskFlops / maxOf(1, flops)), most = maxOf(1, kMostTaskFlops / maxOf(1, flops));
  return minOf(most, maxOf(least, blocks / (8 * maxOf(1, context.threads))));
}

struct DirectPlan {
  int64_t k;             // floats of a window
  int64_t panelColumns;  // filters of a panel
  int64_t panels;
  bool copies;                // rows are copied, with zeros beside them
  int64_t paddedWidth;        // pixels of a copied row
  int64_t blockRows, blocks;  // output rows of a task's block; blocks of an image
  int64_t inputRows;          // rows under a block
  int64_t groupPanels;
};

static inline DirectPlan planOf(const ConvShape& s, WeightForm form) {
  DirectPlan p;
  p.k = s.kernelY * s.kernelX * s.channels;
  p.panelColumns = form == WeightForm::kPacked ? kPackedColumns : kTileColumns;
  p.panels = ceilDiv(s.filters, p.panelColumns);
  p.paddedWidth = (s.outX - 1) * s.strideX + s.kernelX;
  p.copies = s.left != 0 || (s.outX - 1) * s.strideX + s.kernelX - s.left > s.width;
  const int64_t rowBytes = p.paddedWidth * s.channels * 4;
  const int64_t rows = maxOf(1, (kRowBytes / maxOf(1, rowBytes) - s.kernelY) / s.strideY + 1);
  p.blocks = minOf(s.outY, maxOf(ceilDiv(s.outY, rows), ceilDiv(kLeastBlocks, maxOf(1, s.batch))));
  p.blockRows = ceilDiv(s.outY, p.blocks);
  p.inputRows = (p.blockRows - 1) * s.strideY + s.kernelY;
  p.groupPanels = maxOf(1, kGroupBytes / (p.k * p.panelColumns * 4));
  return p;
}

// Where it serves: dense channels, no dilation, and rows of A whose distance does not make them share cache lines'
// sets.
static inline bool suitsDirect(const ConvShape& s) {
  const bool plain = s.groups == 1 && s.dilationX == 1 && s.dilationY == 1;
  return plain && !isBadPitch(s.strideX * s.channels) && s.top >= 0 && s.left >= 0 && s.filters >= kVecWidth / 4;
}

// Work for an image, in multiply-adds of a vector. Rows of the kernel outside the image are left out.
static inline double workOfDirect(const ConvShape& s) {
  const double pixels = static_cast<double>(minOf(s.outY, s.height) * s.outX);
  return pixels * static_cast<double>(s.kernelY * s.kernelX * s.channels) * costOfColumns(s.filters);
}

static inline Workspace workspaceOfDirect(const ConvShape& s, WeightForm form) {
  const DirectPlan p = planOf(s, form);
  const int64_t copy = p.copies ? p.inputRows * p.paddedWidth * s.channels + kVecWidth : 0;
  const int64_t packed = form == WeightForm::kPacked ? 0 : p.panels * p.k * p.panelColumns;
  return {packed * 4, copy * 4};
}

// Panel of kTileColumns filters: [k][kTileColumns], zeros behind the last filter.
static void packFilters(const Direct& d, const DirectPlan& p, int64_t panel, float* target) {
  const ConvShape& s = d.shape;
  const int64_t first = panel * kTileColumns, columns = minOf(kTileColumns, s.filters - first);
  if (d.form == WeightForm::kStored)
    return packColumns(d.weight + first, s.filters, columns, p.k, target, kTileColumns);
  const int64_t taps = s.kernelY * s.kernelX;
  for (int64_t tap = 0; tap < taps; tap++) {
    const float* from = d.weight + ((taps - 1 - tap) * s.filters + first) * s.channels;
    float* to = target + tap * s.channels * kTileColumns;
    if (columns < kTileColumns) clearFloats(to, s.channels * kTileColumns);
    transposePiece(from, s.channels, columns, s.channels, to, kTileColumns);
  }
}

// Rows [firstRow, firstRow + rows) of an image with zeros on both sides. Rows outside the image are zeros where
// `clearOutside` says so, else left as they are.
static void copyRows(const ConvShape& s, const DirectPlan& p, const float* image, int64_t firstRow, int64_t rows,
                     bool clearOutside, float* target) {
  const int64_t pitch = p.paddedWidth * s.channels;
  const int64_t before = minOf(s.left, p.paddedWidth) * s.channels;
  const int64_t inside = minOf(s.width * s.channels, pitch - before);
  for (int64_t row = 0; row < rows; row++) {
    const int64_t y = firstRow + row;
    float* to = target + row * pitch;
    if (y < 0 || y >= s.height) {
      if (clearOutside) clearFloats(to, pitch);
      continue;
    }
    if (before > 0) clearFloats(to, before);
    copyFloats(to + before, image + y * s.width * s.channels, inside);
    if (before + inside < pitch) clearFloats(to + before + inside, pitch - before - inside);
  }
}

// Output rows [from, to) of one image.
static void directBlock(const Direct& d, const DirectPlan& p, const float* image, const float* panels, int64_t from,
                        int64_t to, float* copy, float* y) {
  const ConvShape& s = d.shape;
  const int64_t origin = from * s.strideY - s.top, segment = s.kernelX * s.channels;
  if (p.copies) copyRows(s, p, image, origin, (to - 1 - from) * s.strideY + s.kernelY, false, copy);
  const int64_t rowPitch = (p.copies ? p.paddedWidth : s.width) * s.channels;
  // Where row `row` of the padded image, counted from `origin`, starts.
  const auto rowOf = [&](int64_t row) { return p.copies ? copy + row * rowPitch : image + (origin + row) * rowPitch; };
  const Limits limits = limitsOf(d.activation, d.residual);
  const int64_t tiles = ceilDiv(s.outX, kTileRows);
  const int64_t panelFloats = p.k * p.panelColumns;
  for (int64_t group = 0; group < p.panels; group += p.groupPanels) {
    const int64_t next = minOf(p.panels, group + p.groupPanels);
    // What comes after this group is fetched meanwhile.
    const float* ahead = panels + next * panelFloats;
    const float* lastAhead = panels + minOf(p.panels, next + p.groupPanels) * panelFloats;
    for (int64_t oy = from; oy < to; oy++) {
      const int64_t top = oy * s.strideY - s.top;
      const int64_t firstTap = maxOf(0, -top), taps = minOf(s.kernelY, s.height - top) - firstTap;
      int64_t columns;
      for (int64_t first = group * p.panelColumns; first < minOf(s.filters, next * p.panelColumns); first += columns) {
        const int64_t panel = first / p.panelColumns, inside = first % p.panelColumns;
        columns = minOf(minOf(kTileColumns, p.panelColumns - inside), s.filters - first);
        const float* bias = d.bias ? d.bias + first : nullptr;
        float* out = y + oy * s.outX * s.filters + first;
        for (int64_t t = 0; t < tiles; t++) {
          const int64_t x = s.outX * t / tiles, rows = s.outX * (t + 1) / tiles - x;
          const float* a = rowOf(top - origin + firstTap) + x * s.strideX * s.channels;
          const float* b = panels + panel * panelFloats + firstTap * segment * p.panelColumns + inside;
          const TileInput in = {taps > 0 ? segment : 0,
                                a,
                                s.strideX * s.channels,
                                b,
                                p.panelColumns,
                                maxOf(taps - 1, 0),
                                rowPitch,
                                ahead};
          const TileOutput result = {out + x * s.filters, s.filters,     columns, false, true, bias,
                                     limits.floor,        limits.ceiling};
          if (ahead < lastAhead) {
            computeTile<false, 0, true>(rows, ceilDiv(columns, kVecWidth), in, result);
            ahead += maxOf(taps, 0) * aheadFloats(segment);
          } else {
            computeTile<false>(rows, ceilDiv(columns, kVecWidth), in, result);
          }
        }
      }
    }
  }
  float* block = y + from * s.outX * s.filters;
  const float* residual = d.residual == nullptr ? nullptr : d.residual + (block - d.y);
  finishRows(d.activation, residual, block, s.filters, (to - from) * s.outX, s.filters);
}

static const float* packAllFilters(const KernelContext& context, const Direct& d, const DirectPlan& p) {
  float* panels = reinterpret_cast<float*>(context.scratch);
  const int64_t panelFloats = p.k * kTileColumns;
  parallelFor(context, p.panels, grainFor(8 * panelFloats), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t panel = begin; panel < end; panel++) packFilters(d, p, panel, panels + panel * panelFloats);
  });
  return panels;
}

static void runDirect(const KernelContext& context, const Direct& d) {
  const ConvShape& s = d.shape;
  const DirectPlan p = planOf(s, d.form);
  const float* panels = d.form == WeightForm::kPacked ? d.weight : packAllFilters(context, d, p);
  const int64_t flops = 2 * p.blockRows * s.outX * s.filters * p.k;
  const int64_t tasks = s.batch * p.blocks;
  parallelFor(context, tasks, blocksPerTask(context, tasks, flops), [&](int64_t begin, int64_t end, int32_t worker) {
    float* copy = reinterpret_cast<float*>(context.threadScratch + worker * context.threadScratchStride);
    for (int64_t task = begin; task < end; task++) {
      const int64_t image = task / p.blocks, block = task % p.blocks;
      const int64_t from = s.outY * block / p.blocks, to = s.outY * (block + 1) / p.blocks;
      directBlock(d, p, d.x + image * s.height * s.width * s.channels, panels, from, to, copy,
                  d.y + image * s.outY * s.outX * s.filters);
    }
  });
}

}  // namespace
}  // namespace ocellus
