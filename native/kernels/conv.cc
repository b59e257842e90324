// 2D convolution, its two gradients and the transposed convolution, for any strides, padding, dilation and groups. All
// are one matrix product per group over windows (windows.h):
//   conv2d            y  = windows(x) * weight, plus bias and residual (conv_forward.h; packedConv2d too)
//   conv2dGradWeight  dw = windows(x)' * dy, summed over parts of the pixels in a fixed order
//   conv2dGradInput   dx = windows(dy) * weight' (conv_input.h), or dy * weight' folded together (conv_fold.h)
// One filter per channel (depthwise.h) is no product, and done by itself.
#include "../gemm/gemm.h"
#include "conv_forward.h"

namespace ocellus {
namespace {

struct GradInputAttrs {
  int32_t inputSize[2];
  ConvAttrs conv;
};
struct GradWeightAttrs {
  int32_t kernelSize[2];
  ConvAttrs conv;
};
struct TransposeAttrs {
  int32_t outputSize[2];
  ConvAttrs conv;
  int32_t activation;
};

// ---- conv2dGradWeight

static const char* checkGradWeight(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 2, 1)) return error;
  const GradWeightAttrs& attrs = attrsOf<GradWeightAttrs>(context);
  const TensorView& dw = context.outputs[0];
  if (const char* error = checkConv(context.inputs[0], dw, context.inputs[1], attrs.conv)) return error;
  if (dw.dims[0] != attrs.kernelSize[0] || dw.dims[1] != attrs.kernelSize[1])
    return "expected an output of the given kernelSize";
  return nullptr;
}

static inline ConvShape shapeOfGradWeight(const KernelContext& context) {
  return makeConvShape(context.inputs[0].dims, context.outputs[0].dims, context.inputs[1].dims,
                       attrsOf<GradWeightAttrs>(context).conv);
}

static inline Gemm gemmOfGradWeight(const KernelContext& context, Windows& windows) {
  const ConvShape s = shapeOfGradWeight(context);
  Gemm gemm = {};
  gemm.m = s.kernelY * s.kernelX * s.groupChannels;
  gemm.n = s.groupFilters;
  gemm.k = s.batch * s.outY * s.outX;
  gemm.batch = s.groups;
  windowsOfInput(s, f32(context.inputs[0]), windows, gemm);
  gemm.aTransposed = 1;
  gemm.b = f32(context.inputs[1]);
  gemm.bPitch = s.filters;
  gemm.bBatchStride = s.groupFilters;
  gemm.c = f32(context.outputs[0]);
  gemm.cPitch = s.filters;
  gemm.cBatchStride = s.groupFilters;
  gemm.splits = OCELLUS_ISA::gemmSplits(gemm.m, gemm.n, gemm.k, gemm.batch);
  return gemm;
}

static Workspace workspaceOfGradWeight(const KernelContext& context) {
  const ConvShape s = shapeOfGradWeight(context);
  const ConvWay way = wayOfGradWeight(s);
  if (way == ConvWay::kDepthwise) return workspaceOfDepthwiseWeight(s);
  if (way == ConvWay::kDirect) return workspaceOfDirectWeight(s);
  if (way == ConvWay::kPixels) return workspaceOfPixelsWeight(s);
  Windows windows;
  return OCELLUS_ISA::gemmWorkspace(gemmOfGradWeight(context, windows));
}

static const char* algorithmOfGradWeight(const KernelContext& context) {
  return nameOf(wayOfGradWeight(shapeOfGradWeight(context)));
}

static void runGradWeight(const KernelContext& context) {
  const ConvShape s = shapeOfGradWeight(context);
  const ConvWay way = wayOfGradWeight(s);
  const float *x = f32(context.inputs[0]), *dy = f32(context.inputs[1]);
  float* dw = f32(context.outputs[0]);
  if (way == ConvWay::kDepthwise) return runDepthwiseWeight(context, s, x, dy, dw);
  if (way == ConvWay::kDirect) return runDirectWeight(context, s, x, dy, dw);
  if (way == ConvWay::kPixels) return runPixelsWeight(context, s, x, dy, dw);
  Windows windows;
  OCELLUS_ISA::runGemm(context, gemmOfGradWeight(context, windows), context.scratch);
}

// ---- conv2dGradInput and conv2dTranspose

static Workspace workspaceOfInputGradient(const InputGradient& g) {
  const ConvWay way = wayOfInputGradient(g.shape);
  if (way == ConvWay::kDepthwise) return workspaceOfDepthwiseInput(g.shape);
  if (way == ConvWay::kTurned) return workspaceOfDirect(turnedOf(g.shape), WeightForm::kTurned);
  if (way == ConvWay::kPixels) return workspaceOfPixels(turnedOf(g.shape));
  return way == ConvWay::kFold ? workspaceOfFold(g) : workspaceOfGather(g);
}

static void runInputGradient(const KernelContext& context, const InputGradient& g) {
  const ConvWay way = wayOfInputGradient(g.shape);
  const Direct turned = {turnedOf(g.shape), g.dy, g.weight, WeightForm::kTurned, g.bias, nullptr, g.activation, g.dx};
  if (way == ConvWay::kDepthwise) {
    runDepthwiseInput(context, g.shape, g.dy, g.weight, g.bias, g.activation, g.dx);
  } else if (way == ConvWay::kTurned) {
    runDirect(context, turned);
  } else if (way == ConvWay::kPixels) {
    runPixels(context, turned);
  } else if (way == ConvWay::kFold) {
    runFold(context, g);
  } else {
    runGather(context, g);
  }
}

static inline InputGradient gradInputOf(const KernelContext& context) {
  const TensorView &dy = context.inputs[0], &weight = context.inputs[1], &dx = context.outputs[0];
  return {makeConvShape(dx.dims, weight.dims, dy.dims, attrsOf<GradInputAttrs>(context).conv),
          f32(dy),
          f32(weight),
          nullptr,
          f32(dx),
          0};
}

static const char* checkGradInput(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 2, 1)) return error;
  const GradInputAttrs& attrs = attrsOf<GradInputAttrs>(context);
  const TensorView& dx = context.outputs[0];
  if (const char* error = checkConv(dx, context.inputs[1], context.inputs[0], attrs.conv)) return error;
  if (dx.dims[1] != attrs.inputSize[0] || dx.dims[2] != attrs.inputSize[1])
    return "expected an output of the given inputSize";
  return nullptr;
}

static Workspace workspaceOfGradInput(const KernelContext& context) {
  return workspaceOfInputGradient(gradInputOf(context));
}

static const char* algorithmOfGradInput(const KernelContext& context) {
  return nameOf(wayOfInputGradient(gradInputOf(context).shape));
}

static void runGradInput(const KernelContext& context) { runInputGradient(context, gradInputOf(context)); }

static inline InputGradient transposeOf(const KernelContext& context) {
  const TensorView &x = context.inputs[0], &weight = context.inputs[1], &bias = context.inputs[2];
  const TensorView& y = context.outputs[0];
  const TransposeAttrs& attrs = attrsOf<TransposeAttrs>(context);
  return {makeConvShape(y.dims, weight.dims, x.dims, attrs.conv),
          f32(x),
          f32(weight),
          bias.present ? f32(bias) : nullptr,
          f32(y),
          attrs.activation};
}

static const char* checkTranspose(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 3, 1, 1u << 2)) return error;
  const TransposeAttrs& attrs = attrsOf<TransposeAttrs>(context);
  const TensorView& y = context.outputs[0];
  if (const char* error = checkConv(y, context.inputs[1], context.inputs[0], attrs.conv)) return error;
  if (const char* error = checkConvBias(context.inputs[2], y.dims[3])) return error;
  if (y.dims[1] != attrs.outputSize[0] || y.dims[2] != attrs.outputSize[1])
    return "expected an output of the given outputSize";
  return checkActivation(attrs.activation);
}

static Workspace workspaceOfTranspose(const KernelContext& context) {
  return workspaceOfInputGradient(transposeOf(context));
}

static const char* algorithmOfTranspose(const KernelContext& context) {
  return nameOf(wayOfInputGradient(transposeOf(context).shape));
}

static void runTranspose(const KernelContext& context) { runInputGradient(context, transposeOf(context)); }

const KernelEntry kEntries[] = {
    {"conv2d(x, weight, bias?, residual?) -> (y) {strides:i2, padding:i4, dilation:i2, groups:i, activation:i}",
     sizeof(Conv2dAttrs), checkConv2d, workspaceOfConv2d, runConv2d, algorithmOfConv2d},
    {"packFilter(weight) -> (packed) {}", 0, checkPackFilter, nullptr, runPackFilter},
    {"packedConv2d(x, packed, bias?, residual?) -> (y) {kernelSize:i2, filters:i, strides:i2, padding:i4, dilation:i2, "
     "activation:i}",
     sizeof(PackedConv2dAttrs), checkPackedConv2d, workspaceOfPacked, runPackedConv2d, algorithmOfPacked},
    {"conv2dGradInput(dy, weight) -> (dx) {inputSize:i2, strides:i2, padding:i4, dilation:i2, groups:i}",
     sizeof(GradInputAttrs), checkGradInput, workspaceOfGradInput, runGradInput, algorithmOfGradInput},
    {"conv2dGradWeight(x, dy) -> (dw) {kernelSize:i2, strides:i2, padding:i4, dilation:i2, groups:i}",
     sizeof(GradWeightAttrs), checkGradWeight, workspaceOfGradWeight, runGradWeight, algorithmOfGradWeight},
    {"conv2dTranspose(x, weight, bias?) -> (y) {outputSize:i2, strides:i2, padding:i4, dilation:i2, groups:i, "
     "activation:i}",
     sizeof(TransposeAttrs), checkTranspose, workspaceOfTranspose, runTranspose, algorithmOfTranspose},
};

}  // namespace

namespace OCELLUS_ISA {
extern const KernelFamily convFamily;
const KernelFamily convFamily = {kEntries, sizeof kEntries / sizeof kEntries[0]};
}  // namespace OCELLUS_ISA

}  // namespace ocellus
