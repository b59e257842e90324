// The way back from max pooling: values return to the cells that their indices name, and are taken from there. Indices
// come from data, so each is compared with the size of the volume before it is used.
#include "boxes.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct UnpoolAttrs {
  int32_t outputSize[3], accumulate;
};
static_assert(sizeof(UnpoolAttrs) == 16, "slots");

const char* checkIndexed(const KernelContext& context, const TensorView& values) {
  if (const char* wrong = checkViews(context, 2, 1)) return wrong;
  const TensorView& indices = context.inputs[1];
  if (context.inputs[0].dtype != kFloat32 || context.outputs[0].dtype != kFloat32) return "expected float32 values";
  if (indices.dtype != kInt32) return "expected int32 indices";
  return sameShape(indices, values) ? nullptr : "expected indices of the shape of the pooled values";
}

// The large volume has cells that an int32 counts; the pooled one may be empty.
const char* checkLarge(const TensorView& large, const TensorView& pooled) {
  if (large.rank != 5 || pooled.rank != 5) return "expected tensors of rank 5";
  if (large.dims[0] != pooled.dims[0] || large.dims[4] != pooled.dims[4]) return "expected equal batch and channels";
  int64_t cells = 1;
  for (int axis = 1; axis <= 3; axis++) {
    if (large.dims[axis] < 1) return "expected a volume of at least one cell";
    if (__builtin_mul_overflow(cells, large.dims[axis], &cells) || cells > INT32_MAX)
      return "expected a smaller volume";
  }
  return nullptr;
}

const char* checkUnpool(const KernelContext& context) {
  if (const char* wrong = checkIndexed(context, context.inputs[0])) return wrong;
  const TensorView& y = context.outputs[0];
  const UnpoolAttrs& attrs = attrsOf<UnpoolAttrs>(context);
  if (!isFlag(attrs.accumulate)) return "expected accumulate to be 0 or 1";
  if (const char* wrong = checkLarge(y, context.inputs[0])) return wrong;
  for (int axis = 0; axis < 3; axis++)
    if (y.dims[axis + 1] != attrs.outputSize[axis]) return "expected the outputSize";
  return nullptr;
}

const char* checkTake(const KernelContext& context) {
  if (const char* wrong = checkIndexed(context, context.outputs[0])) return wrong;
  return checkLarge(context.inputs[0], context.outputs[0]);
}

int64_t cellsIn(const TensorView& view) { return view.dims[1] * view.dims[2] * view.dims[3]; }

// Every part is a sample and a range of its channels: whatever the indices, no two parts write to the same cell.
void runUnpool(const KernelContext& context) {
  const TensorView& view = context.outputs[0];
  if (view.size == 0) return;
  const float* x = f32(context.inputs[0]);
  const int32_t* indices = i32(context.inputs[1]);
  float* y = f32(view);
  const bool accumulate = attrsOf<UnpoolAttrs>(context).accumulate != 0;
  const int64_t cells = cellsIn(view), windows = cellsIn(context.inputs[0]), channels = view.dims[4];
  // Cache lines are shared at most at the ends of a range.
  const int64_t width = minOf(channels, 64), parts = ceilDiv(channels, width);
  const int64_t cost = 4 * width * (cells + 4 * windows);
  parallelFor(context, view.dims[0] * parts, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t sample = unit / parts, low = unit % parts * width, high = minOf(channels, low + width);
      float* image = y + sample * cells * channels;
      if (parts == 1) {
        memset(image, 0, static_cast<size_t>(cells * channels) * sizeof(float));
      } else {
        for (int64_t cell = 0; cell < cells; cell++)
          memset(image + cell * channels + low, 0, static_cast<size_t>(high - low) * sizeof(float));
      }
      for (int64_t window = 0; window < windows; window++) {
        const int64_t from = (sample * windows + window) * channels;
        for (int64_t c = low; c < high; c++) {
          const uint32_t cell = static_cast<uint32_t>(indices[from + c]);
          if (cell >= static_cast<uint64_t>(cells)) continue;
          float* to = image + cell * channels + c;
          *to = accumulate ? *to + x[from + c] : x[from + c];
        }
      }
    }
  });
}

void runTake(const KernelContext& context) {
  const TensorView& view = context.outputs[0];
  if (view.size == 0) return;
  const float* x = f32(context.inputs[0]);
  const int32_t* indices = i32(context.inputs[1]);
  float* y = f32(view);
  const int64_t cells = cellsIn(context.inputs[0]), windows = cellsIn(view), channels = view.dims[4];
  parallelFor(context, view.dims[0] * windows, grainFor(32 * channels), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t row = begin; row < end; row++) {
      const float* image = x + row / windows * cells * channels;
      for (int64_t c = 0; c < channels; c++) {
        const uint32_t cell = static_cast<uint32_t>(indices[row * channels + c]);
        y[row * channels + c] = cell < static_cast<uint64_t>(cells) ? image[cell * channels + c] : 0.0f;
      }
    }
  });
}

const KernelEntry entries[] = {
    {"maxUnpool(x, indices) -> (y) {outputSize:i3, accumulate:i}", sizeof(UnpoolAttrs), checkUnpool, nullptr,
     runUnpool},
    {"takeCells(x, indices) -> (y) {}", 0, checkTake, nullptr, runTake},
};

}  // namespace

extern const KernelFamily unpoolingFamily;
const KernelFamily unpoolingFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
