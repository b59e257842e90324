// winogradConv2dGradWeight: dU = sum over tiles of (B' d B) * (A dy A'), then dw = G' dU G. The sum over tiles is
// alpha^2 matrix products, channels x tiles times tiles x filters.
//
// Few channels: the tiles are cut into a fixed number of parts, each summed into a dU of its own, then added in order.
// Many channels: a dU per part would not stay in the cache. Tiles are transformed chunk by chunk, and each task sums a
// block of channels x filters over the whole chunk.
#include "../gemm/microkernel.h"
#include "winograd_common.h"

namespace ocellus {
namespace {

struct GradAttrs {
  int32_t tile;
  int32_t kernelSize;
  int32_t padding[4];
};

constexpr int64_t kPrivateBytes = 2 << 20;  // largest dU that every part gets
constexpr int64_t kMostParts = 8;
constexpr int64_t kPartTiles = 56;          // tiles transformed at a time
constexpr int64_t kChunkPlanes = 10 << 20;  // bytes of both transformed tensors of a chunk
constexpr int64_t kBlockChannels = 56, kBlockFilters = 64;

struct GradShape {
  TileGrid x, y;
  int64_t planes;  // alpha^2
  int64_t channels, filters, tiles;
  bool split;  // few channels: parts
  int64_t parts;
  int64_t chunks;  // many channels: chunks of tiles
  int64_t span;    // tiles held at a time: of a part's block, or of a chunk
  int64_t channelBlocks, filterBlocks;
  int64_t xPitch, yPitch, xPlane, yPlane;
  int64_t gradPitch;   // of a row of dU
  int64_t gradFloats;  // one dU, or one block of it
};

static GradShape shapeOf(const KernelContext& context) {
  const GradAttrs& attrs = attrsOf<GradAttrs>(context);
  const TensorView &x = context.inputs[0], &dy = context.inputs[1];
  const int64_t tile = attrs.tile, alpha = tile + attrs.kernelSize - 1;
  const int64_t down = ceilDiv(dy.dims[1], tile), across = ceilDiv(dy.dims[2], tile);
  GradShape s;
  s.x = {x.dims[1], x.dims[2], x.dims[3], attrs.padding[0], attrs.padding[2], tile, down, across};
  s.y = {dy.dims[1], dy.dims[2], dy.dims[3], 0, 0, tile, down, across};
  s.planes = alpha * alpha;
  s.channels = x.dims[3];
  s.filters = dy.dims[3];
  s.tiles = x.dims[0] * down * across;
  s.xPitch = winogradPitch(s.channels);
  s.yPitch = winogradPitch(s.filters);
  const int64_t paddedFilters = ceilDiv(s.filters, 16) * 16;
  s.split = s.planes * s.channels * paddedFilters * 4 <= kPrivateBytes;
  s.parts = s.split ? maxOf(1, minOf(kMostParts, ceilDiv(s.tiles, 2 * kPartTiles))) : 1;
  const int64_t most = maxOf(kPartTiles, kChunkPlanes / (s.planes * (s.xPitch + s.yPitch) * 4));
  s.chunks = s.split ? 1 : maxOf(1, ceilDiv(s.tiles, most));
  s.span = s.split ? minOf(kPartTiles, maxOf(1, s.tiles)) : maxOf(1, ceilDiv(s.tiles, s.chunks));
  s.channelBlocks = s.split ? 1 : ceilDiv(s.channels, kBlockChannels);
  s.filterBlocks = s.split ? 1 : ceilDiv(s.filters, kBlockFilters);
  s.gradPitch = s.split ? paddedFilters : kBlockFilters;
  s.gradFloats = s.planes * (s.split ? s.channels : kBlockChannels) * s.gradPitch;
  s.xPlane = s.span * s.xPitch + 16;
  s.yPlane = s.span * s.yPitch + 16;
  return s;
}

const char* checkGrad(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 2, 1)) return wrong;
  const GradAttrs& attrs = attrsOf<GradAttrs>(context);
  const TensorView &x = context.inputs[0], &dy = context.inputs[1], &dw = context.outputs[0];
  if (!hasScheme(attrs.tile, attrs.kernelSize)) return "no Winograd scheme of these sizes";
  if (const char* wrong = checkGeometry(x, dy, attrs.kernelSize, attrs.padding)) return wrong;
  const bool fits = dw.rank == 4 && dw.dims[0] == attrs.kernelSize && dw.dims[1] == attrs.kernelSize &&
                    dw.dims[2] == x.dims[3] && dw.dims[3] == dy.dims[3];
  return fits ? nullptr : "wrong shape of the filter's gradient";
}

Workspace workspaceGrad(const KernelContext& context) {
  const GradShape s = shapeOf(context);
  const int64_t spanFloats = s.planes * (s.xPlane + s.yPlane);
  if (s.split) return {s.parts * s.gradFloats * 4, spanFloats * 4};
  const int64_t kept = s.chunks > 1 ? s.channelBlocks * s.filterBlocks * s.gradFloats : 0;
  return {(spanFloats + kept) * 4, s.gradFloats * 4};
}

// Adds the products of `count` tiles to dU (or starts it): channels [c0, c0 + channels) x filters [f0, f0 + filters).
static void accumulateTiles(const GradShape& s, int64_t count, const float* x, const float* y, int64_t c0,
                            int64_t channels, int64_t f0, int64_t filters, bool accumulate, float* grad) {
  const int64_t groups = ceilDiv(channels, kTileRows);
  for (int64_t plane = 0; plane < s.planes; plane++) {
    for (int64_t column = 0; column < filters; column += kTileColumns) {
      const int64_t vecs = minOf(kTileVecs, ceilDiv(filters - column, kVecWidth));
      for (int64_t group = 0; group < groups; group++) {
        const int64_t row = channels * group / groups, rows = channels * (group + 1) / groups - row;
        const TileInput in = {
            count, x + plane * s.xPlane + c0 + row, s.xPitch, y + plane * s.yPlane + f0 + column, s.yPitch, 0, 0};
        float* c = grad + (plane * channels + row) * s.gradPitch + column;
        const TileOutput out = sumsTo(c, s.gradPitch, vecs * kVecWidth, accumulate);
        computeTile<true>(rows, vecs, in, out);
      }
    }
  }
}

// dw = G' dU G for `channels` rows of dU; sums `parts` copies of dU, gradFloats apart, in order.
template <class Scheme>
static void finishFilters(const GradShape& s, const float* grad, int64_t parts, int64_t channels, int64_t row,
                          int64_t filters, float* dw) {
  constexpr int alpha = Scheme::alpha, kernel = Scheme::kernel;
  forVectors(0, filters, [&](int64_t f, auto lanes) {
    Vec columns[kernel][alpha];
    for (int j = 0; j < alpha; j++) {
      Vec values[alpha], result[kernel];
      OCELLUS_UNROLL
      for (int i = 0; i < alpha; i++) {
        const float* from = grad + ((i * alpha + j) * channels + row) * s.gradPitch + f;
        values[i] = load(from);
        for (int64_t part = 1; part < parts; part++) values[i] = add(values[i], load(from + part * s.gradFloats));
      }
      Scheme::filterTransposed(values, result);
      OCELLUS_UNROLL
      for (int ky = 0; ky < kernel; ky++) columns[ky][j] = result[ky];
    }
    for (int ky = 0; ky < kernel; ky++) {
      Vec result[kernel];
      Scheme::filterTransposed(columns[ky], result);
      OCELLUS_UNROLL
      for (int kx = 0; kx < kernel; kx++)
        store(dw + (ky * kernel + kx) * s.channels * s.filters + f, result[kx], lanes);
    }
  });
}

template <class Scheme>
static void runSplit(const KernelContext& context, const GradShape& s) {
  const float* x = f32(context.inputs[0]);
  const float* dy = f32(context.inputs[1]);
  float* dw = f32(context.outputs[0]);
  float* grads = reinterpret_cast<float*>(context.scratch);
  parallelFor(context, s.parts, 1, [&](int64_t part, int64_t, int32_t worker) {
    float* xPlanes = reinterpret_cast<float*>(context.threadScratch + worker * context.threadScratchStride);
    float* yPlanes = xPlanes + s.planes * s.xPlane;
    float* grad = grads + part * s.gradFloats;
    const int64_t first = s.tiles * part / s.parts, end = s.tiles * (part + 1) / s.parts;
    if (first == end) memset(grad, 0, static_cast<size_t>(s.gradFloats) * 4);
    for (int64_t tile = first; tile < end; tile += s.span) {
      const int64_t count = minOf(s.span, end - tile);
      transformInput<Scheme>(s.x, x, tile, count, xPlanes, s.xPitch, s.xPlane);
      transformGradient<Scheme>(s.y, dy, tile, count, yPlanes, s.yPitch, s.yPlane);
      accumulateTiles(s, count, xPlanes, yPlanes, 0, s.channels, 0, s.filters, tile > first, grad);
    }
  });
  const int64_t rowBytes = s.parts * s.planes * s.gradPitch * 4;
  parallelFor(context, s.channels, grainFor(rowBytes), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t row = begin; row < end; row++)
      finishFilters<Scheme>(s, grads, s.parts, s.channels, row, s.filters, dw + row * s.filters);
  });
}

template <class Scheme>
static void runBlocks(const KernelContext& context, const GradShape& s) {
  const float* x = f32(context.inputs[0]);
  const float* dy = f32(context.inputs[1]);
  float* dw = f32(context.outputs[0]);
  float* xPlanes = reinterpret_cast<float*>(context.scratch);
  float* yPlanes = xPlanes + s.planes * s.xPlane;
  float* kept = yPlanes + s.planes * s.yPlane;
  for (int64_t chunk = 0; chunk < s.chunks; chunk++) {
    const int64_t first = s.tiles * chunk / s.chunks, count = s.tiles * (chunk + 1) / s.chunks - first;
    parallelFor(context, count, 14, [&](int64_t begin, int64_t end, int32_t) {
      transformInput<Scheme>(s.x, x, first + begin, end - begin, xPlanes + begin * s.xPitch, s.xPitch, s.xPlane);
      transformGradient<Scheme>(s.y, dy, first + begin, end - begin, yPlanes + begin * s.yPitch, s.yPitch, s.yPlane);
    });
    parallelFor(context, s.channelBlocks * s.filterBlocks, 1, [&](int64_t task, int64_t, int32_t worker) {
      const int64_t block = task % s.channelBlocks, f0 = task / s.channelBlocks * kBlockFilters;
      const int64_t c0 = s.channels * block / s.channelBlocks;
      const int64_t channels = s.channels * (block + 1) / s.channelBlocks - c0;
      const int64_t filters = minOf(kBlockFilters, s.filters - f0);
      float* own = reinterpret_cast<float*>(context.threadScratch + worker * context.threadScratchStride);
      float* grad = s.chunks > 1 ? kept + task * s.gradFloats : own;
      accumulateTiles(s, count, xPlanes, yPlanes, c0, channels, f0, filters, chunk > 0, grad);
      if (chunk + 1 < s.chunks) return;
      for (int64_t row = 0; row < channels; row++)
        finishFilters<Scheme>(s, grad, 1, channels, row, filters, dw + (c0 + row) * s.filters + f0);
    });
  }
}

const char* algorithmOfGrad(const KernelContext& context) {
  const GradAttrs& attrs = attrsOf<GradAttrs>(context);
  return schemeName(attrs.tile, attrs.kernelSize);
}

void runGrad(const KernelContext& context) {
  const GradAttrs& attrs = attrsOf<GradAttrs>(context);
  const GradShape s = shapeOf(context);
  if (s.tiles == 0) {
    memset(context.outputs[0].data, 0, static_cast<size_t>(context.outputs[0].size) * 4);
    return;
  }
  withScheme(attrs.tile, attrs.kernelSize, [&](auto scheme) {
    if (s.split) {
      runSplit<decltype(scheme)>(context, s);
    } else {
      runBlocks<decltype(scheme)>(context, s);
    }
  });
}

}  // namespace

namespace OCELLUS_ISA {

static const KernelEntry entries[] = {
    {"winogradConv2dGradWeight(x, dy) -> (dw) {tile:i, kernelSize:i, padding:i4}", sizeof(GradAttrs), checkGrad,
     workspaceGrad, runGrad, algorithmOfGrad},
};

extern const KernelFamily winogradGradientFamily;
const KernelFamily winogradGradientFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
