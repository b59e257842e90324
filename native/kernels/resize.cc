// Resampling along one axis: rows of what lies behind the axis are weighted and added, so vectors run along memory. The
// cells and weights of all outputs are listed first, in doubles, as src/ops/resize.ts does.
#include "common.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

enum Mode : int32_t { kNearest = 0, kLinear = 1, kCubic = 2 };

struct ResizeAttrs {
  int32_t axis, size, mode, alignCorners, antialias;
};
static_assert(sizeof(ResizeAttrs) == 20, "slots");

const char* checkResize(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  const TensorView &x = context.inputs[0], &y = context.outputs[0];
  const ResizeAttrs& attrs = attrsOf<ResizeAttrs>(context);
  if (attrs.mode < kNearest || attrs.mode > kCubic) return "expected a known mode";
  if (!isFlag(attrs.alignCorners) || !isFlag(attrs.antialias))
    return "expected alignCorners and antialias to be 0 or 1";
  if (attrs.axis < 0 || attrs.axis >= x.rank || y.rank != x.rank) return "expected an axis of the input";
  if (x.dims[attrs.axis] < 1 || attrs.size < 1) return "expected at least one cell along the axis";
  for (int i = 0; i < x.rank; i++)
    if (y.dims[i] != (i == attrs.axis ? attrs.size : x.dims[i])) return "expected an output of the given size";
  return nullptr;
}

// What output o takes: `count` cells from start[o] on, with the weights from weights[o * count] on.
struct Taps {
  int32_t* start;
  float* weights;
  int64_t count;
};

// Outputs [first, last) that take from a cell.
struct Users {
  int32_t first, last;
};

double weightAt(int32_t mode, double d) {
  if (mode == kLinear) return d < 1 ? 1 - d : 0;
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

// How many cells of the input a cell of the kernel is wide.
double spreadOf(const ResizeAttrs& attrs, int64_t size, int64_t outputs) {
  if (!attrs.antialias || size <= outputs) return 1;
  return static_cast<double>(size) / static_cast<double>(outputs);
}

int64_t tapCount(const ResizeAttrs& attrs, int64_t size, int64_t outputs) {
  if (attrs.mode == kNearest || outputs == 0) return 1;
  const double cells = (attrs.mode == kLinear ? 2 : 4) * spreadOf(attrs, size, outputs);
  return minOf(size, static_cast<int64_t>(__builtin_ceil(cells)));
}

int64_t bytesOfTaps(const ResizeAttrs& attrs, int64_t size, int64_t outputs) {
  return outputs * (tapCount(attrs, size, outputs) + 1) * static_cast<int64_t>(sizeof(float));
}

Taps listTaps(void* place, const ResizeAttrs& attrs, int64_t size, int64_t outputs) {
  const int64_t count = tapCount(attrs, size, outputs);
  const double spread = spreadOf(attrs, size, outputs), reach = (attrs.mode == kCubic ? 2 : 1) * spread;
  int32_t* starts = static_cast<int32_t*>(place);
  const Taps taps = {starts, reinterpret_cast<float*>(starts + outputs), count};
  for (int64_t o = 0; o < outputs; o++) {
    float* weights = taps.weights + o * count;
    if (attrs.mode == kNearest) {
      taps.start[o] = static_cast<int32_t>((2 * o + 1) * size / (2 * outputs));
      weights[0] = 1;
      continue;
    }
    double place = static_cast<double>((2 * o + 1) * size) / static_cast<double>(2 * outputs) - 0.5;
    if (attrs.alignCorners)
      place = outputs > 1 ? static_cast<double>(o * (size - 1)) / static_cast<double>(outputs - 1) : 0;
    const int64_t start = static_cast<int64_t>(__builtin_floor(place - reach)) + 1;
    taps.start[o] = static_cast<int32_t>(minOf(maxOf(start, 0), size - count));
    const auto weightOf = [&](int64_t k) {
      return weightAt(attrs.mode, __builtin_fabs(place - static_cast<double>(taps.start[o] + k)) / spread);
    };
    double sum = 0;
    for (int64_t k = 0; k < count; k++) sum += weightOf(k);
    for (int64_t k = 0; k < count; k++) weights[k] = static_cast<float>(weightOf(k) / sum);
  }
  return taps;
}

// Sizes around the axis.
struct Rows {
  int64_t outer, inner, size, outputs;
};

Rows rowsOf(const TensorView& large, int axis, int64_t outputs) {
  Rows rows = {1, 1, large.dims[axis], outputs};
  for (int i = 0; i < axis; i++) rows.outer *= large.dims[i];
  for (int i = axis + 1; i < large.rank; i++) rows.inner *= large.dims[i];
  return rows;
}

inline void weightedRow(const float* weights, int64_t count, const float* from, float* to, int64_t inner) {
  forVectors(0, inner, [&](int64_t i, auto lanes) {
    Vec sum = mul(load(from + i, lanes), broadcast(weights[0]));
    for (int64_t k = 1; k < count; k++) sum = fma(load(from + k * inner + i, lanes), broadcast(weights[k]), sum);
    store(to + i, sum, lanes);
  });
}

// kCount: the number of taps, where it is one of the usual ones; 0 for any.
template <int kCount>
void resizeRows(const KernelContext& context, const Rows& rows, const Taps& taps) {
  const int64_t count = kCount == 0 ? taps.count : kCount;
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const int64_t cost = 4 * maxOf(rows.inner, kVecWidth) * (count + 1);
  parallelFor(context, rows.outer * rows.outputs, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t o = row % rows.outputs;
      const float* from = x + (row / rows.outputs * rows.size + taps.start[o]) * rows.inner;
      float* to = y + row * rows.inner;
      if (count == 1) {
        memmove(to, from, static_cast<size_t>(rows.inner) * sizeof(float));
      } else {
        weightedRow(taps.weights + o * count, count, from, to, rows.inner);
      }
    }
  });
}

void runResize(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const ResizeAttrs& attrs = attrsOf<ResizeAttrs>(context);
  const Rows rows = rowsOf(context.inputs[0], attrs.axis, attrs.size);
  const Taps taps = listTaps(context.scratch, attrs, rows.size, rows.outputs);
  if (taps.count == 1) return resizeRows<1>(context, rows, taps);
  if (taps.count == 2) return resizeRows<2>(context, rows, taps);
  if (taps.count == 4) return resizeRows<4>(context, rows, taps);
  resizeRows<0>(context, rows, taps);
}

// A row of the input is the weighted sum of the outputs that took from it.
void runResizeGrad(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const ResizeAttrs& attrs = attrsOf<ResizeAttrs>(context);
  const Rows rows = rowsOf(context.outputs[0], attrs.axis, context.inputs[0].dims[attrs.axis]);
  const Taps taps = listTaps(context.scratch, attrs, rows.size, rows.outputs);
  const int64_t count = taps.count;
  Users* users = reinterpret_cast<Users*>(taps.weights + rows.outputs * count);
  int64_t first = 0, last = 0;
  for (int64_t cell = 0; cell < rows.size; cell++) {
    while (first < rows.outputs && taps.start[first] + count <= cell) first++;
    while (last < rows.outputs && taps.start[last] <= cell) last++;
    users[cell] = {static_cast<int32_t>(first), static_cast<int32_t>(last)};
  }
  const float* dy = f32(context.inputs[0]);
  float* dx = f32(context.outputs[0]);
  const int64_t perRow = ceilDiv(rows.outputs * count, rows.size) + 1;
  parallelFor(context, rows.outer * rows.size, grainFor(4 * maxOf(rows.inner, kVecWidth) * perRow),
              [&](int64_t begin, int64_t end, int32_t) {
                for (int64_t row = begin; row < end; row++) {
                  const int64_t cell = row % rows.size;
                  const float* from = dy + row / rows.size * rows.outputs * rows.inner;
                  const Users& own = users[cell];
                  forVectors(0, rows.inner, [&](int64_t i, auto lanes) {
                    Vec sum = zero();
                    for (int64_t o = own.first; o < own.last; o++) {
                      const Vec weight = broadcast(taps.weights[o * count + cell - taps.start[o]]);
                      sum = fma(load(from + o * rows.inner + i, lanes), weight, sum);
                    }
                    store(dx + row * rows.inner + i, sum, lanes);
                  });
                }
              });
}

Workspace workspaceOfResize(const KernelContext& context) {
  const ResizeAttrs& attrs = attrsOf<ResizeAttrs>(context);
  return {bytesOfTaps(attrs, context.inputs[0].dims[attrs.axis], attrs.size), 0};
}

Workspace workspaceOfGrad(const KernelContext& context) {
  const ResizeAttrs& attrs = attrsOf<ResizeAttrs>(context);
  const int64_t bytes = bytesOfTaps(attrs, attrs.size, context.inputs[0].dims[attrs.axis]);
  return {bytes + attrs.size * static_cast<int64_t>(sizeof(Users)), 0};
}

const KernelEntry entries[] = {
    {"resize(x) -> (y) {axis:i, size:i, mode:i, alignCorners:i, antialias:i}", sizeof(ResizeAttrs), checkResize,
     workspaceOfResize, runResize},
    {"resizeGrad(dy) -> (dx) {axis:i, size:i, mode:i, alignCorners:i, antialias:i}", sizeof(ResizeAttrs), checkResize,
     workspaceOfGrad, runResizeGrad},
};

}  // namespace

extern const KernelFamily resizeFamily;
const KernelFamily resizeFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
