// Weight gradient of few filters: dw[tap, f] is the dot product of two planes (conv_planes.h), x shifted by the tap and
// dy. Tiles of taps and filters are summed along the pixels of a block, lane by lane; lanes are added up at the end of
// a part. What x has under pixels that are no outputs is masked: infinity times the zero of dy there would be NaN.
//
// The blocks are cut into a fixed number of parts; each sums into a dw of its own, and these are added in order.
#pragma once

#include "conv_direct_weight.h"
#include "conv_pixels.h"

namespace ocellus {
namespace {

constexpr int kWeightTaps = kVecRegisters == 32 ? 6 : 3;
constexpr int kWeightFilters = 3;

struct PixelsWeightPlan {
  PlanesPlan planes;
  int64_t k;
  int64_t parts;
  int64_t pixels;                            // of a block, in whole vectors
  int64_t offsetBytes, maskBytes, sumBytes;  // shared: masks of both heights of blocks, dw of a part
  int64_t imageFloats, gradientPlane, gradientFloats, laneFloats;  // per thread
};

static inline PixelsWeightPlan pixelsWeightPlanOf(const ConvShape& s) {
  PixelsWeightPlan p;
  p.planes = planesOf(s, s.channels + s.filters);
  p.k = s.kernelY * s.kernelX * s.channels;
  p.parts = maxOf(1, minOf(16, s.batch * p.planes.blocks));
  p.pixels = roundUp(p.planes.blockRows * p.planes.pitch, kVecWidth);
  p.offsetBytes = roundUp(8 * p.k, 64);
  p.maskBytes = 4 * roundUp(p.pixels, 16);
  p.sumBytes = 4 * p.k * s.filters;
  p.imageFloats = s.channels * p.planes.planeFloats;
  p.gradientPlane = goodPitch(p.pixels + kVecWidth);
  p.gradientFloats = s.filters * p.gradientPlane;
  p.laneFloats = p.k * s.filters * kVecWidth;
  return p;
}

// More filters fill the vectors of the direct kernel as well, unless its tiles are low for want of taps in a row. Small
// images are not worth loading and storing the sums of all lanes.
static inline bool suitsPixelsWeight(const ConvShape& s) {
  const int64_t most = kVecWidth == 16 && s.kernelX * s.channels > 16 ? 8 : kVecWidth * 3 / 4;
  return suitsPixels(s) && s.filters <= most && s.outX * s.outY >= 64 &&
         s.kernelY * s.kernelX * s.channels * s.filters * kVecWidth * 4 <= kDirectWeightBytes;
}

static inline Workspace workspaceOfPixelsWeight(const ConvShape& s) {
  const PixelsWeightPlan p = pixelsWeightPlanOf(s);
  return {p.offsetBytes + 2 * p.maskBytes + p.parts * p.sumBytes,
          4 * (p.imageFloats + p.gradientFloats + p.laneFloats)};
}

struct WeightBlock {
  const float* planes;
  const float* gradient;
  int64_t gradientPlane;
  const int32_t* mask;
  int64_t vecs;
};

#define OCELLUS_UNROLL _Pragma("GCC unroll 16")

// sums[tap][filters][kVecWidth] += products of kTaps taps with kFilters filters.
template <int kTaps, int kFilters>
static void addDots(const WeightBlock& block, const int64_t* offsets, int64_t filter, int64_t tapFloats, float* sums) {
  Vec sum[kTaps][kFilters];
  OCELLUS_UNROLL
  for (int t = 0; t < kTaps; t++) OCELLUS_UNROLL
  for (int f = 0; f < kFilters; f++) sum[t][f] = zero();
  const float* x[kTaps];
  OCELLUS_UNROLL
  for (int t = 0; t < kTaps; t++) x[t] = block.planes + offsets[t];
  const float* dy = block.gradient + filter * block.gradientPlane;
  for (int64_t i = 0; i < block.vecs * kVecWidth; i += kVecWidth) {
    const VecInt mask = loadInt(block.mask + i);
    Vec gradient[kFilters];
    OCELLUS_UNROLL
    for (int f = 0; f < kFilters; f++) gradient[f] = load(dy + f * block.gradientPlane + i);
    OCELLUS_UNROLL
    for (int t = 0; t < kTaps; t++) {
      const Vec pixels = asFloat(bitAnd(mask, asInt(load(x[t] + i))));
      OCELLUS_UNROLL
      for (int f = 0; f < kFilters; f++) sum[t][f] = fma(pixels, gradient[f], sum[t][f]);
    }
  }
  OCELLUS_UNROLL
  for (int t = 0; t < kTaps; t++) OCELLUS_UNROLL
  for (int f = 0; f < kFilters; f++) {
    float* to = sums + t * tapFloats + f * kVecWidth;
    store(to, add(load(to), sum[t][f]));
  }
}

// sums[i] = the sum of the kVecWidth lanes of i.
static void addLanes(const float* lanes, int64_t count, float* sums) {
  for (int64_t i = 0; i < count; i += kVecWidth) {
    const int64_t some = minOf(kVecWidth, count - i);
    Vec square[kVecWidth];
    OCELLUS_UNROLL
    for (int j = 0; j < kVecWidth; j++) square[j] = j < some ? load(lanes + (i + j) * kVecWidth) : zero();
    transpose(square);
    OCELLUS_UNROLL
    for (int width = kVecWidth / 2; width > 0; width /= 2) OCELLUS_UNROLL
    for (int j = 0; j < width; j++) square[j] = add(square[j], square[j + width]);
    storePartial(sums + i, square[0], some);
  }
}

#undef OCELLUS_UNROLL

// Picks the instance.
template <int kTaps = kWeightTaps, int kFilters = kWeightFilters>
static inline void addDots(int64_t taps, int64_t filters, const WeightBlock& block, const int64_t* offsets,
                           int64_t filter, int64_t tapFloats, float* sums) {
  if constexpr (kFilters > 1) {
    if (filters < kFilters) return addDots<kTaps, kFilters - 1>(taps, filters, block, offsets, filter, tapFloats, sums);
  }
  if constexpr (kTaps > 1) {
    if (taps < kTaps) return addDots<kTaps - 1, kFilters>(taps, filters, block, offsets, filter, tapFloats, sums);
  }
  addDots<kTaps, kFilters>(block, offsets, filter, tapFloats, sums);
}

static void addPixelBlock(const ConvShape& s, const PixelsWeightPlan& p, const WeightBlock& block,
                          const int64_t* offsets, float* lanes) {
  const int64_t tapFloats = s.filters * kVecWidth;
  const int64_t tapTiles = ceilDiv(p.k, kWeightTaps), filterTiles = ceilDiv(s.filters, kWeightFilters);
  for (int64_t t = 0; t < tapTiles; t++) {
    const int64_t tap = p.k * t / tapTiles, taps = p.k * (t + 1) / tapTiles - tap;
    for (int64_t g = 0; g < filterTiles; g++) {
      const int64_t filter = s.filters * g / filterTiles, filters = s.filters * (g + 1) / filterTiles - filter;
      addDots(taps, filters, block, offsets + tap, filter, tapFloats, lanes + tap * tapFloats + filter * kVecWidth);
    }
  }
}

static void runPixelsWeight(const KernelContext& context, const ConvShape& s, const float* x, const float* dy,
                            float* dw) {
  const PixelsWeightPlan p = pixelsWeightPlanOf(s);
  const PlanesPlan& planes = p.planes;
  int64_t* offsets = reinterpret_cast<int64_t*>(context.scratch);
  int32_t* masks = reinterpret_cast<int32_t*>(context.scratch + p.offsetBytes);
  float* sums = reinterpret_cast<float*>(context.scratch + p.offsetBytes + 2 * p.maskBytes);
  findTaps(s, planes, offsets);
  // All blocks have blockRows rows or one less.
  const int64_t maskInts = p.maskBytes / 4;
  for (int64_t less = 0; less < 2; less++) {
    int32_t* mask = masks + less * maskInts;
    memset(mask, 0, static_cast<size_t>(p.maskBytes));
    for (int64_t row = 0; row < planes.blockRows - less; row++)
      memset(mask + row * planes.pitch, 0xff, static_cast<size_t>(4 * s.outX));
  }
  const int64_t tasks = s.batch * planes.blocks, weights = p.k * s.filters;
  parallelFor(context, p.parts, 1, [&](int64_t part, int64_t, int32_t worker) {
    float* image = reinterpret_cast<float*>(context.threadScratch + worker * context.threadScratchStride);
    float *gradient = image + p.imageFloats, *lanes = gradient + p.gradientFloats;
    clearFloats(lanes, p.laneFloats);
    for (int64_t task = tasks * part / p.parts; task < tasks * (part + 1) / p.parts; task++) {
      const int64_t n = task / planes.blocks, block = task % planes.blocks;
      const int64_t from = s.outY * block / planes.blocks, to = s.outY * (block + 1) / planes.blocks;
      copyPlanes(s, planes, x + n * s.height * s.width * s.channels, from - s.top, to - from + planes.reachY, image);
      const int64_t rowFloats = s.outX * s.filters;
      clearFloats(gradient, p.gradientFloats);
      splitRows(dy + (n * s.outY + from) * rowFloats, rowFloats, to - from, s.filters, s.outX, gradient, planes.pitch,
                p.gradientPlane);
      const int32_t* mask = masks + (planes.blockRows - (to - from)) * maskInts;
      const int64_t vecs = ceilDiv(pixelsOf(s, planes, to - from), kVecWidth);
      addPixelBlock(s, p, {image, gradient, p.gradientPlane, mask, vecs}, offsets, lanes);
    }
    addLanes(lanes, weights, sums + part * weights);
  });
  parallelFor(context, weights, grainFor(4 * p.parts), [&](int64_t begin, int64_t end, int32_t) {
    forVectors(begin, end, [&](int64_t i, auto lanes) {
      Vec sum = load(sums + i, lanes);
      for (int64_t part = 1; part < p.parts; part++) sum = add(sum, load(sums + part * weights + i, lanes));
      store(dw + i, sum, lanes);
    });
  });
}

}  // namespace
}  // namespace ocellus
