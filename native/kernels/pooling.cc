// Max and average pooling over height and width, channels last, vectorised over channels. Max pooling keeps the
// position of each maximum in its window, one byte for windows of up to 256 cells; its gradient then writes every input
// element once: from its only window, or gathered from all windows that cover it.
#include "max_rows.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct MaxAttrs {
  int32_t poolSize[2], strides[2], padding[4];
};
static_assert(sizeof(MaxAttrs) == 32, "slots");

struct MaxGradAttrs {
  int32_t inputSize[2];
  MaxAttrs window;
};
static_assert(sizeof(MaxGradAttrs) == 40, "slots");

struct AverageAttrs {
  MaxAttrs window;
  int32_t countIncludePad;
};
static_assert(sizeof(AverageAttrs) == 36, "slots");

struct AverageGradAttrs {
  int32_t inputSize[2];
  MaxAttrs window;
  int32_t countIncludePad;
};
static_assert(sizeof(AverageGradAttrs) == 44, "slots");

// ---- checks --------------------------------------------------------------------------------------------------------

// The shapes of the large side x (or its gradient) and the pooled side y fit the window.
const char* checkWindow(const TensorView& x, const TensorView& y, const MaxAttrs& window) {
  if (x.rank != 4 || y.rank != 4) return "expected tensors of rank 4";
  if (x.dims[0] != y.dims[0] || x.dims[3] != y.dims[3]) return "expected equal batch and channels";
  for (int axis = 0; axis < 2; axis++) {
    const int64_t pool = window.poolSize[axis], stride = window.strides[axis];
    const int64_t before = window.padding[2 * axis], after = window.padding[2 * axis + 1];
    if (pool < 1 || stride < 1) return "expected a poolSize and strides of at least 1";
    // Then every window holds at least one cell of the input.
    if (before < 0 || after < 0 || before >= pool || after >= pool) return "expected a padding below the poolSize";
    const int64_t length = x.dims[axis + 1], spare = length + before + after - pool;
    if (length < 1 || spare < 0) return "expected a window that fits the padded input";
    if (y.dims[axis + 1] != spare / stride + 1) return "expected the pooled size";
  }
  return nullptr;
}

DType indexType(const MaxAttrs& window) {
  return static_cast<int64_t>(window.poolSize[0]) * window.poolSize[1] <= 256 ? kUint8 : kInt32;
}

bool hasSize(const TensorView& view, const int32_t* size) {
  return view.rank == 4 && view.dims[1] == size[0] && view.dims[2] == size[1];
}

// An index counts cells of the window, so their number must be one that an int32 holds.
bool countable(const MaxAttrs& window) {
  return static_cast<int64_t>(window.poolSize[0]) * window.poolSize[1] <= INT32_MAX;
}

const char* checkMax(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 1, 2)) return wrong;
  const TensorView &x = context.inputs[0], &y = context.outputs[0], &indices = context.outputs[1];
  const MaxAttrs& window = attrsOf<MaxAttrs>(context);
  if (x.dtype != kFloat32 || y.dtype != kFloat32) return "expected float32 values";
  if (const char* wrong = checkWindow(x, y, window)) return wrong;
  if (!countable(window)) return "expected a smaller poolSize";
  if (!sameShape(indices, y)) return "expected indices of the shape of the output";
  return indices.dtype == indexType(window) ? nullptr : "expected uint8 indices up to 256 cells, int32 above";
}

const char* checkMaxGrad(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 2, 1)) return wrong;
  const TensorView &indices = context.inputs[0], &dy = context.inputs[1], &dx = context.outputs[0];
  const MaxGradAttrs& attrs = attrsOf<MaxGradAttrs>(context);
  if (dy.dtype != kFloat32 || dx.dtype != kFloat32) return "expected float32 gradients";
  if (const char* wrong = checkWindow(dx, dy, attrs.window)) return wrong;
  if (!hasSize(dx, attrs.inputSize)) return "expected a gradient of the inputSize";
  if (!countable(attrs.window)) return "expected a smaller poolSize";
  if (!sameShape(indices, dy)) return "expected indices of the shape of dy";
  return indices.dtype == indexType(attrs.window) ? nullptr : "expected uint8 indices up to 256 cells, int32 above";
}

const char* checkAverage(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  const AverageAttrs& attrs = attrsOf<AverageAttrs>(context);
  if (!isFlag(attrs.countIncludePad)) return "expected countIncludePad to be 0 or 1";
  return checkWindow(context.inputs[0], context.outputs[0], attrs.window);
}

const char* checkAverageGrad(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  const AverageGradAttrs& attrs = attrsOf<AverageGradAttrs>(context);
  if (!isFlag(attrs.countIncludePad)) return "expected countIncludePad to be 0 or 1";
  if (const char* wrong = checkWindow(context.outputs[0], context.inputs[0], attrs.window)) return wrong;
  return hasSize(context.outputs[0], attrs.inputSize) ? nullptr : "expected a gradient of the inputSize";
}

// ---- geometry ------------------------------------------------------------------------------------------------------

struct Geometry {
  int64_t batch, height, width, channels, outHeight, outWidth;
  int64_t poolH, poolW, strideH, strideW, top, left;
};

Geometry geometryOf(const TensorView& x, const TensorView& y, const MaxAttrs& window) {
  return {x.dims[0],         x.dims[1],         x.dims[2],          x.dims[3],
          y.dims[1],         y.dims[2],         window.poolSize[0], window.poolSize[1],
          window.strides[0], window.strides[1], window.padding[0],  window.padding[2]};
}

// Cells [first, last) of the input under a window, and where the window itself starts.
struct Span {
  int64_t start, first, last;
};

inline Span spanOf(int64_t out, int64_t stride, int64_t before, int64_t pool, int64_t length) {
  const int64_t start = out * stride - before;
  return {start, maxOf(0, start), minOf(length, start + pool)};
}

// Windows [first, last) that cover an input cell.
struct Cover {
  int64_t first, last;
};

inline Cover coverOf(int64_t cell, int64_t stride, int64_t before, int64_t pool, int64_t count) {
  const int64_t past = cell + before - pool + 1;
  return {past <= 0 ? 0 : ceilDiv(past, stride), minOf(count, (cell + before) / stride + 1)};
}

// Bytes that work on `pixels` pixels is worth: with few channels each costs as much as a vector.
inline int64_t pixelBytes(const Geometry& g, int64_t pixels) { return 4 * maxOf(g.channels, kVecWidth) * pixels; }

// ---- max pooling ---------------------------------------------------------------------------------------------------

// Windows [first, last) of a row that lie inside it, and how many of them a vector may touch without leaving the row.
struct Inside {
  int64_t first, last, roomy;
};

inline Inside insideOf(const Geometry& g) {
  const int64_t first = minOf(ceilDiv(g.left, g.strideW), g.outWidth), room = g.width + g.left - g.poolW;
  const int64_t last = maxOf(first, minOf(room < 0 ? 0 : room / g.strideW + 1, g.outWidth)),
                start = first * g.strideW - g.left;
  const int64_t small = (g.outWidth - first) * g.channels - kVecWidth;
  const int64_t large = (g.width - start - g.poolW + 1) * g.channels - kVecWidth;
  const int64_t roomy = small < 0 || large < 0 ? 0 : minOf(small / g.channels, large / (g.strideW * g.channels)) + 1;
  return {first, last, roomy};
}

// The same for windows with equal gaps behind them: that of the last one reaches to the end of the row.
inline Inside insideOfGaps(const Geometry& g) {
  Inside inside = insideOf(g);
  const bool equal = (g.outWidth - 1) * g.strideW - g.left + g.strideW == g.width;
  if (inside.last == g.outWidth && inside.last > inside.first && !equal) inside.last--;
  return inside;
}

// body(ox, count) for windows from left to right, those inside the row at once.
template <class F>
inline void forRuns(const Geometry& g, const Inside& inside, const F& body) {
  for (int64_t ox = 0; ox < inside.first; ox++) body(ox, 1);
  if (inside.last > inside.first) body(inside.first, inside.last - inside.first);
  for (int64_t ox = inside.last; ox < g.outWidth; ox++) body(ox, 1);
}

inline MaxRow maxRowOf(const Geometry& g, int64_t count, int64_t roomy, const Span& rows, const Span& columns) {
  return {count,
          count > 1 ? roomy : 0,
          rows.last - rows.first,
          columns.last - columns.first,
          g.width * g.channels,
          g.strideW * g.channels,
          g.channels,
          static_cast<int32_t>((rows.first - rows.start) * g.poolW + columns.first - columns.start),
          static_cast<int32_t>(g.poolW)};
}

template <class Index>
void maxPool(const KernelContext& context, Index* indices) {
  const Geometry g = geometryOf(context.inputs[0], context.outputs[0], attrsOf<MaxAttrs>(context));
  const Inside inside = insideOf(g);
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const int64_t cost = pixelBytes(g, g.outWidth * (g.poolH * g.poolW + 1));
  parallelFor(context, g.batch * g.outHeight, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t unit = begin; unit < end; unit++) {
      const Span rows = spanOf(unit % g.outHeight, g.strideH, g.top, g.poolH, g.height);
      const int64_t row = unit / g.outHeight * g.height + rows.first;
      forRuns(g, inside, [&](int64_t ox, int64_t count) {
        const Span columns = spanOf(ox, g.strideW, g.left, g.poolW, g.width);
        maxWindows(maxRowOf(g, count, inside.roomy, rows, columns), x + (row * g.width + columns.first) * g.channels,
                   y + (unit * g.outWidth + ox) * g.channels, indices + (unit * g.outWidth + ox) * g.channels);
      });
    }
  });
}

void runMax(const KernelContext& context) {
  const TensorView& indices = context.outputs[1];
  if (indices.size == 0) return;
  if (indices.dtype == kUint8) {
    maxPool(context, u8(indices));
  } else {
    maxPool(context, i32(indices));
  }
}

// ---- gradient of max pooling ---------------------------------------------------------------------------------------

// Windows that do not overlap: the band of input rows from one row of windows to the next belongs to it alone. Cells
// under a window take dy or zero, gaps between windows (and after the last) zero.
template <class Index>
void maxGradBand(const Geometry& g, const Inside& inside, const Index* indices, const float* dy, float* image,
                 int64_t oy) {
  const int64_t pitch = g.width * g.channels;
  const Span rows = spanOf(oy, g.strideH, g.top, g.poolH, g.height);
  const int64_t bandEnd = oy + 1 == g.outHeight ? g.height : (oy + 1) * g.strideH - g.top;
  forRuns(g, inside, [&](int64_t ox, int64_t count) {
    const Span columns = spanOf(ox, g.strideW, g.left, g.poolW, g.width);
    const int64_t next = ox + 1 == g.outWidth ? g.width : (ox + 1) * g.strideW - g.left, from = ox * g.channels;
    maxGradWindows(maxRowOf(g, count, inside.roomy, rows, columns), indices + from, dy + from,
                   (next - columns.last) * g.channels, image + rows.first * pitch + columns.first * g.channels);
  });
  const int64_t gapRows = bandEnd - rows.last;
  if (gapRows > 0) memset(image + rows.last * pitch, 0, static_cast<size_t>(gapRows * pitch) * sizeof(float));
}

// Windows that overlap: a row of input cells, each the sum over the windows whose maximum it is.
template <class Index>
void maxGradGather(const Geometry& g, const Index* indices, const float* dy, float* row, int64_t iy) {
  const Cover rows = coverOf(iy, g.strideH, g.top, g.poolH, g.outHeight);
  for (int64_t ix = 0; ix < g.width; ix++) {
    float* to = row + ix * g.channels;
    const Cover columns = coverOf(ix, g.strideW, g.left, g.poolW, g.outWidth);
    bool first = true;
    for (int64_t oy = rows.first; oy < rows.last; oy++) {
      for (int64_t ox = columns.first; ox < columns.last; ox++) {
        const int64_t from = (oy * g.outWidth + ox) * g.channels;
        const int64_t cell = (iy - oy * g.strideH + g.top) * g.poolW + ix - ox * g.strideW + g.left;
        const VecInt here = broadcastInt(static_cast<int32_t>(cell));
        auto share = [&](int64_t c, auto lanes) {
          return select(eq(loadIndex(indices + from + c, lanes), here), load(dy + from + c, lanes), zero());
        };
        if (first) {
          forVectors(0, g.channels, [&](int64_t c, auto lanes) { store(to + c, share(c, lanes), lanes); });
        } else {
          forVectors(0, g.channels,
                     [&](int64_t c, auto lanes) { store(to + c, add(load(to + c, lanes), share(c, lanes)), lanes); });
        }
        first = false;
      }
    }
    // Between windows that overlap along one axis only.
    if (first) memset(to, 0, static_cast<size_t>(g.channels) * sizeof(float));
  }
}

template <class Index>
void maxPoolGrad(const KernelContext& context, const Index* indices) {
  const Geometry g = geometryOf(context.outputs[0], context.inputs[1], attrsOf<MaxGradAttrs>(context).window);
  const float* dy = f32(context.inputs[1]);
  float* dx = f32(context.outputs[0]);
  const int64_t image = g.height * g.width * g.channels, pooled = g.outHeight * g.outWidth * g.channels;
  if (g.strideH >= g.poolH && g.strideW >= g.poolW) {
    const int64_t cost = pixelBytes(g, g.width * g.strideH + g.outWidth);
    const Inside inside = insideOfGaps(g);
    parallelFor(context, g.batch * g.outHeight, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
      for (int64_t unit = begin; unit < end; unit++) {
        const int64_t from = unit * g.outWidth * g.channels;
        maxGradBand(g, inside, indices + from, dy + from, dx + unit / g.outHeight * image, unit % g.outHeight);
      }
    });
    return;
  }
  const int64_t perCell = ceilDiv(g.poolH, g.strideH) * ceilDiv(g.poolW, g.strideW);
  parallelFor(context, g.batch * g.height, grainFor(pixelBytes(g, g.width * (2 * perCell + 1))),
              [&](int64_t begin, int64_t end, int32_t) {
                for (int64_t unit = begin; unit < end; unit++) {
                  const int64_t from = unit / g.height * pooled;
                  maxGradGather(g, indices + from, dy + from, dx + unit * g.width * g.channels, unit % g.height);
                }
              });
}

void runMaxGrad(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const TensorView& indices = context.inputs[0];
  if (indices.dtype == kUint8) {
    maxPoolGrad(context, u8(indices));
  } else {
    maxPoolGrad(context, i32(indices));
  }
}

// ---- average pooling -----------------------------------------------------------------------------------------------

// What the sum over a window is divided by.
inline float cellsOf(const Geometry& g, const Span& rows, const Span& columns, bool includePad) {
  if (includePad) return static_cast<float>(g.poolH * g.poolW);
  return static_cast<float>((rows.last - rows.first) * (columns.last - columns.first));
}

void runAverage(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const AverageAttrs& attrs = attrsOf<AverageAttrs>(context);
  const Geometry g = geometryOf(context.inputs[0], context.outputs[0], attrs.window);
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const int64_t cost = pixelBytes(g, g.outWidth * (minOf(g.poolH, g.height) * minOf(g.poolW, g.width) + 1));
  parallelFor(context, g.batch * g.outHeight, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t unit = begin; unit < end; unit++) {
      const float* image = x + unit / g.outHeight * g.height * g.width * g.channels;
      const Span rows = spanOf(unit % g.outHeight, g.strideH, g.top, g.poolH, g.height);
      for (int64_t ox = 0; ox < g.outWidth; ox++) {
        const Span columns = spanOf(ox, g.strideW, g.left, g.poolW, g.width);
        const Vec cells = broadcast(cellsOf(g, rows, columns, attrs.countIncludePad));
        float* to = y + (unit * g.outWidth + ox) * g.channels;
        forVectors(0, g.channels, [&](int64_t c, auto lanes) {
          // Row sums are added to the total apart: rounding errors grow with a side of the window, not with its area.
          Vec total = zero();
          for (int64_t iy = rows.first; iy < rows.last; iy++) {
            Vec sum = zero();
            for (int64_t ix = columns.first; ix < columns.last; ix++)
              sum = add(sum, load(image + (iy * g.width + ix) * g.channels + c, lanes));
            total = add(total, sum);
          }
          store(to + c, div(total, cells), lanes);
        });
      }
    }
  });
}

void runAverageGrad(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const AverageGradAttrs& attrs = attrsOf<AverageGradAttrs>(context);
  const Geometry g = geometryOf(context.outputs[0], context.inputs[0], attrs.window);
  const float* dy = f32(context.inputs[0]);
  float* dx = f32(context.outputs[0]);
  const int64_t perCell =
      minOf(ceilDiv(g.poolH, g.strideH), g.outHeight) * minOf(ceilDiv(g.poolW, g.strideW), g.outWidth);
  parallelFor(context, g.batch * g.height, grainFor(pixelBytes(g, g.width * (perCell + 1))),
              [&](int64_t begin, int64_t end, int32_t) {
                for (int64_t unit = begin; unit < end; unit++) {
                  const float* pooled = dy + unit / g.height * g.outHeight * g.outWidth * g.channels;
                  const Cover rows = coverOf(unit % g.height, g.strideH, g.top, g.poolH, g.outHeight);
                  for (int64_t ix = 0; ix < g.width; ix++) {
                    const Cover columns = coverOf(ix, g.strideW, g.left, g.poolW, g.outWidth);
                    float* to = dx + (unit * g.width + ix) * g.channels;
                    bool first = true;
                    for (int64_t oy = rows.first; oy < rows.last; oy++) {
                      const Span spanY = spanOf(oy, g.strideH, g.top, g.poolH, g.height);
                      for (int64_t ox = columns.first; ox < columns.last; ox++) {
                        const Span spanX = spanOf(ox, g.strideW, g.left, g.poolW, g.width);
                        const Vec share = broadcast(1.0f / cellsOf(g, spanY, spanX, attrs.countIncludePad));
                        const float* from = pooled + (oy * g.outWidth + ox) * g.channels;
                        if (first) {
                          forVectors(0, g.channels, [&](int64_t c, auto lanes) {
                            store(to + c, mul(load(from + c, lanes), share), lanes);
                          });
                        } else {
                          forVectors(0, g.channels, [&](int64_t c, auto lanes) {
                            store(to + c, fma(load(from + c, lanes), share, load(to + c, lanes)), lanes);
                          });
                        }
                        first = false;
                      }
                    }
                    if (first) memset(to, 0, static_cast<size_t>(g.channels) * sizeof(float));
                  }
                }
              });
}

const KernelEntry entries[] = {
    {"maxPool2d(x) -> (y, indices) {poolSize:i2, strides:i2, padding:i4}", sizeof(MaxAttrs), checkMax, nullptr, runMax},
    {"maxPool2dGrad(indices, dy) -> (dx) {inputSize:i2, poolSize:i2, strides:i2, padding:i4}", sizeof(MaxGradAttrs),
     checkMaxGrad, nullptr, runMaxGrad},
    {"averagePool2d(x) -> (y) {poolSize:i2, strides:i2, padding:i4, countIncludePad:i}", sizeof(AverageAttrs),
     checkAverage, nullptr, runAverage},
    {"averagePool2dGrad(dy) -> (dx) {inputSize:i2, poolSize:i2, strides:i2, padding:i4, countIncludePad:i}",
     sizeof(AverageGradAttrs), checkAverageGrad, nullptr, runAverageGrad},
};

}  // namespace

extern const KernelFamily poolingFamily;
const KernelFamily poolingFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
