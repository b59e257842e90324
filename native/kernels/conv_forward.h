// The forward convolutions. conv2d takes its weight as it is stored; packedConv2d one that packFilter has brought into
// the order in which products read it, once for many runs. Both compute the same sums in the same order: equal bits.
#pragma once

#include "../gemm/gemm.h"
#include "conv_way.h"
#include "windows.h"

namespace ocellus {
namespace {

struct Conv2dAttrs {
  ConvAttrs conv;
  int32_t activation;
};

struct PackedConv2dAttrs {
  int32_t kernelSize[2];
  int32_t filters;
  int32_t strides[2];
  int32_t padding[4];
  int32_t dilation[2];
  int32_t activation;
};

// ---- what both have in common

static inline void windowsOfInput(const ConvShape& s, const float* x, Windows& windows, Gemm& gemm) {
  if (isPointwise(s)) {
    gemm.a = x;
    gemm.aPitch = s.channels;
    gemm.aBatchStride = s.groupChannels;
    return;
  }
  windows = {x,       s.height,  s.width,   s.channels, s.groupChannels, s.outY,      s.outX,     -s.top,
             -s.left, s.strideY, s.strideX, s.kernelY,  s.kernelX,       s.dilationY, s.dilationX};
  gemm.fill = fillWindows;
  gemm.fillSource = &windows;
}

static inline Gemm gemmOfForward(const Direct& d, Windows& windows) {
  const ConvShape& s = d.shape;
  Gemm gemm = {};
  gemm.m = s.batch * s.outY * s.outX;
  gemm.n = s.groupFilters;
  gemm.k = s.kernelY * s.kernelX * s.groupChannels;
  gemm.batch = s.groups;
  windowsOfInput(s, d.x, windows, gemm);
  gemm.b = d.weight;
  gemm.bPitch = s.filters;
  gemm.bBatchStride = s.groupFilters;
  gemm.bPacked = d.form == WeightForm::kPacked;
  gemm.c = d.y;
  gemm.cPitch = s.filters;
  gemm.cBatchStride = s.groupFilters;
  gemm.bias = d.bias;
  gemm.biasBatchStride = s.groupFilters;
  gemm.residual = d.residual;
  gemm.activation = d.activation;
  return gemm;
}

static Workspace workspaceOfForward(const Direct& d) {
  const ConvWay way = wayOfConv2d(d.shape);
  if (way == ConvWay::kDepthwise) return {0, 0};
  if (way == ConvWay::kDirect) return workspaceOfDirect(d.shape, d.form);
  if (way == ConvWay::kPixels) return workspaceOfPixels(d.shape);
  Windows windows;
  return OCELLUS_ISA::gemmWorkspace(gemmOfForward(d, windows));
}

static void runForward(const KernelContext& context, const Direct& d) {
  const ConvWay way = wayOfConv2d(d.shape);
  if (way == ConvWay::kDepthwise) return runDepthwise(context, d.shape, d.x, d.weight, d.bias, d.activation, d.y);
  if (way == ConvWay::kDirect) return runDirect(context, d);
  if (way == ConvWay::kPixels) return runPixels(context, d);
  Windows windows;
  OCELLUS_ISA::runGemm(context, gemmOfForward(d, windows), context.scratch);
}

static inline const float* floatsOrNull(const TensorView& view) { return view.present ? f32(view) : nullptr; }

// Inputs 2 and 3.
static const char* checkAddends(const KernelContext& context, int32_t groups) {
  const TensorView& y = context.outputs[0];
  if (const char* error = checkConvBias(context.inputs[2], y.dims[3])) return error;
  return checkConvResidual(context.inputs[3], y, groups);
}

// ---- conv2d

static inline Direct forwardOfConv2d(const KernelContext& context) {
  const TensorView &x = context.inputs[0], &weight = context.inputs[1], &y = context.outputs[0];
  const Conv2dAttrs& attrs = attrsOf<Conv2dAttrs>(context);
  return {makeConvShape(x.dims, weight.dims, y.dims, attrs.conv),
          f32(x),
          f32(weight),
          WeightForm::kStored,
          floatsOrNull(context.inputs[2]),
          floatsOrNull(context.inputs[3]),
          attrs.activation,
          f32(y)};
}

static const char* checkConv2d(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 4, 1, 1u << 2 | 1u << 3)) return error;
  const TensorView* in = context.inputs;
  const Conv2dAttrs& attrs = attrsOf<Conv2dAttrs>(context);
  if (const char* error = checkConv(in[0], in[1], context.outputs[0], attrs.conv)) return error;
  if (const char* error = checkAddends(context, attrs.conv.groups)) return error;
  return checkActivation(attrs.activation);
}

static Workspace workspaceOfConv2d(const KernelContext& context) {
  return workspaceOfForward(forwardOfConv2d(context));
}

static const char* algorithmOfConv2d(const KernelContext& context) {
  return nameOf(wayOfConv2d(forwardOfConv2d(context).shape));
}

static void runConv2d(const KernelContext& context) { runForward(context, forwardOfConv2d(context)); }

// ---- packFilter

static inline bool isPackedFilter(const TensorView& packed, int64_t k, int64_t filters) {
  return packed.rank == 3 && packed.dims[0] == ceilDiv(filters, kPackedColumns) && packed.dims[1] == k &&
         packed.dims[2] == kPackedColumns;
}

static const char* checkPackFilter(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 1, 1)) return error;
  const TensorView& weight = context.inputs[0];
  if (weight.rank != 4 || weight.size < 1) return "expected a weight [kernelY, kernelX, channels, filters]";
  const int64_t filters = weight.dims[3];
  const bool fits = isPackedFilter(context.outputs[0], weight.size / filters, filters);
  return fits ? nullptr : "expected an output [panels, kernelY * kernelX * channels, 32]";
}

static void runPackFilter(const KernelContext& context) {
  const TensorView &weight = context.inputs[0], &packed = context.outputs[0];
  const int64_t filters = weight.dims[3], k = packed.dims[1], panelFloats = k * kPackedColumns;
  parallelFor(context, packed.dims[0], grainFor(8 * panelFloats), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t panel = begin; panel < end; panel++) {
      const int64_t first = panel * kPackedColumns;
      packColumns(f32(weight) + first, filters, minOf(kPackedColumns, filters - first), k,
                  f32(packed) + panel * panelFloats, kPackedColumns);
    }
  });
}

// ---- packedConv2d

// The conv2d that is computed: its weight before it was packed, and its attributes.
struct Unpacked {
  TensorView weight;
  Conv2dAttrs attrs;
};

static inline Unpacked unpackedOf(const KernelContext& context) {
  const PackedConv2dAttrs& a = attrsOf<PackedConv2dAttrs>(context);
  Unpacked of = {};
  of.weight.rank = 4;
  of.weight.dims[0] = a.kernelSize[0];
  of.weight.dims[1] = a.kernelSize[1];
  of.weight.dims[2] = context.inputs[0].dims[3];
  of.weight.dims[3] = a.filters;
  of.attrs.conv = {{a.strides[0], a.strides[1]},
                   {a.padding[0], a.padding[1], a.padding[2], a.padding[3]},
                   {a.dilation[0], a.dilation[1]},
                   1};
  of.attrs.activation = a.activation;
  return of;
}

static inline Direct forwardOfPacked(const KernelContext& context) {
  const TensorView &x = context.inputs[0], &y = context.outputs[0];
  const Unpacked of = unpackedOf(context);
  return {makeConvShape(x.dims, of.weight.dims, y.dims, of.attrs.conv),
          f32(x),
          f32(context.inputs[1]),
          WeightForm::kPacked,
          floatsOrNull(context.inputs[2]),
          floatsOrNull(context.inputs[3]),
          of.attrs.activation,
          f32(y)};
}

static const char* checkPackedConv2d(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 4, 1, 1u << 2 | 1u << 3)) return error;
  const TensorView* in = context.inputs;
  const Unpacked of = unpackedOf(context);
  if (const char* error = checkConv(in[0], of.weight, context.outputs[0], of.attrs.conv)) return error;
  const int64_t* weight = of.weight.dims;
  if (!isPackedFilter(in[1], weight[0] * weight[1] * weight[2], weight[3]))
    return "expected a packed weight [panels, kernelY * kernelX * channels, 32]";
  if (const char* error = checkAddends(context, 1)) return error;
  return checkActivation(of.attrs.activation);
}

static Workspace workspaceOfPacked(const KernelContext& context) {
  return workspaceOfForward(forwardOfPacked(context));
}

static const char* algorithmOfPacked(const KernelContext& context) {
  return nameOf(wayOfConv2d(forwardOfPacked(context).shape));
}

static void runPackedConv2d(const KernelContext& context) { runForward(context, forwardOfPacked(context)); }

}  // namespace
}  // namespace ocellus
