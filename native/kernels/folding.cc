// foldBatchNorm: batch normalization with given statistics, taken into the weight and bias of the op before it
// (Jacob et al. 2018, section 3.2). weight' = weight * scale, bias' = (bias - mean) * scale + beta, channel by channel,
// scale = gamma / sqrt(variance + epsilon).
#include "common.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct FoldAttrs {
  float epsilon;
  int32_t axis;
};
static_assert(sizeof(FoldAttrs) == 8, "slots");

const char* checkFold(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 6, 2, 14)) return wrong;
  const FoldAttrs& attrs = attrsOf<FoldAttrs>(context);
  const TensorView *in = context.inputs, *out = context.outputs;
  if (!(attrs.epsilon >= 0)) return "expected an epsilon of at least 0";
  if (attrs.axis < 0 || attrs.axis >= in[0].rank) return "expected an axis of the weight";
  if (!sameShape(in[0], out[0])) return "expected an output of the shape of the weight";
  const int64_t channels = in[0].dims[attrs.axis];
  for (int i = 1; i < 6; i++)
    if (in[i].present && !isVector(in[i], channels)) return "expected one value per channel";
  return isVector(out[1], channels) ? nullptr : "expected one folded bias per channel";
}

Workspace workspaceOfFold(const KernelContext& context) {
  return {context.outputs[1].size * static_cast<int64_t>(sizeof(float)), 0};
}

// Rounded to float after the double arithmetic of the reference.
void foldVectors(const KernelContext& context, float* scale) {
  const TensorView* in = context.inputs;
  const double epsilon = static_cast<double>(attrsOf<FoldAttrs>(context).epsilon);
  auto valueOr = [&](int input, int64_t c, double otherwise) {
    return in[input].present ? static_cast<double>(f32(in[input])[c]) : otherwise;
  };
  float* bias = f32(context.outputs[1]);
  for (int64_t c = 0; c < context.outputs[1].size; c++) {
    const double factor = valueOr(2, c, 1) / __builtin_sqrt(valueOr(5, c, 0) + epsilon);
    scale[c] = static_cast<float>(factor);
    bias[c] = static_cast<float>((valueOr(1, c, 0) - valueOr(4, c, 0)) * factor + valueOr(3, c, 0));
  }
}

void runFold(const KernelContext& context) {
  const TensorView& weight = context.inputs[0];
  const int32_t axis = attrsOf<FoldAttrs>(context).axis;
  float* scale = reinterpret_cast<float*>(context.scratch);
  foldVectors(context, scale);
  if (weight.size == 0) return;
  const float* from = f32(weight);
  float* to = f32(context.outputs[0]);
  const int64_t channels = weight.dims[axis];
  int64_t inner = 1;
  for (int i = axis + 1; i < weight.rank; i++) inner *= weight.dims[i];
  if (inner == 1) {
    parallelFor(context, weight.size / channels, grainFor(8 * channels), [&](int64_t begin, int64_t end, int32_t) {
      for (int64_t row = begin * channels; row < end * channels; row += channels)
        forVectors(0, channels, [&](int64_t c, auto lanes) {
          store(to + row + c, mul(load(from + row + c, lanes), load(scale + c, lanes)), lanes);
        });
    });
    return;
  }
  parallelFor(context, weight.size / inner, grainFor(8 * inner), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t row = begin; row < end; row++) {
      const Vec factor = broadcast(scale[row % channels]);
      forVectors(row * inner, (row + 1) * inner,
                 [&](int64_t i, auto lanes) { store(to + i, mul(load(from + i, lanes), factor), lanes); });
    }
  });
}

const KernelEntry entries[] = {
    {"foldBatchNorm(weight, bias?, gamma?, beta?, mean, variance) -> (foldedWeight, foldedBias) {epsilon:f, axis:i}",
     sizeof(FoldAttrs), checkFold, workspaceOfFold, runFold},
};

}  // namespace

extern const KernelFamily foldingFamily;
const KernelFamily foldingFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
