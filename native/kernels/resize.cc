// Resampling along one axis: rows of what lies behind the axis are weighted and added, so vectors run along memory. The
// cells and weights of all outputs are listed first, in doubles, as src/ops/resize.ts does.
#include "common.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

enum Mode : int32_t { kNearest = 0, kLinear = 1, kCubic = 2 };

struct ResizeAttrs {
  int32_t axis, size, mode, alignCorners;
};
static_assert(sizeof(ResizeAttrs) == 16, "slots");

constexpr int kMaxTaps = 4;

const char* checkResize(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  const TensorView &x = context.inputs[0], &y = context.outputs[0];
  const ResizeAttrs& attrs = attrsOf<ResizeAttrs>(context);
  if (attrs.mode < kNearest || attrs.mode > kCubic) return "expected a known mode";
  if (!isFlag(attrs.alignCorners)) return "expected alignCorners to be 0 or 1";
  if (attrs.axis < 0 || attrs.axis >= x.rank || y.rank != x.rank) return "expected an axis of the input";
  if (x.dims[attrs.axis] < 1 || attrs.size < 1) return "expected at least one cell along the axis";
  for (int i = 0; i < x.rank; i++)
    if (y.dims[i] != (i == attrs.axis ? attrs.size : x.dims[i])) return "expected an output of the given size";
  return nullptr;
}

// What one output takes: `count` cells from `start` on. Every list of taps has kMaxTaps weights.
struct Taps {
  int32_t start;
  float weights[kMaxTaps];
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

int64_t tapCount(int32_t mode, int64_t size) {
  return minOf(size, mode == kNearest ? 1 : mode == kLinear ? 2 : kMaxTaps);
}

void listTaps(Taps* taps, const ResizeAttrs& attrs, int64_t size, int64_t outputs) {
  const int64_t count = tapCount(attrs.mode, size), reach = attrs.mode == kCubic ? 1 : 0;
  for (int64_t o = 0; o < outputs; o++) {
    Taps& tap = taps[o];
    if (attrs.mode == kNearest) {
      tap.start = static_cast<int32_t>((2 * o + 1) * size / (2 * outputs));
      tap.weights[0] = 1;
      continue;
    }
    double place = static_cast<double>((2 * o + 1) * size) / static_cast<double>(2 * outputs) - 0.5;
    if (attrs.alignCorners)
      place = outputs > 1 ? static_cast<double>(o * (size - 1)) / static_cast<double>(outputs - 1) : 0;
    const int64_t start = static_cast<int64_t>(__builtin_floor(place)) - reach;
    tap.start = static_cast<int32_t>(minOf(maxOf(start, 0), size - count));
    double weights[kMaxTaps], sum = 0;
    for (int64_t k = 0; k < count; k++) {
      weights[k] = weightAt(attrs.mode, __builtin_fabs(place - static_cast<double>(tap.start + k)));
      sum += weights[k];
    }
    for (int64_t k = 0; k < count; k++) tap.weights[k] = static_cast<float>(weights[k] / sum);
  }
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

template <int count>
inline void weightedRow(const Taps& tap, const float* from, float* to, int64_t inner) {
  forVectors(0, inner, [&](int64_t i, auto lanes) {
    Vec sum = mul(load(from + i, lanes), broadcast(tap.weights[0]));
    for (int k = 1; k < count; k++) sum = fma(load(from + k * inner + i, lanes), broadcast(tap.weights[k]), sum);
    store(to + i, sum, lanes);
  });
}

template <int count>
void resizeRows(const KernelContext& context, const Rows& rows, const Taps* taps) {
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const int64_t cost = 4 * maxOf(rows.inner, kVecWidth) * (count + 1);
  parallelFor(context, rows.outer * rows.outputs, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t row = begin; row < end; row++) {
      const Taps& tap = taps[row % rows.outputs];
      const float* from = x + (row / rows.outputs * rows.size + tap.start) * rows.inner;
      float* to = y + row * rows.inner;
      if (count == 1) {
        memmove(to, from, static_cast<size_t>(rows.inner) * sizeof(float));
      } else {
        weightedRow<count>(tap, from, to, rows.inner);
      }
    }
  });
}

void runResize(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const ResizeAttrs& attrs = attrsOf<ResizeAttrs>(context);
  const Rows rows = rowsOf(context.inputs[0], attrs.axis, attrs.size);
  Taps* taps = reinterpret_cast<Taps*>(context.scratch);
  listTaps(taps, attrs, rows.size, rows.outputs);
  const int64_t count = tapCount(attrs.mode, rows.size);
  if (count == 1) return resizeRows<1>(context, rows, taps);
  if (count == 2) return resizeRows<2>(context, rows, taps);
  if (count == 3) return resizeRows<3>(context, rows, taps);
  resizeRows<4>(context, rows, taps);
}

// A row of the input is the weighted sum of the outputs that took from it.
void runResizeGrad(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const ResizeAttrs& attrs = attrsOf<ResizeAttrs>(context);
  const Rows rows = rowsOf(context.outputs[0], attrs.axis, context.inputs[0].dims[attrs.axis]);
  Taps* taps = reinterpret_cast<Taps*>(context.scratch);
  Users* users = reinterpret_cast<Users*>(taps + rows.outputs);
  listTaps(taps, attrs, rows.size, rows.outputs);
  const int64_t count = tapCount(attrs.mode, rows.size);
  int64_t first = 0, last = 0;
  for (int64_t cell = 0; cell < rows.size; cell++) {
    while (first < rows.outputs && taps[first].start + count <= cell) first++;
    while (last < rows.outputs && taps[last].start <= cell) last++;
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
                      const Vec weight = broadcast(taps[o].weights[cell - taps[o].start]);
                      sum = fma(load(from + o * rows.inner + i, lanes), weight, sum);
                    }
                    store(dx + row * rows.inner + i, sum, lanes);
                  });
                }
              });
}

Workspace workspaceOfResize(const KernelContext& context) {
  return {context.outputs[0].dims[attrsOf<ResizeAttrs>(context).axis] * static_cast<int64_t>(sizeof(Taps)), 0};
}

Workspace workspaceOfGrad(const KernelContext& context) {
  const int axis = attrsOf<ResizeAttrs>(context).axis;
  return {context.inputs[0].dims[axis] * static_cast<int64_t>(sizeof(Taps)) +
              context.outputs[0].dims[axis] * static_cast<int64_t>(sizeof(Users)),
          0};
}

const KernelEntry entries[] = {
    {"resize(x) -> (y) {axis:i, size:i, mode:i, alignCorners:i}", sizeof(ResizeAttrs), checkResize, workspaceOfResize,
     runResize},
    {"resizeGrad(dy) -> (dx) {axis:i, size:i, mode:i, alignCorners:i}", sizeof(ResizeAttrs), checkResize,
     workspaceOfGrad, runResizeGrad},
};

}  // namespace

extern const KernelFamily resizeFamily;
const KernelFamily resizeFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
