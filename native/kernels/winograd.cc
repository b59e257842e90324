// Winograd convolution, stride 1: winogradFilter, winogradConv2d, winogradConv2dGradWeight. Instead of tile^2 *
// kernel^2 products per channel pair and tile there are alpha^2, as alpha^2 matrix products over the channels: tiles x
// channels times channels x filters. A block of tiles is transformed, multiplied and transformed back while it is in
// L2.
#include "../gemm/epilogue.h"
#include "../gemm/microkernel.h"
#include "../gemm/pack.h"
#include "winograd_common.h"

namespace ocellus {
namespace {

// ---- winogradFilter ------------------------------------------------------------------------------------------------

struct FilterAttrs {
  int32_t tile;
  int32_t rotate;  // 1: for the gradient of the input, filter turned by 180 degrees, channels and filters exchanged
};

const char* checkFilter(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  const FilterAttrs& attrs = attrsOf<FilterAttrs>(context);
  const TensorView& weight = context.inputs[0];
  const TensorView& u = context.outputs[0];
  if (weight.rank != 4 || weight.dims[0] != weight.dims[1]) return "expected a square filter [k, k, in, out]";
  if (!isFlag(attrs.rotate)) return "rotate is neither 0 nor 1";
  if (!hasScheme(attrs.tile, static_cast<int32_t>(weight.dims[0]))) return "no Winograd scheme of these sizes";
  const int64_t alpha = attrs.tile + weight.dims[0] - 1;
  const int64_t in = weight.dims[attrs.rotate ? 3 : 2], out = weight.dims[attrs.rotate ? 2 : 3];
  const bool fits = u.rank == 4 && u.dims[0] == alpha * alpha && u.dims[1] == ceilDiv(out, kPanel) && u.dims[2] == in &&
                    u.dims[3] == kPanel;
  return fits ? nullptr : "expected an output [alpha * alpha, panels, in, 32]";
}

// Transforms the filters of one channel and up to a vector of columns. `at(ky, kx)` gives their values.
template <class Scheme, class Read, class Write>
static inline void transformFilter(const Read& at, const Write& write, float* target, int64_t plane) {
  constexpr int alpha = Scheme::alpha, kernel = Scheme::kernel;
  Vec rows[kernel][alpha];
  for (int kx = 0; kx < kernel; kx++) {
    Vec values[kernel];
    OCELLUS_UNROLL
    for (int ky = 0; ky < kernel; ky++) values[ky] = at(ky, kx);
    Scheme::filter(values, rows[kx]);
  }
  for (int i = 0; i < alpha; i++) {
    Vec values[kernel], result[alpha];
    OCELLUS_UNROLL
    for (int kx = 0; kx < kernel; kx++) values[kx] = rows[kx][i];
    Scheme::filter(values, result);
    OCELLUS_UNROLL
    for (int j = 0; j < alpha; j++) write(target + (i * alpha + j) * plane, result[j]);
  }
}

// Transformed filters larger than this go past the caches: they would drive out everything else.
constexpr int64_t kFilterStreamBytes = 16 << 20;

// Channels transformed together: turned filters are read by squares, so that no load takes a single float.
constexpr int64_t kFilterChannels = 16;

// All taps of some channels and one panel of columns: [tap][channel][kPanel], zeros behind the last column.
template <int kTaps>
static void gatherFilters(const TensorView& weight, bool rotate, int64_t channel, int64_t channels, int64_t column,
                          int64_t columns, float* target) {
  const int64_t weightIn = weight.dims[2], weightOut = weight.dims[3];
  const float* w = f32(weight);
  for (int64_t tap = 0; tap < kTaps; tap++) {
    float* to = target + tap * kFilterChannels * kPanel;
    if (columns < kPanel) clearFloats(to, channels * kPanel);
    if (rotate) {
      const float* from = w + ((kTaps - 1 - tap) * weightIn + column) * weightOut + channel;
      transposePiece(from, weightOut, columns, channels, to, kPanel);
      continue;
    }
    for (int64_t c = 0; c < channels; c++)
      copyFloats(to + c * kPanel, w + (tap * weightIn + channel + c) * weightOut + column, columns);
  }
}

template <class Scheme, class Write>
static void runFilterOf(const KernelContext& context, bool rotate, const Write& write) {
  constexpr int kernel = Scheme::kernel, taps = kernel * kernel;
  const TensorView& weight = context.inputs[0];
  const int64_t in = weight.dims[rotate ? 3 : 2], out = weight.dims[rotate ? 2 : 3];
  const int64_t panels = ceilDiv(out, kPanel), plane = panels * in * kPanel, groups = ceilDiv(in, kFilterChannels);
  float* u = f32(context.outputs[0]);
  parallelFor(context, panels * groups, 2, [&](int64_t begin, int64_t end, int32_t) {
    alignas(64) float filters[taps * kFilterChannels * kPanel];
    for (int64_t task = begin; task < end; task++) {
      const int64_t panel = task / groups, channel = task % groups * kFilterChannels;
      const int64_t channels = minOf(kFilterChannels, in - channel), column = panel * kPanel;
      gatherFilters<taps>(weight, rotate, channel, channels, column, minOf(kPanel, out - column), filters);
      for (int64_t c = 0; c < channels; c++) {
        for (int64_t lane = 0; lane < kPanel; lane += kVecWidth) {
          const float* first = filters + c * kPanel + lane;
          const auto read = [&](int ky, int kx) { return load(first + (ky * kernel + kx) * kFilterChannels * kPanel); };
          transformFilter<Scheme>(read, write, u + (panel * in + channel + c) * kPanel + lane, plane);
        }
      }
    }
    streamFence();
  });
}

const char* algorithmOfFilter(const KernelContext& context) {
  return schemeName(attrsOf<FilterAttrs>(context).tile, static_cast<int32_t>(context.inputs[0].dims[0]));
}

void runFilter(const KernelContext& context) {
  const FilterAttrs& attrs = attrsOf<FilterAttrs>(context);
  const TensorView& u = context.outputs[0];
  const bool streams = u.size * 4 > kFilterStreamBytes && reinterpret_cast<uintptr_t>(u.data) % 64 == 0;
  withScheme(attrs.tile, static_cast<int32_t>(context.inputs[0].dims[0]), [&](auto scheme) {
    if (streams) {
      runFilterOf<decltype(scheme)>(context, attrs.rotate != 0, [](float* p, Vec v) { stream(p, v); });
    } else {
      runFilterOf<decltype(scheme)>(context, attrs.rotate != 0, [](float* p, Vec v) { store(p, v); });
    }
  });
}

// ---- winogradConv2d ------------------------------------------------------------------------------------------------

struct ConvAttrs {
  int32_t tile;
  int32_t kernelSize;
  int32_t filters;
  int32_t padding[4];  // top, bottom, left, right
  int32_t activation;
};

struct ConvShape {
  int64_t alpha;
  TileGrid x, y;
  int64_t tiles;
  bool byPlanes;  // few tiles: all are transformed, then the products are shared out by planes
  bool atOnce;    // few tiles and filters: a thread takes its part of either through all three phases
  int64_t block;  // tiles transformed at a time
  int64_t xPitch, xPlane, yPitch, yPlane;
};

// With few tiles, a block of them would leave threads idle, and each block would read all filters anew.
constexpr int64_t kFewBlocks = 16;
constexpr int64_t kFewPlaneBytes = 12 << 20;
// Products of so many operations take about as long as the two forks that they would need between the phases.
constexpr int64_t kAtOnceFlops = 8 << 20;
// Panels of filters that make a task of one plane.
constexpr int64_t kPanelsPerTask = 4;

// Tiles of fewer rows wait for filters themselves and have no time to fetch the next ones.
constexpr int64_t kFetchingRows = kTileRows / 2;

// Enough tiles to reuse a panel of filters, few enough for both sets of planes to stay in L2; more where the filters
// themselves do not, so that they are read less often.
static inline int64_t tileBlock(int64_t alpha, int64_t channels, int64_t filters, int64_t tiles) {
  const int64_t planes = alpha * alpha * 4;
  const int64_t filterBytes = planes * channels * filters;
  int64_t block = (700 << 10) / maxOf(1, planes * (channels + filters)) / 14 * 14;
  block = maxOf(block, filterBytes > (10 << 20) ? 112 : 28);
  // At least some eight blocks, for the threads to share.
  return maxOf(14, minOf(block, ceilDiv(ceilDiv(tiles, 8), 14) * 14));
}

static ConvShape shapeOf(const TensorView& x, const TensorView& y, int32_t tile, int32_t kernel, int64_t top,
                         int64_t left) {
  ConvShape shape;
  shape.alpha = tile + kernel - 1;
  const int64_t down = ceilDiv(y.dims[1], tile), across = ceilDiv(y.dims[2], tile);
  shape.x = {x.dims[1], x.dims[2], x.dims[3], top, left, tile, down, across};
  shape.y = {y.dims[1], y.dims[2], y.dims[3], 0, 0, tile, down, across};
  shape.tiles = x.dims[0] * down * across;
  shape.xPitch = winogradPitch(x.dims[3]);
  shape.yPitch = winogradPitch(ceilDiv(y.dims[3], kPanel) * kPanel);
  shape.block = tileBlock(shape.alpha, x.dims[3], y.dims[3], shape.tiles);
  const int64_t planeBytes = shape.alpha * shape.alpha * 4;
  const bool fits = planeBytes * shape.tiles * (shape.xPitch + shape.yPitch) <= kFewPlaneBytes;
  const bool largeFilters = planeBytes * x.dims[3] * y.dims[3] > (1 << 20);
  shape.byPlanes = fits && (largeFilters || ceilDiv(shape.tiles, shape.block) < kFewBlocks / 4) &&
                   ceilDiv(shape.tiles, shape.block) < kFewBlocks;
  if (shape.byPlanes) shape.block = maxOf(1, shape.tiles);
  const int64_t flops = 2 * shape.alpha * shape.alpha * x.dims[3] * y.dims[3] * shape.tiles;
  shape.atOnce = shape.byPlanes && flops <= kAtOnceFlops;
  shape.xPlane = shape.block * shape.xPitch + 16;
  shape.yPlane = shape.block * shape.yPitch + 16;
  return shape;
}

static ConvShape shapeOf(const KernelContext& context) {
  const ConvAttrs& attrs = attrsOf<ConvAttrs>(context);
  return shapeOf(context.inputs[0], context.outputs[0], attrs.tile, attrs.kernelSize, attrs.padding[0],
                 attrs.padding[2]);
}

const char* checkConv(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 4, 1, 12)) return wrong;
  const ConvAttrs& attrs = attrsOf<ConvAttrs>(context);
  const TensorView &x = context.inputs[0], &u = context.inputs[1], &bias = context.inputs[2], &y = context.outputs[0];
  if (!hasScheme(attrs.tile, attrs.kernelSize)) return "no Winograd scheme of these sizes";
  if (const char* wrong = checkActivation(attrs.activation)) return wrong;
  if (const char* wrong = checkGeometry(x, y, attrs.kernelSize, attrs.padding)) return wrong;
  const int64_t alpha = attrs.tile + attrs.kernelSize - 1;
  if (attrs.filters < 1 || y.dims[3] != attrs.filters) return "wrong number of filters";
  const bool fits = u.rank == 4 && u.dims[0] == alpha * alpha && u.dims[1] == ceilDiv(attrs.filters, kPanel) &&
                    u.dims[2] == x.dims[3] && u.dims[3] == kPanel;
  if (!fits) return "transformed filters of another shape";
  if (bias.present && !isVector(bias, attrs.filters)) return "expected one bias per filter";
  const TensorView& residual = context.inputs[3];
  if (residual.present && !sameShape(residual, y)) return "expected a residual of the shape of the output";
  return nullptr;
}

Workspace workspaceConv(const KernelContext& context) {
  const ConvShape shape = shapeOf(context);
  const int64_t bytes = shape.alpha * shape.alpha * (shape.xPlane + shape.yPlane) * 4;
  return shape.byPlanes && !shape.atOnce ? Workspace{bytes, 0} : Workspace{0, bytes};
}

// Product of plane s for some panels of filters: a plane of y = a plane of x times transformed filters.
// kPitch: shape.xPitch where few channels make short products, else 0.
template <int kPitch>
static void multiplyPlane(const ConvShape& shape, int64_t s, int64_t firstPanel, int64_t lastPanel, int64_t count,
                          const float* x, const float* u, float* y) {
  const int64_t channels = shape.x.channels, filters = shape.y.channels;
  const int64_t panels = ceilDiv(filters, kPanel), groups = ceilDiv(count, kTileRows);
  for (int64_t panel = firstPanel; panel < lastPanel; panel++) {
    const int64_t columns = minOf(kPanel, filters - panel * kPanel);
    for (int64_t lane = 0; lane < columns; lane += kTileColumns) {
      // Whole vectors are written: the pitch has room for them.
      const int64_t vecs = minOf(kTileVecs, ceilDiv(columns - lane, kVecWidth));
      const float* b = u + ((s * panels + panel) * channels) * kPanel + lane;
      for (int64_t group = 0; group < groups; group++) {
        const int64_t row = count * group / groups, rows = count * (group + 1) / groups - row;
        // The next panel, of the next plane after the last one.
        const int64_t fetched = group * aheadFloats(channels);
        const bool fetches = kPitch == 0 && lane == 0 && rows >= kFetchingRows && fetched < channels * kPanel;
        const TileInput in = {channels,
                              x + s * shape.xPlane + row * shape.xPitch,
                              shape.xPitch,
                              b,
                              kPanel,
                              0,
                              0,
                              b + channels * kPanel + fetched};
        float* c = y + s * shape.yPlane + row * shape.yPitch + panel * kPanel + lane;
        const TileOutput out = sumsTo(c, shape.yPitch, vecs * kVecWidth, false);
        if (fetches) {
          computeTile<false, kPitch, kPitch == 0>(rows, vecs, in, out);
        } else {
          computeTile<false, kPitch>(rows, vecs, in, out);
        }
      }
    }
  }
}

static void multiplyPlanes(const ConvShape& shape, int64_t firstPanel, int64_t lastPanel, int64_t count, const float* x,
                           const float* u, float* y) {
  const auto multiply = shape.xPitch == 16   ? multiplyPlane<16>
                        : shape.xPitch == 32 ? multiplyPlane<32>
                                             : multiplyPlane<0>;
  for (int64_t s = 0; s < shape.alpha * shape.alpha; s++) multiply(shape, s, firstPanel, lastPanel, count, x, u, y);
}

struct ConvData {
  const float* x;
  const float* u;
  const float* bias;
  const float* residual;
  float* y;
};

static ConvData dataOf(const KernelContext& context) {
  const TensorView *in = context.inputs, &bias = in[2], &residual = in[3];
  return {f32(in[0]), f32(in[1]), bias.present ? f32(bias) : nullptr, residual.present ? f32(residual) : nullptr,
          f32(context.outputs[0])};
}

template <class Scheme, class Finish>
static void convolveByPlanes(const KernelContext& context, const ConvShape& shape, const Finish& finish) {
  const ConvData data = dataOf(context);
  const int64_t planes = shape.alpha * shape.alpha, panels = ceilDiv(shape.y.channels, kPanel);
  float* xPlanes = reinterpret_cast<float*>(context.scratch);
  float* yPlanes = xPlanes + planes * shape.xPlane;
  parallelFor(context, shape.tiles, grainFor(planes * shape.xPitch * 8), [&](int64_t begin, int64_t end, int32_t) {
    transformInput<Scheme>(shape.x, data.x, begin, end - begin, xPlanes + begin * shape.xPitch, shape.xPitch,
                           shape.xPlane);
  });
  const int64_t parts = ceilDiv(panels, kPanelsPerTask);
  const int64_t bytes = kPanelsPerTask * kPanel * shape.x.channels * 4 + kTileRows * shape.tiles * shape.xPitch;
  parallelFor(context, planes * parts, grainFor(bytes), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t panel = task % parts * kPanelsPerTask;
      multiplyPlane<0>(shape, task / parts, panel, minOf(panels, panel + kPanelsPerTask), shape.tiles, xPlanes, data.u,
                       yPlanes);
    }
  });
  parallelFor(context, shape.tiles, grainFor(planes * shape.yPitch * 8), [&](int64_t begin, int64_t end, int32_t) {
    transformOutput<Scheme>(shape.y, yPlanes + begin * shape.yPitch, begin, end - begin, 0, shape.y.channels,
                            shape.yPitch, shape.yPlane, data.bias, data.residual, finish, Stored(), data.y);
  });
}

// All three phases for tiles [begin, end) and some panels of filters, in the thread's own scratch.
template <class Scheme, class Finish, class Writer>
static void convolveBlock(const KernelContext& context, const ConvShape& shape, const ConvData& data, int32_t worker,
                          int64_t begin, int64_t end, int64_t firstPanel, int64_t lastPanel, const Finish& finish,
                          Writer writer) {
  float* xPlanes = reinterpret_cast<float*>(context.threadScratch + worker * context.threadScratchStride);
  float* yPlanes = xPlanes + shape.alpha * shape.alpha * shape.xPlane;
  const int64_t count = end - begin;
  transformInput<Scheme>(shape.x, data.x, begin, count, xPlanes, shape.xPitch, shape.xPlane);
  multiplyPlanes(shape, firstPanel, lastPanel, count, xPlanes, data.u, yPlanes);
  transformOutput<Scheme>(shape.y, yPlanes, begin, count, firstPanel * kPanel,
                          minOf(shape.y.channels, lastPanel * kPanel), shape.yPitch, shape.yPlane, data.bias,
                          data.residual, finish, writer, data.y);
}

// One part for each thread: of the filters, though then all transform the same input, or of the tiles.
template <class Scheme, class Finish>
static void convolveAtOnce(const KernelContext& context, const ConvShape& shape, const Finish& finish) {
  const ConvData data = dataOf(context);
  const int64_t panels = ceilDiv(shape.y.channels, kPanel), threads = maxOf(context.threads, 1);
  const bool byPanels = panels >= threads;
  const int64_t items = byPanels ? panels : shape.tiles, parts = minOf(items, threads);
  parallelFor(context, parts, 1, [&](int64_t first, int64_t last, int32_t worker) {
    for (int64_t part = first; part < last; part++) {
      const int64_t begin = items * part / parts, end = items * (part + 1) / parts;
      convolveBlock<Scheme>(context, shape, data, worker, byPanels ? 0 : begin, byPanels ? shape.tiles : end,
                            byPanels ? begin : 0, byPanels ? end : panels, finish, Stored());
    }
  });
}

template <class Scheme, class Finish>
static void convolveByBlocks(const KernelContext& context, const ConvShape& shape, const Finish& finish) {
  const ConvData data = dataOf(context);
  const int64_t panels = ceilDiv(shape.y.channels, kPanel);
  // Pixels of a tile are written in turns, so that only stores of whole cache lines can go around the caches.
  const int64_t width = kVecWidth * sizeof(float) == 64 ? shape.y.channels : 1;
  withWriter(context, width, [&](auto writer) {
    parallelFor(context, shape.tiles, shape.block, [&](int64_t begin, int64_t end, int32_t worker) {
      convolveBlock<Scheme>(context, shape, data, worker, begin, end, 0, panels, finish, writer);
    });
  });
}

template <class Scheme, class Finish>
static void runConvOf(const KernelContext& context, const Finish& finish) {
  const ConvShape shape = shapeOf(context);
  if (shape.atOnce) return convolveAtOnce<Scheme>(context, shape, finish);
  if (shape.byPlanes) return convolveByPlanes<Scheme>(context, shape, finish);
  convolveByBlocks<Scheme>(context, shape, finish);
}

const char* algorithmOfConv(const KernelContext& context) {
  const ConvAttrs& attrs = attrsOf<ConvAttrs>(context);
  return schemeName(attrs.tile, attrs.kernelSize);
}

void runConv(const KernelContext& context) {
  const ConvAttrs& attrs = attrsOf<ConvAttrs>(context);
  withScheme(attrs.tile, attrs.kernelSize, [&](auto scheme) {
    withActivation(attrs.activation, [&](const auto& finish) { runConvOf<decltype(scheme)>(context, finish); });
  });
}

}  // namespace

namespace OCELLUS_ISA {

static const KernelEntry entries[] = {
    {"winogradFilter(weight) -> (u) {tile:i, rotate:i}", sizeof(FilterAttrs), checkFilter, nullptr, runFilter,
     algorithmOfFilter},
    {"winogradConv2d(x, u, bias?, residual?) -> (y) {tile:i, kernelSize:i, filters:i, padding:i4, activation:i}",
     sizeof(ConvAttrs), checkConv, workspaceConv, runConv, algorithmOfConv},
};

extern const KernelFamily winogradFamily;
const KernelFamily winogradFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
