// 3D convolution, its two gradients and the transposed convolution, for any strides, padding, dilation and groups, as
// matrix products per group over windows of volumes (volume_windows.h):
//   conv3d            y  = windows(x) * weight, plus bias and residual
//   conv3dGradWeight  dw = windows(x)' * dy, summed over parts of the pixels in a fixed order
//   conv3dGradInput   dx = windows(dy) * weight', phase by phase of the strides (volume_input.h)
#include "../gemm/epilogue.h"
#include "volume_input.h"

namespace ocellus {
namespace {

struct Conv3dAttrs {
  VolumeAttrs conv;
  int32_t activation;
};
struct Gradient3dAttrs {
  int32_t size[3];  // inputSize or kernelSize
  VolumeAttrs conv;
};
struct Transpose3dAttrs {
  int32_t outputSize[3];
  VolumeAttrs conv;
  int32_t activation;
};

static inline void windowsOfVolume(const VolumeShape& s, const float* x, VolumeWindows& windows, Gemm& gemm) {
  if (isPointwise(s)) {
    gemm.a = x;
    gemm.aPitch = s.channels;
    gemm.aBatchStride = s.groupChannels;
    return;
  }
  windows.plane = {x,          s.y.size,   s.x.size,    s.channels,   s.groupChannels,
                   s.y.out,    s.x.out,    -s.y.before, -s.x.before,  s.y.stride,
                   s.x.stride, s.y.kernel, s.x.kernel,  s.y.dilation, s.x.dilation};
  windows.depth = s.z.size;
  windows.gridZ = s.z.out;
  windows.originZ = -s.z.before;
  windows.strideZ = s.z.stride;
  windows.stepZ = s.z.dilation;
  // Without a window in depth, planes are images.
  gemm.fill = isPointwise(s.z) ? fillWindows : fillVolumeWindows;
  gemm.fillSource = &windows;
}

static inline int64_t pixelsOf(const VolumeShape& s) { return s.batch * s.z.out * s.y.out * s.x.out; }
static inline int64_t tapsOf(const VolumeShape& s) { return s.z.kernel * s.y.kernel * s.x.kernel; }

// ---- conv3d

static inline VolumeShape shapeOfConv3d(const KernelContext& context) {
  return makeVolumeShape(context.inputs[0].dims, context.inputs[1].dims, context.outputs[0].dims,
                         attrsOf<Conv3dAttrs>(context).conv);
}

static const char* checkConv3d(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 4, 1, 1u << 2 | 1u << 3)) return error;
  const TensorView* in = context.inputs;
  const Conv3dAttrs& attrs = attrsOf<Conv3dAttrs>(context);
  if (const char* error = checkVolume(in[0], in[1], context.outputs[0], attrs.conv)) return error;
  if (const char* error = checkConvBias(in[2], context.outputs[0].dims[4])) return error;
  if (const char* error = checkConvResidual(in[3], context.outputs[0], attrs.conv.groups)) return error;
  return checkActivation(attrs.activation);
}

static inline Gemm gemmOfConv3d(const KernelContext& context, VolumeWindows& windows) {
  const VolumeShape s = shapeOfConv3d(context);
  const TensorView &bias = context.inputs[2], &residual = context.inputs[3];
  Gemm gemm = {};
  gemm.m = pixelsOf(s);
  gemm.n = s.groupFilters;
  gemm.k = tapsOf(s) * s.groupChannels;
  gemm.batch = s.groups;
  windowsOfVolume(s, f32(context.inputs[0]), windows, gemm);
  gemm.b = f32(context.inputs[1]);
  gemm.bPitch = s.filters;
  gemm.bBatchStride = s.groupFilters;
  gemm.c = f32(context.outputs[0]);
  gemm.cPitch = s.filters;
  gemm.cBatchStride = s.groupFilters;
  gemm.bias = bias.present ? f32(bias) : nullptr;
  gemm.biasBatchStride = s.groupFilters;
  gemm.residual = residual.present ? f32(residual) : nullptr;
  gemm.activation = attrsOf<Conv3dAttrs>(context).activation;
  return gemm;
}

static Workspace workspaceOfConv3d(const KernelContext& context) {
  VolumeWindows windows;
  return OCELLUS_ISA::gemmWorkspace(gemmOfConv3d(context, windows));
}

static const char* algorithmOfConv3d(const KernelContext& context) { return wayOf(shapeOfConv3d(context)); }

static void runConv3d(const KernelContext& context) {
  VolumeWindows windows;
  OCELLUS_ISA::runGemm(context, gemmOfConv3d(context, windows), context.scratch);
}

// ---- conv3dGradWeight

static inline VolumeShape shapeOfGradWeight3d(const KernelContext& context) {
  return makeVolumeShape(context.inputs[0].dims, context.outputs[0].dims, context.inputs[1].dims,
                         attrsOf<Gradient3dAttrs>(context).conv);
}

static const char* checkGradWeight3d(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 2, 1)) return error;
  const Gradient3dAttrs& attrs = attrsOf<Gradient3dAttrs>(context);
  const TensorView& dw = context.outputs[0];
  if (const char* error = checkVolume(context.inputs[0], dw, context.inputs[1], attrs.conv)) return error;
  for (int i = 0; i < 3; i++)
    if (dw.dims[i] != attrs.size[i]) return "expected an output of the given kernelSize";
  return nullptr;
}

static inline Gemm gemmOfGradWeight3d(const KernelContext& context, VolumeWindows& windows) {
  const VolumeShape s = shapeOfGradWeight3d(context);
  Gemm gemm = {};
  gemm.m = tapsOf(s) * s.groupChannels;
  gemm.n = s.groupFilters;
  gemm.k = pixelsOf(s);
  gemm.batch = s.groups;
  windowsOfVolume(s, f32(context.inputs[0]), windows, gemm);
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

static Workspace workspaceOfGradWeight3d(const KernelContext& context) {
  VolumeWindows windows;
  return OCELLUS_ISA::gemmWorkspace(gemmOfGradWeight3d(context, windows));
}

static const char* algorithmOfGradWeight3d(const KernelContext& context) { return wayOf(shapeOfGradWeight3d(context)); }

static void runGradWeight3d(const KernelContext& context) {
  VolumeWindows windows;
  OCELLUS_ISA::runGemm(context, gemmOfGradWeight3d(context, windows), context.scratch);
}

// ---- conv3dGradInput and conv3dTranspose

static inline VolumeGradient gradInput3dOf(const KernelContext& context) {
  const TensorView &dy = context.inputs[0], &weight = context.inputs[1], &dx = context.outputs[0];
  return {makeVolumeShape(dx.dims, weight.dims, dy.dims, attrsOf<Gradient3dAttrs>(context).conv),
          f32(dy),
          f32(weight),
          nullptr,
          f32(dx),
          0};
}

static const char* checkSize(const TensorView& volume, const int32_t* size) {
  for (int i = 0; i < 3; i++)
    if (volume.dims[1 + i] != size[i]) return "expected an output of the given size";
  return nullptr;
}

static const char* checkGradInput3d(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 2, 1)) return error;
  const Gradient3dAttrs& attrs = attrsOf<Gradient3dAttrs>(context);
  const TensorView& dx = context.outputs[0];
  if (const char* error = checkVolume(dx, context.inputs[1], context.inputs[0], attrs.conv)) return error;
  return checkSize(dx, attrs.size);
}

static Workspace workspaceOfGradInput3d(const KernelContext& context) {
  return workspaceOfVolumeGradient(gradInput3dOf(context));
}

static const char* algorithmOfGradInput3d(const KernelContext& context) {
  return wayOfVolumeGradient(gradInput3dOf(context).shape);
}

static void runGradInput3d(const KernelContext& context) { runVolumeGradient(context, gradInput3dOf(context)); }

static inline VolumeGradient transpose3dOf(const KernelContext& context) {
  const TensorView &x = context.inputs[0], &weight = context.inputs[1], &bias = context.inputs[2];
  const TensorView& y = context.outputs[0];
  const Transpose3dAttrs& attrs = attrsOf<Transpose3dAttrs>(context);
  return {makeVolumeShape(y.dims, weight.dims, x.dims, attrs.conv),
          f32(x),
          f32(weight),
          bias.present ? f32(bias) : nullptr,
          f32(y),
          attrs.activation};
}

static const char* checkTranspose3d(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 3, 1, 1u << 2)) return error;
  const Transpose3dAttrs& attrs = attrsOf<Transpose3dAttrs>(context);
  const TensorView& y = context.outputs[0];
  if (const char* error = checkVolume(y, context.inputs[1], context.inputs[0], attrs.conv)) return error;
  if (const char* error = checkConvBias(context.inputs[2], y.dims[4])) return error;
  if (const char* error = checkSize(y, attrs.outputSize)) return error;
  return checkActivation(attrs.activation);
}

static Workspace workspaceOfTranspose3d(const KernelContext& context) {
  return workspaceOfVolumeGradient(transpose3dOf(context));
}

static const char* algorithmOfTranspose3d(const KernelContext& context) {
  return wayOfVolumeGradient(transpose3dOf(context).shape);
}

static void runTranspose3d(const KernelContext& context) { runVolumeGradient(context, transpose3dOf(context)); }

const KernelEntry kEntries[] = {
    {"conv3d(x, weight, bias?, residual?) -> (y) {strides:i3, padding:i6, dilation:i3, groups:i, activation:i}",
     sizeof(Conv3dAttrs), checkConv3d, workspaceOfConv3d, runConv3d, algorithmOfConv3d},
    {"conv3dGradInput(dy, weight) -> (dx) {inputSize:i3, strides:i3, padding:i6, dilation:i3, groups:i}",
     sizeof(Gradient3dAttrs), checkGradInput3d, workspaceOfGradInput3d, runGradInput3d, algorithmOfGradInput3d},
    {"conv3dGradWeight(x, dy) -> (dw) {kernelSize:i3, strides:i3, padding:i6, dilation:i3, groups:i}",
     sizeof(Gradient3dAttrs), checkGradWeight3d, workspaceOfGradWeight3d, runGradWeight3d, algorithmOfGradWeight3d},
    {"conv3dTranspose(x, weight, bias?) -> (y) {outputSize:i3, strides:i3, padding:i6, dilation:i3, groups:i, "
     "activation:i}",
     sizeof(Transpose3dAttrs), checkTranspose3d, workspaceOfTranspose3d, runTranspose3d, algorithmOfTranspose3d},
};

}  // namespace

namespace OCELLUS_ISA {
extern const KernelFamily conv3dFamily;
const KernelFamily conv3dFamily = {kEntries, sizeof kEntries / sizeof kEntries[0]};
}  // namespace OCELLUS_ISA

}  // namespace ocellus
