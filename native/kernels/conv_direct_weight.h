// Direct weight gradient: dw[ky, kx, c, f] = sum over pixels of x * dy, both read where they lie. For a row ky of the
// kernel the elements (kx, c) of a window are neighbours in the image, and so are the filters of a pixel of dy: tiles
// of dw are outer products summed over the pixels of a block of output rows, in registers.
//
// The blocks are cut into a fixed number of parts; each sums into a dw of its own, and these are added in order.
#pragma once

#include "conv_direct.h"

namespace ocellus {
namespace {

// dw must fit into the second-level cache beside the rows it is made from.
constexpr int64_t kDirectWeightBytes = 640 << 10;

struct DirectWeightPlan {
  DirectPlan rows;
  bool copies;          // rows of x are copied, with zeros around them
  bool copiesGradient;  // filters are not whole vectors: dy is copied to a pitch of whole vectors
  int64_t pitch;        // of a row of dw, and of dy when copied
  int64_t parts;
  int64_t sumFloats;  // one dw
};

static inline DirectWeightPlan planOfWeight(const ConvShape& s) {
  DirectWeightPlan p;
  p.rows = planOf(s, WeightForm::kStored);
  p.copies = p.rows.copies || s.top != 0 || (s.outY - 1) * s.strideY + s.kernelY - s.top > s.height;
  p.copiesGradient = s.filters % kVecWidth != 0;
  p.pitch = roundUp(s.filters, kVecWidth);
  p.parts = maxOf(1, minOf(16, s.batch * p.rows.blocks));
  p.sumFloats = p.rows.k * p.pitch;
  return p;
}

static inline bool suitsDirectWeight(const ConvShape& s) {
  const int64_t bytes = s.kernelY * s.kernelX * s.channels * roundUp(s.filters, kVecWidth) * 4;
  return suitsDirect(s) && bytes <= kDirectWeightBytes && s.outX * s.outY >= 64;
}

static inline Workspace workspaceOfDirectWeight(const ConvShape& s) {
  const DirectWeightPlan p = planOfWeight(s);
  const int64_t copy = p.copies ? roundUp(p.rows.inputRows * p.rows.paddedWidth * s.channels, 16) : 0;
  const int64_t gradient = p.copiesGradient ? p.rows.blockRows * s.outX * p.pitch : 0;
  return {p.parts * p.sumFloats * 4, (copy + gradient + kTileRows) * 4};
}

// Adds the products of output rows [from, to) of one image to `sums`, or starts them.
static void addBlock(const ConvShape& s, const DirectWeightPlan& p, const float* image, const float* dy, int64_t from,
                     int64_t to, bool accumulate, float* scratch, float* sums) {
  const int64_t origin = from * s.strideY - s.top, pixels = (to - from) * s.outX;
  const float* x = image + origin * s.width * s.channels;
  int64_t rowPitch = s.width * s.channels;
  if (p.copies) {
    copyRows(s, p.rows, image, origin, (to - 1 - from) * s.strideY + s.kernelY, true, scratch);
    x = scratch;
    rowPitch = p.rows.paddedWidth * s.channels;
    scratch += roundUp(p.rows.inputRows * p.rows.paddedWidth * s.channels, 16);
  }
  const float* gradient = dy + from * s.outX * s.filters;
  if (p.copiesGradient) {
    for (int64_t pixel = 0; pixel < pixels; pixel++) {
      float* row = scratch + pixel * p.pitch;
      copyFloats(row, gradient + pixel * s.filters, s.filters);
      clearFloats(row + s.filters, p.pitch - s.filters);
    }
    gradient = scratch;
  }
  const int64_t length = s.kernelX * s.channels, tiles = ceilDiv(length, kTileRows);
  for (int64_t f = 0; f < p.pitch; f += kTileColumns) {
    const int64_t vecs = minOf(kTileVecs, (p.pitch - f) / kVecWidth);
    for (int64_t ky = 0; ky < s.kernelY; ky++) {
      for (int64_t t = 0; t < tiles; t++) {
        const int64_t first = length * t / tiles, rows = length * (t + 1) / tiles - first;
        const TileInput in = {s.outX,        x + ky * rowPitch + first, s.strideX * s.channels, gradient + f, p.pitch,
                              to - from - 1, s.strideY * rowPitch};
        float* c = sums + (ky * length + first) * p.pitch + f;
        const TileOutput out = sumsTo(c, p.pitch, vecs * kVecWidth, accumulate);
        computeTile<true>(rows, vecs, in, out);
      }
    }
  }
}

static void runDirectWeight(const KernelContext& context, const ConvShape& s, const float* x, const float* dy,
                            float* dw) {
  const DirectWeightPlan p = planOfWeight(s);
  const int64_t tasks = s.batch * p.rows.blocks;
  float* sums = reinterpret_cast<float*>(context.scratch);
  parallelFor(context, p.parts, 1, [&](int64_t part, int64_t, int32_t worker) {
    float* scratch = reinterpret_cast<float*>(context.threadScratch + worker * context.threadScratchStride);
    float* own = sums + part * p.sumFloats;
    const int64_t first = tasks * part / p.parts, end = tasks * (part + 1) / p.parts;
    if (first == end) memset(own, 0, static_cast<size_t>(p.sumFloats) * 4);
    for (int64_t task = first; task < end; task++) {
      const int64_t image = task / p.rows.blocks, block = task % p.rows.blocks;
      const int64_t from = s.outY * block / p.rows.blocks, to = s.outY * (block + 1) / p.rows.blocks;
      addBlock(s, p, x + image * s.height * s.width * s.channels, dy + image * s.outY * s.outX * s.filters, from, to,
               task > first, scratch, own);
    }
  });
  const int64_t bytes = 4 * p.parts * s.filters;
  parallelFor(context, p.rows.k, grainFor(bytes), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t row = begin; row < end; row++) {
      forVectors(0, s.filters, [&](int64_t f, auto lanes) {
        const float* from = sums + row * p.pitch + f;
        Vec sum = load(from);
        for (int64_t part = 1; part < p.parts; part++) sum = add(sum, load(from + part * p.sumFloats));
        store(dw + row * s.filters + f, sum, lanes);
      });
    }
  });
}

}  // namespace
}  // namespace ocellus
