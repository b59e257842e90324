// Which algorithm computes a convolution, one of its gradients or its transpose. Shapes alone decide. Workspace, run
// and the name that a profile shows follow the one choice made here.
#pragma once

#include "conv_direct_weight.h"
#include "conv_fold.h"
#include "conv_input.h"
#include "conv_pixels_weight.h"
#include "depthwise.h"

namespace ocellus {
namespace {

enum class ConvWay { kDepthwise, kPointwise, kDirect, kPixels, kIm2col, kTurned, kFold, kGather };

static inline const char* nameOf(ConvWay way) {
  switch (way) {
    case ConvWay::kDepthwise:
      return "depthwise";
    case ConvWay::kPointwise:
      return "pointwise";
    case ConvWay::kDirect:
      return "direct";
    case ConvWay::kPixels:
      return "pixels";
    case ConvWay::kIm2col:
      return "im2col";
    case ConvWay::kTurned:
      return "turned direct";
    case ConvWay::kFold:
      return "fold";
    case ConvWay::kGather:
      return "gather";
  }
  return nullptr;
}

static inline ConvWay wayOfConv2d(const ConvShape& s) {
  if (isDepthwise(s)) return ConvWay::kDepthwise;
  if (isPointwise(s)) return ConvWay::kPointwise;
  if (suitsPixels(s)) return ConvWay::kPixels;
  return suitsDirect(s) ? ConvWay::kDirect : ConvWay::kIm2col;
}

static inline ConvWay wayOfGradWeight(const ConvShape& s) {
  if (isDepthwise(s)) return ConvWay::kDepthwise;
  if (suitsPixelsWeight(s)) return ConvWay::kPixels;
  if (suitsDirectWeight(s)) return ConvWay::kDirect;
  return isPointwise(s) ? ConvWay::kPointwise : ConvWay::kIm2col;
}

// At stride 1 the gradient of the input is folded, or a convolution of dy with the turned filter: the least work is
// taken, in multiply-adds of a vector. The batch has no say: an image must not get other sums in another batch.
static inline ConvWay wayOfInputGradient(const ConvShape& s) {
  if (isDepthwise(s)) return ConvWay::kDepthwise;
  if (isPointwise(s)) return ConvWay::kPointwise;
  if (s.strideX != 1 || s.strideY != 1) return ConvWay::kGather;
  const bool folds = suitsFold(s);
  const double folded = folds ? workOfFold(s) : __builtin_inf();
  const ConvShape turned = turnedOf(s);
  if (suitsPixels(turned) && workOfPixels(turned) < folded) return ConvWay::kPixels;
  if (suitsDirect(turned) && workOfDirect(turned) < folded) return ConvWay::kTurned;
  return folds ? ConvWay::kFold : ConvWay::kGather;
}

}  // namespace
}  // namespace ocellus
