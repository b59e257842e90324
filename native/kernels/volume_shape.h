// The shape of a 3D convolution, gathered from whichever tensors and attributes an op has, and the rules it must obey.
#pragma once

#include "conv_shape.h"

namespace ocellus {
namespace {

struct VolumeAttrs {
  int32_t strides[3];
  int32_t padding[6];  // before and after in depth, height and width
  int32_t dilation[3];
  int32_t groups;
};
// One spatial axis. `size` is the volume's, `out` the number of windows.
struct VolumeAxis {
  int64_t size, out, kernel, stride, before, after, dilation;
};

struct VolumeShape {
  int64_t batch, channels, filters, groups, groupChannels, groupFilters;
  VolumeAxis z, y, x;
};

static inline VolumeAxis axisOf(const int64_t* x, const int64_t* weight, const int64_t* y, const VolumeAttrs& a,
                                int i) {
  return {x[1 + i], y[1 + i], weight[i], a.strides[i], a.padding[2 * i], a.padding[2 * i + 1], a.dilation[i]};
}

static inline VolumeShape makeVolumeShape(const int64_t* x, const int64_t* weight, const int64_t* y,
                                          const VolumeAttrs& attrs) {
  const int64_t groups = attrs.groups;
  return {x[0],
          x[4],
          y[4],
          groups,
          groups > 0 ? x[4] / groups : 0,
          groups > 0 ? y[4] / groups : 0,
          axisOf(x, weight, y, attrs, 0),
          axisOf(x, weight, y, attrs, 1),
          axisOf(x, weight, y, attrs, 2)};
}

// `x`, `weight` and `y` stand for the forward convolution's tensors, whatever their part in the op is; checkFloatViews
// has passed.
static const char* checkVolume(const TensorView& x, const TensorView& weight, const TensorView& y,
                               const VolumeAttrs& attrs) {
  if (x.rank != 5 || weight.rank != 5 || y.rank != 5) return "expected tensors of rank 5";
  if (attrs.groups < 1) return "expected at least 1 group";
  if (x.dims[0] != y.dims[0]) return "expected input and output of equal batch size";
  if (x.dims[4] < 1 || y.dims[4] < 1) return "expected volumes with at least one channel";
  const VolumeShape s = makeVolumeShape(x.dims, weight.dims, y.dims, attrs);
  if (s.channels % s.groups != 0 || s.filters % s.groups != 0) return "expected groups that divide both channel counts";
  if (weight.dims[3] != s.groupChannels || weight.dims[4] != s.filters)
    return "expected a weight of shape [kernelZ, kernelY, kernelX, channels / groups, filters]";
  double work = (double)s.batch * (double)s.filters * (double)s.groupChannels;
  double volume = (double)s.batch * (double)s.channels;
  const VolumeAxis* const axes[] = {&s.z, &s.y, &s.x};
  for (const VolumeAxis* axis : axes) {
    if (axis->stride < 1 || axis->dilation < 1) return "expected strides and dilation of at least 1";
    if (axis->before < 0 || axis->before > kMaxPadding || axis->after < 0 || axis->after > kMaxPadding)
      return "expected padding from 0 to 16777216";
    if (axis->size < 1 || axis->out < 1 || axis->kernel < 1)
      return "expected volumes and kernels of at least one pixel";
    if (!outputSizeFits(axis->size, axis->before, axis->after, axis->kernel, axis->dilation, axis->stride, axis->out))
      return "the output size does not follow from input size, kernel, strides, padding and dilation";
    work *= (double)axis->out * (double)axis->kernel;
    volume *= (double)axis->size;
  }
  return work > 1e17 || volume > 1e17 ? "the convolution is too large" : nullptr;
}

static inline bool isPointwise(const VolumeAxis& a) {
  return a.kernel == 1 && a.stride == 1 && a.before == 0 && a.after == 0;
}
static inline bool isPointwise(const VolumeShape& s) {
  return isPointwise(s.z) && isPointwise(s.y) && isPointwise(s.x);
}

static inline const char* wayOf(const VolumeShape& s) { return isPointwise(s) ? "pointwise" : "im2col"; }

}  // namespace
}  // namespace ocellus
