// The shape of a 2D convolution, gathered from whichever tensors and attributes an op has, and the rules it must obey.
#pragma once

#include "common.h"

namespace ocellus {
namespace {

// Keeps every product of a position and a number of channels inside 64 bits.
constexpr int32_t kMaxPadding = 1 << 24;

struct ConvAttrs {
  int32_t strides[2];
  int32_t padding[4];  // top, bottom, left, right
  int32_t dilation[2];
  int32_t groups;
};

// x [batch, height, width, channels], weight [kernelY, kernelX, channels / groups, filters], y [batch, outY, outX,
// filters]
struct ConvShape {
  int64_t batch, height, width, channels;
  int64_t outY, outX, filters;
  int64_t kernelY, kernelX;
  int64_t strideY, strideX, top, bottom, left, right, dilationY, dilationX;
  int64_t groups, groupChannels, groupFilters;
};

static inline bool outputSizeFits(int64_t size, int64_t before, int64_t after, int64_t kernel, int64_t dilation,
                                  int64_t stride, int64_t out) {
  const int64_t room = size + before + after - ((kernel - 1) * dilation + 1);
  return room >= 0 && out == room / stride + 1;
}

static inline ConvShape makeConvShape(const int64_t* x, const int64_t* weight, const int64_t* y,
                                      const ConvAttrs& attrs) {
  ConvShape s;
  s.batch = x[0];
  s.height = x[1];
  s.width = x[2];
  s.channels = x[3];
  s.outY = y[1];
  s.outX = y[2];
  s.filters = y[3];
  s.kernelY = weight[0];
  s.kernelX = weight[1];
  s.strideY = attrs.strides[0];
  s.strideX = attrs.strides[1];
  s.top = attrs.padding[0];
  s.bottom = attrs.padding[1];
  s.left = attrs.padding[2];
  s.right = attrs.padding[3];
  s.dilationY = attrs.dilation[0];
  s.dilationX = attrs.dilation[1];
  s.groups = attrs.groups;
  s.groupChannels = attrs.groups > 0 ? s.channels / attrs.groups : 0;
  s.groupFilters = attrs.groups > 0 ? s.filters / attrs.groups : 0;
  return s;
}

// A kernel of one pixel at every pixel: the image itself is the matrix of windows.
static inline bool isPointwise(const ConvShape& s) {
  return s.kernelY == 1 && s.kernelX == 1 && s.strideY == 1 && s.strideX == 1 && s.top == 0 && s.left == 0 &&
         s.bottom == 0 && s.right == 0;
}

// The gradient of a stride-1 convolution's input as a convolution itself: of dy, with the filter turned by 180 degrees.
// Margins may become negative: pixels cut off.
static inline ConvShape turnedOf(const ConvShape& s) {
  ConvShape t = s;
  t.height = s.outY;
  t.width = s.outX;
  t.channels = s.filters;
  t.outY = s.height;
  t.outX = s.width;
  t.filters = s.channels;
  t.groupChannels = s.groupFilters;
  t.groupFilters = s.groupChannels;
  t.top = (s.kernelY - 1) * s.dilationY - s.top;
  t.left = (s.kernelX - 1) * s.dilationX - s.left;
  return t;
}

// `x`, `weight` and `y` stand for the forward convolution's tensors, whatever their part in the op is; checkFloatViews
// has passed.
static inline const char* checkConv(const TensorView& x, const TensorView& weight, const TensorView& y,
                                    const ConvAttrs& attrs) {
  if (x.rank != 4 || weight.rank != 4 || y.rank != 4) return "expected tensors of rank 4";
  for (int i = 0; i < 2; i++)
    if (attrs.strides[i] < 1 || attrs.dilation[i] < 1) return "expected strides and dilation of at least 1";
  for (int i = 0; i < 4; i++)
    if (attrs.padding[i] < 0 || attrs.padding[i] > kMaxPadding) return "expected padding from 0 to 16777216";
  if (attrs.groups < 1) return "expected at least 1 group";
  for (int i = 1; i < 4; i++)
    if (x.dims[i] < 1 || y.dims[i] < 1) return "expected images with at least one pixel and one channel";
  if (weight.dims[0] < 1 || weight.dims[1] < 1) return "expected a kernel of at least 1x1";
  if (x.dims[0] != y.dims[0]) return "expected input and output of equal batch size";
  const ConvShape s = makeConvShape(x.dims, weight.dims, y.dims, attrs);
  if (s.channels % s.groups != 0 || s.filters % s.groups != 0) return "expected groups that divide both channel counts";
  if (weight.dims[2] != s.groupChannels || weight.dims[3] != s.filters)
    return "expected a weight of shape [kernelY, kernelX, channels / groups, filters]";
  if (!outputSizeFits(s.height, s.top, s.bottom, s.kernelY, s.dilationY, s.strideY, s.outY) ||
      !outputSizeFits(s.width, s.left, s.right, s.kernelX, s.dilationX, s.strideX, s.outX))
    return "the output size does not follow from input size, kernel, strides, padding and dilation";
  const double work = (double)s.batch * (double)s.outY * (double)s.outX * (double)s.filters * (double)s.kernelY *
                      (double)s.kernelX * (double)s.groupChannels;
  const double image = (double)s.batch * (double)s.height * (double)s.width * (double)s.channels;
  if (work > 1e17 || image > 1e17) return "the convolution is too large";
  return nullptr;
}

static inline const char* checkConvBias(const TensorView& bias, int64_t channels) {
  if (!bias.present) return nullptr;
  if (bias.rank != 1 || bias.dims[0] != channels) return "expected a bias of one value per output channel";
  return nullptr;
}

// Of a tensor like the output.
static inline const char* checkConvResidual(const TensorView& residual, const TensorView& y, int32_t groups) {
  if (!residual.present) return nullptr;
  if (!sameShape(residual, y)) return "expected a residual of the shape of the output";
  return groups == 1 ? nullptr : "expected no residual beside groups";
}

}  // namespace
}  // namespace ocellus
