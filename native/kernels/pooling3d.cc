// Max pooling over volumes, channels last, vectorised over channels, that tells the cell of each maximum: strided and
// dilated, adaptive, and fractional windows. The bounds of all windows are listed first; then one loop serves all
// three.
#include "../simd/philox.h"
#include "boxes.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct StridedAttrs {
  int32_t poolSize[3], strides[3], padding[6], dilation[3];
};
static_assert(sizeof(StridedAttrs) == 60, "slots");

struct AdaptiveAttrs {
  int32_t outputSize[3];
};
static_assert(sizeof(AdaptiveAttrs) == 12, "slots");

struct FractionalAttrs {
  int32_t poolSize[3], outputSize[3];
  float samples[3];
  int32_t salt;
};
static_assert(sizeof(FractionalAttrs) == 40, "slots");

// ---- checks --------------------------------------------------------------------------------------------------------

Bounds stridedBounds(const StridedAttrs& attrs, int axis, int64_t size, int64_t window) {
  const int64_t dilation = attrs.dilation[axis];
  const int64_t start = window * attrs.strides[axis] - attrs.padding[2 * axis];
  const int64_t first = start < 0 ? start + ceilDiv(-start, dilation) * dilation : start;
  const int64_t last = minOf(size, start + (attrs.poolSize[axis] - 1) * dilation + 1);
  return {static_cast<int32_t>(minOf(first, size)), static_cast<int32_t>(maxOf(last, 0))};
}

// Values and indices of equal shape for the volume x.
const char* checkPooled(const KernelContext& context) {
  const TensorView &x = context.inputs[0], &y = context.outputs[0], &indices = context.outputs[1];
  if (x.dtype != kFloat32 || y.dtype != kFloat32) return "expected float32 values";
  if (indices.dtype != kInt32) return "expected int32 indices";
  if (!sameShape(indices, y)) return "expected indices of the shape of the output";
  return checkVolumes(x, y);
}

const char* checkStrided(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 1, 2)) return wrong;
  if (const char* wrong = checkPooled(context)) return wrong;
  const StridedAttrs& attrs = attrsOf<StridedAttrs>(context);
  for (int axis = 0; axis < 3; axis++) {
    const int64_t pool = attrs.poolSize[axis], stride = attrs.strides[axis], dilation = attrs.dilation[axis];
    const int64_t before = attrs.padding[2 * axis], after = attrs.padding[2 * axis + 1];
    if (pool < 1 || stride < 1 || dilation < 1) return "expected a poolSize, strides and dilation of at least 1";
    if (before < 0 || after < 0) return "expected a padding of at least 0";
    const int64_t size = context.inputs[0].dims[axis + 1], count = context.outputs[0].dims[axis + 1];
    const int64_t spare = size + before + after - (pool - 1) * dilation - 1;
    if (spare < 0) return "expected a window that fits the padded input";
    if (count != spare / stride + 1) return "expected the pooled size";
    for (int64_t window = 0; window < count; window++) {
      const Bounds bounds = stridedBounds(attrs, axis, size, window);
      if (bounds.first >= bounds.last) return "expected a cell of the input in every window";
    }
  }
  return nullptr;
}

// The output has the size that the attributes name.
const char* checkSize(const TensorView& y, const int32_t* size) {
  for (int axis = 0; axis < 3; axis++)
    if (y.dims[axis + 1] != size[axis]) return "expected the outputSize";
  return nullptr;
}

const char* checkAdaptive(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 1, 2)) return wrong;
  if (const char* wrong = checkPooled(context)) return wrong;
  return checkSize(context.outputs[0], attrsOf<AdaptiveAttrs>(context).outputSize);
}

const char* checkFractional(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 2, 2, 1u << 1)) return wrong;
  if (const char* wrong = checkPooled(context)) return wrong;
  const FractionalAttrs& attrs = attrsOf<FractionalAttrs>(context);
  if (const char* wrong = checkSize(context.outputs[0], attrs.outputSize)) return wrong;
  const TensorView& seed = context.inputs[1];
  if (seed.present && (seed.dtype != kInt32 || !isVector(seed, 2))) return "expected an int32 seed of shape [2]";
  for (int axis = 0; axis < 3; axis++) {
    const int64_t room = context.inputs[0].dims[axis + 1] - attrs.poolSize[axis] + 1;
    if (attrs.poolSize[axis] < 1 || attrs.outputSize[axis] > room) return "expected windows that fit the input";
    if (!(attrs.samples[axis] >= 0 && attrs.samples[axis] < 1)) return "expected samples in [0, 1)";
  }
  return nullptr;
}

// ---- the loop ------------------------------------------------------------------------------------------------------

struct Best {
  Vec value;
  VecInt cell;
};

// Takes over what is larger, or the first NaN.
inline void contend(Best& best, Vec value, int32_t cell) {
  const VecMask wins = maskAnd(maskNot(le(value, best.value)), eq(best.value, best.value));
  best.value = select(wins, value, best.value);
  best.cell = select(wins, broadcastInt(cell), best.cell);
}

inline void storeCells(int32_t* p, VecInt v, AllLanes) { storeInt(p, v); }
inline void storeCells(int32_t* p, VecInt v, FirstLanes lanes) { storeIntPartial(p, v, lanes.n); }

void maxOfBoxes(const KernelContext& context, const Volume& v, const Boxes& boxes) {
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  int32_t* indices = i32(context.outputs[1]);
  const int64_t sample = cellsOf(v.size) * v.channels, rows = v.batch * v.counts[0] * v.counts[1];
  const int64_t cost = 4 * maxOf(v.channels, kVecWidth) * v.counts[2] * (meanCells(boxes, v) + 2);
  parallelFor(context, rows, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t row = begin; row < end; row++) {
      const float* image = x + sampleOf(v, row) * sample;
      for (int64_t column = 0; column < v.counts[2]; column++) {
        const Box box = boxAt(boxes, v, row, column);
        const int64_t to = (row * v.counts[2] + column) * v.channels;
        forVectors(0, v.channels, [&](int64_t c, auto lanes) {
          // The first cell meets itself again, and does not win.
          const int64_t corner = (box.z.first * v.size[1] + box.y.first) * v.size[2] + box.x.first;
          Best best = {load(image + corner * v.channels + c, lanes), broadcastInt(static_cast<int32_t>(corner))};
          for (int64_t iz = box.z.first; iz < box.z.last; iz += boxes.step[0]) {
            for (int64_t iy = box.y.first; iy < box.y.last; iy += boxes.step[1]) {
              const int64_t line = (iz * v.size[1] + iy) * v.size[2];
              for (int64_t cell = line + box.x.first; cell < line + box.x.last; cell += boxes.step[2])
                contend(best, load(image + cell * v.channels + c, lanes), static_cast<int32_t>(cell));
            }
          }
          store(y + to + c, best.value, lanes);
          storeCells(indices + to + c, best.cell, lanes);
        });
      }
    }
  });
}

void runStrided(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const StridedAttrs& attrs = attrsOf<StridedAttrs>(context);
  const Volume v = volumeOf(context.inputs[0], context.outputs[0]);
  Boxes boxes =
      listBoxes(context, v, [&](int axis, int64_t window) { return stridedBounds(attrs, axis, v.size[axis], window); });
  for (int axis = 0; axis < 3; axis++) boxes.step[axis] = attrs.dilation[axis];
  maxOfBoxes(context, v, boxes);
}

void runAdaptive(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const Volume v = volumeOf(context.inputs[0], context.outputs[0]);
  maxOfBoxes(context, v, listBoxes(context, v, [&](int axis, int64_t window) {
               return adaptiveBounds(v.size[axis], v.counts[axis], window);
             }));
}

void runFractional(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const FractionalAttrs& attrs = attrsOf<FractionalAttrs>(context);
  const Volume v = volumeOf(context.inputs[0], context.outputs[0]);
  double samples[3];
  for (int axis = 0; axis < 3; axis++) samples[axis] = attrs.samples[axis];
  if (context.inputs[1].present) {
    const int32_t* seed = i32(context.inputs[1]);
    const PhiloxStream stream = {static_cast<uint32_t>(attrs.salt), static_cast<uint32_t>(seed[1]),
                                 static_cast<uint32_t>(seed[0]), 0};
    uint32_t words[4];
    philox(words, 0, stream);
    for (int axis = 0; axis < 3; axis++) samples[axis] = (words[axis] >> 8) / 16777216.0;
  }
  maxOfBoxes(context, v, listBoxes(context, v, [&](int axis, int64_t window) {
               const int64_t room = v.size[axis] - attrs.poolSize[axis];
               int64_t start = room;
               if (window + 1 < v.counts[axis]) {
                 const double alpha = static_cast<double>(room) / static_cast<double>(v.counts[axis] - 1);
                 start = static_cast<int64_t>((static_cast<double>(window) + samples[axis]) * alpha) -
                         static_cast<int64_t>(samples[axis] * alpha);
                 start = minOf(maxOf(start, 0), room);
               }
               return Bounds{static_cast<int32_t>(start), static_cast<int32_t>(start + attrs.poolSize[axis])};
             }));
}

Workspace workspaceOfBoxes(const KernelContext& context) { return boxWorkspace(context.outputs[0]); }

const KernelEntry entries[] = {
    {"maxPool3d(x) -> (y, indices) {poolSize:i3, strides:i3, padding:i6, dilation:i3}", sizeof(StridedAttrs),
     checkStrided, workspaceOfBoxes, runStrided},
    {"adaptiveMaxPool3d(x) -> (y, indices) {outputSize:i3}", sizeof(AdaptiveAttrs), checkAdaptive, workspaceOfBoxes,
     runAdaptive},
    {"fractionalMaxPool3d(x, seed?) -> (y, indices) {poolSize:i3, outputSize:i3, samples:f3, salt:i}",
     sizeof(FractionalAttrs), checkFractional, workspaceOfBoxes, runFractional},
};

}  // namespace

extern const KernelFamily pooling3dFamily;
const KernelFamily pooling3dFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
