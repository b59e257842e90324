// Convolution into few filters: vectors along neighbouring pixels (conv_planes.h), so that no lane is empty for want of
// filters. A tile is all filters of some vectors of pixels: a tap costs one load per vector and one broadcast weight
// per filter. Its sums are transposed in registers to the order of NHWC.
#pragma once

#include "conv_planes.h"

namespace ocellus {
namespace {

constexpr int kVecRegisters = kVecWidth == 16 || OCELLUS_VEC_IS_NEON ? 32 : 16;
// More are as fast in kernels whose vectors run along filters.
constexpr int64_t kMostPixelFilters = kVecWidth == 16 ? 12 : kVecWidth == 8 ? 8 : 3;

// Vectors of pixels in a tile: as many as fit in registers beside one load each and a weight.
constexpr int pixelVecs(int filters) {
  const int most = (kVecRegisters - 1) / (filters + 1);
  return most < 1 ? 1 : most > 8 ? 8 : most;
}

struct PixelsPlan {
  PlanesPlan planes;
  int64_t k;         // taps of all channels
  int64_t sumPlane;  // floats of one filter's sums of a block
  int64_t offsetBytes;
};

static inline PixelsPlan pixelsPlanOf(const ConvShape& s) {
  PixelsPlan p;
  p.planes = planesOf(s, s.channels + s.filters);
  p.k = s.kernelY * s.kernelX * s.channels;
  p.sumPlane = goodPitch(pixelsOf(s, p.planes, p.planes.blockRows) + kVecWidth);
  p.offsetBytes = roundUp(8 * p.k, 64);
  return p;
}

// Vectors of four lanes take pixels of several channels apart no faster than one by one.
static inline bool suitsPixels(const ConvShape& s) {
  return s.groups == 1 && s.strideX == 1 && s.strideY == 1 && s.top >= 0 && s.left >= 0 &&
         s.filters <= kMostPixelFilters && (kVecWidth > 4 || s.channels == 1);
}

// Work for an image, in multiply-adds of a vector. A tile waits for its loads, most of which cross cache lines, rather
// than for its sums where there are few; channels and filters cost about as much as measured to take apart and join.
static inline double workOfPixels(const ConvShape& s) {
  const PixelsPlan p = pixelsPlanOf(s);
  const double vecs = pixelVecs(static_cast<int>(s.filters)), filters = static_cast<double>(s.filters);
  const double perTap = filters * vecs > 2 * vecs + filters ? filters : 2 + filters / vecs;
  const double pixels = static_cast<double>(s.outY * s.outX), padded = static_cast<double>(s.outY * p.planes.pitch);
  return padded / kVecWidth * static_cast<double>(p.k) * perTap +
         pixels * (0.8 * static_cast<double>(s.channels) + 1.5 * filters + 4);
}

static inline Workspace workspaceOfPixels(const ConvShape& s) {
  const PixelsPlan p = pixelsPlanOf(s);
  return {p.offsetBytes + 4 * (p.k * s.filters + kVecWidth),
          4 * (s.channels * p.planes.planeFloats + s.filters * p.sumPlane)};
}

// Weights in the order of the taps, `pitch` floats from one to the next.
struct TapWeights {
  const float* data;
  int64_t pitch;
};

// What all tiles of a block share.
struct PixelBlock {
  const float* planes;
  const int64_t* offsets;  // of the taps
  TapWeights weights;
  int64_t k;
  const float* bias;  // or null
  Limits limits;
  float* sums;  // [filter][pixel]
  int64_t sumPlane;
};

#define OCELLUS_UNROLL _Pragma("GCC unroll 16")

// Sums of kVecs vectors of pixels. Not inlined: beside its siblings the compiler would not keep the sums in registers.
template <int kFilters, int kVecs>
static __attribute__((noinline)) void computePixels(const PixelBlock& block, int64_t pixel) {
  Vec sum[kFilters][kVecs];
  OCELLUS_UNROLL
  for (int f = 0; f < kFilters; f++) OCELLUS_UNROLL
  for (int v = 0; v < kVecs; v++) sum[f][v] = zero();
  const float *from = block.planes + pixel, *weights = block.weights.data;
  for (int64_t k = 0; k < block.k; k++, weights += block.weights.pitch) {
    Vec x[kVecs];
    OCELLUS_UNROLL
    for (int v = 0; v < kVecs; v++) x[v] = load(from + block.offsets[k] + v * kVecWidth);
    OCELLUS_UNROLL
    for (int f = 0; f < kFilters; f++) {
      const Vec weight = broadcast(weights[f]);
      OCELLUS_UNROLL
      for (int v = 0; v < kVecs; v++) sum[f][v] = fma(weight, x[v], sum[f][v]);
    }
  }
  const Vec floor = broadcast(block.limits.floor), ceiling = broadcast(block.limits.ceiling);
  OCELLUS_UNROLL
  for (int f = 0; f < kFilters; f++) {
    const Vec bias = block.bias == nullptr ? zero() : broadcast(block.bias[f]);
    OCELLUS_UNROLL
    for (int v = 0; v < kVecs; v++)
      store(block.sums + f * block.sumPlane + pixel + v * kVecWidth, min(ceiling, max(floor, add(sum[f][v], bias))));
  }
}

#undef OCELLUS_UNROLL

// Picks the instance.
template <int kFilters, int kVecs = pixelVecs(kFilters)>
static inline void computePixels(int64_t vecs, const PixelBlock& block, int64_t pixel) {
  if constexpr (kVecs > 1) {
    if (vecs < kVecs) return computePixels<kFilters, kVecs - 1>(vecs, block, pixel);
  }
  computePixels<kFilters, kVecs>(block, pixel);
}

template <int kFilters = kMostPixelFilters>
static void computePixelBlock(int64_t filters, int64_t pixels, const PixelBlock& block) {
  if constexpr (kFilters > 1) {
    if (filters < kFilters) return computePixelBlock<kFilters - 1>(filters, pixels, block);
  }
  const int64_t vecs = ceilDiv(pixels, kVecWidth), tiles = ceilDiv(vecs, pixelVecs(kFilters));
  for (int64_t t = 0; t < tiles; t++) {
    const int64_t first = vecs * t / tiles;
    computePixels<kFilters>(vecs * (t + 1) / tiles - first, block, first * kVecWidth);
  }
}

// Only a turned filter has to be put in order.
static inline TapWeights tapWeights(const Direct& d, float* target) {
  const ConvShape& s = d.shape;
  if (d.form == WeightForm::kPacked) return {d.weight, kPackedColumns};
  if (d.form == WeightForm::kStored) return {d.weight, s.filters};
  const int64_t taps = s.kernelY * s.kernelX, tapFloats = s.channels * s.filters;
  for (int64_t tap = 0; tap < taps; tap++) {
    const float* from = d.weight + (taps - 1 - tap) * tapFloats;
    transposePiece(from, s.channels, s.filters, s.channels, target + tap * tapFloats, s.filters);
  }
  return {target, s.filters};
}

static void runPixels(const KernelContext& context, const Direct& d) {
  const ConvShape& s = d.shape;
  const PixelsPlan p = pixelsPlanOf(s);
  int64_t* offsets = reinterpret_cast<int64_t*>(context.scratch);
  findTaps(s, p.planes, offsets);
  const TapWeights weights = tapWeights(d, reinterpret_cast<float*>(context.scratch + p.offsetBytes));
  const Limits limits = limitsOf(d.activation, d.residual);
  const int64_t flops = 2 * p.planes.blockRows * s.outX * s.filters * p.k;
  const int64_t tasks = s.batch * p.planes.blocks;
  parallelFor(context, tasks, blocksPerTask(context, tasks, flops), [&](int64_t begin, int64_t end, int32_t worker) {
    float* planes = reinterpret_cast<float*>(context.threadScratch + worker * context.threadScratchStride);
    float* sums = planes + s.channels * p.planes.planeFloats;
    for (int64_t task = begin; task < end; task++) {
      const int64_t image = task / p.planes.blocks, part = task % p.planes.blocks;
      const int64_t from = s.outY * part / p.planes.blocks, to = s.outY * (part + 1) / p.planes.blocks;
      copyPlanes(s, p.planes, d.x + image * s.height * s.width * s.channels, from - s.top, to - from + p.planes.reachY,
                 planes);
      computePixelBlock(s.filters, pixelsOf(s, p.planes, to - from),
                        {planes, offsets, weights, p.k, d.bias, limits, sums, p.sumPlane});
      const int64_t first = (image * s.outY + from) * s.outX * s.filters, floats = (to - from) * s.outX * s.filters;
      float* y = d.y + first;
      for (int64_t row = 0; row < to - from; row++)
        joinRow(sums + row * p.planes.pitch, p.sumPlane, s.filters, s.outX, y + row * s.outX * s.filters, y + floats);
      finishRows(d.activation, d.residual == nullptr ? nullptr : d.residual + first, y, floats, 1, floats);
    }
  });
}

}  // namespace
}  // namespace ocellus
