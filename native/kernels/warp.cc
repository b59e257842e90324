// Affine movements of images, each sample by a matrix of its own: see src/ops/warp.ts. Places are doubles, so that
// whole ones stay whole; a pixel's channels lie side by side.
#include <math.h>

#include "common.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct MatrixAttrs {
  int32_t height, width;
  float flipColumns, flipRows;
  float angleLow, angleHigh, downLow, downHigh, rightLow, rightHigh;
  float tallLow, tallHigh, wideLow, wideHigh;
  int32_t proportional;
};
static_assert(sizeof(MatrixAttrs) == 60, "slots");

constexpr int64_t kDraws = 7;

const char* checkMatrix(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  const TensorView &draws = context.inputs[0], &matrix = context.outputs[0];
  if (draws.rank != 2 || draws.dims[1] != kDraws) return "expected seven numbers per sample";
  if (matrix.rank != 2 || matrix.dims[0] != draws.dims[0] || matrix.dims[1] != 6)
    return "expected six numbers per sample as output";
  return isFlag(attrsOf<MatrixAttrs>(context).proportional) ? nullptr : "expected proportional to be 0 or 1";
}

void runMatrix(const KernelContext& context) {
  const MatrixAttrs& attrs = attrsOf<MatrixAttrs>(context);
  const float* draws = f32(context.inputs[0]);
  float* matrix = f32(context.outputs[0]);
  const double middleX = (attrs.width - 1.0) / 2, middleY = (attrs.height - 1.0) / 2;
  for (int64_t n = 0; n < context.outputs[0].dims[0]; n++, draws += kDraws, matrix += 6) {
    const auto between = [&](int k, float low, float high) {
      return static_cast<double>(low) + (static_cast<double>(high) - static_cast<double>(low)) * draws[k];
    };
    const double angle = between(2, attrs.angleLow, attrs.angleHigh);
    const double x = middleX - between(4, attrs.rightLow, attrs.rightHigh);
    const double y = middleY - between(3, attrs.downLow, attrs.downHigh);
    const double tall = between(5, attrs.tallLow, attrs.tallHigh);
    const double wide = attrs.proportional ? tall : between(6, attrs.wideLow, attrs.wideHigh);
    const double columns = draws[0] < attrs.flipColumns ? -wide : wide;
    const double rows = draws[1] < attrs.flipRows ? -tall : tall;
    const double cosine = cos(angle), sine = sin(angle);
    const double a = cosine * columns, b = -sine * rows, c = sine * columns, d = cosine * rows;
    matrix[0] = static_cast<float>(a);
    matrix[1] = static_cast<float>(b);
    matrix[2] = static_cast<float>(x - a * middleX - b * middleY);
    matrix[3] = static_cast<float>(c);
    matrix[4] = static_cast<float>(d);
    matrix[5] = static_cast<float>(y - c * middleX - d * middleY);
  }
}

enum Interpolation : int32_t { kNearest = 0, kBilinear = 1 };
enum FillMode : int32_t { kReflect = 0, kWrap = 1, kEdge = 2, kConstant = 3 };

struct WarpAttrs {
  int32_t interpolation, fillMode;
  float fillValue;
};
static_assert(sizeof(WarpAttrs) == 12, "slots");

const char* checkWarp(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 2, 1)) return wrong;
  const TensorView &x = context.inputs[0], &matrix = context.inputs[1];
  const WarpAttrs& attrs = attrsOf<WarpAttrs>(context);
  if (attrs.interpolation != kNearest && attrs.interpolation != kBilinear) return "expected a known interpolation";
  if (attrs.fillMode < kReflect || attrs.fillMode > kConstant) return "expected a known fill mode";
  if (x.rank != 4 || !sameShape(x, context.outputs[0])) return "expected images and an output of their shape";
  if (x.dims[1] < 1 || x.dims[2] < 1) return "expected at least one pixel";
  if (matrix.rank != 2 || matrix.dims[0] != x.dims[0] || matrix.dims[1] != 6) return "expected six numbers per sample";
  return nullptr;
}

struct Images {
  int64_t samples, height, width, channels;
};

Images imagesOf(const TensorView& x) { return {x.dims[0], x.dims[1], x.dims[2], x.dims[3]}; }

// The place inside that stands for i, of `size`; -1: none.
inline int64_t inside(int64_t i, int64_t size, int32_t mode) {
  if (i >= 0 && i < size) return i;
  if (mode == kConstant) return -1;
  if (mode == kEdge) return i < 0 ? 0 : size - 1;
  const int64_t period = mode == kWrap ? size : 2 * size;
  const int64_t within = ((i % period) + period) % period;
  return within < size ? within : period - 1 - within;
}

// Places farther away are as good as infinite; NaN is one of them.
inline double limited(double place) {
  constexpr double kFarthest = 1e7;
  return place > -kFarthest ? (place < kFarthest ? place : kFarthest) : -kFarthest;
}

inline double placeX(const float* m, int64_t row, int64_t i) {
  return limited(static_cast<double>(m[0]) * static_cast<double>(i) +
                 (static_cast<double>(m[1]) * static_cast<double>(row) + static_cast<double>(m[2])));
}

// One of the up to four pixels that a place is made of.
struct Tap {
  int64_t offset;  // -1: outside
  float share;
};

struct Taps {
  Tap tap[4];
  int count;
};

inline Tap tapAt(const Images& images, int32_t mode, int64_t x, int64_t y, double share) {
  const int64_t column = inside(x, images.width, mode), row = inside(y, images.height, mode);
  const int64_t offset = column < 0 || row < 0 ? -1 : (row * images.width + column) * images.channels;
  return {offset, static_cast<float>(share)};
}

inline Taps tapsAt(const Images& images, const WarpAttrs& attrs, double x, double y) {
  const int32_t mode = attrs.fillMode;
  if (attrs.interpolation == kNearest) {
    const int64_t column = static_cast<int64_t>(__builtin_floor(x + 0.5));
    const int64_t row = static_cast<int64_t>(__builtin_floor(y + 0.5));
    return {{tapAt(images, mode, column, row, 1)}, 1};
  }
  const double left = __builtin_floor(x), top = __builtin_floor(y);
  const double right = x - left, below = y - top;
  const int64_t column = static_cast<int64_t>(left), row = static_cast<int64_t>(top);
  const double shares[4] = {(1 - right) * (1 - below), right * (1 - below), (1 - right) * below, right * below};
  if (column >= 0 && row >= 0 && column + 1 < images.width && row + 1 < images.height) {
    const int64_t offset = (row * images.width + column) * images.channels, down = images.width * images.channels;
    return {{{offset, static_cast<float>(shares[0])},
             {offset + images.channels, static_cast<float>(shares[1])},
             {offset + down, static_cast<float>(shares[2])},
             {offset + down + images.channels, static_cast<float>(shares[3])}},
            4};
  }
  return {{tapAt(images, mode, column, row, shares[0]), tapAt(images, mode, column + 1, row, shares[1]),
           tapAt(images, mode, column, row + 1, shares[2]), tapAt(images, mode, column + 1, row + 1, shares[3])},
          4};
}

void runWarp(const KernelContext& context) {
  const WarpAttrs& attrs = attrsOf<WarpAttrs>(context);
  const Images images = imagesOf(context.outputs[0]);
  const int64_t rowSize = images.width * images.channels, imageSize = images.height * rowSize;
  const float* x = f32(context.inputs[0]);
  const float* matrix = f32(context.inputs[1]);
  float* y = f32(context.outputs[0]);
  const int64_t cost = 32 * images.width + 4 * rowSize;
  parallelFor(context, images.samples * images.height, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t line = begin; line < end; line++) {
      const int64_t n = line / images.height, row = line % images.height;
      const float* from = x + n * imageSize;
      const float* m = matrix + 6 * n;
      float* to = y + line * rowSize;
      for (int64_t i = 0; i < images.width; i++, to += images.channels) {
        const Taps taps = tapsAt(images, attrs, placeX(m, row, i), placeX(m + 3, row, i));
        for (int64_t k = 0; k < images.channels; k++) {
          float sum = 0;
          for (int t = 0; t < taps.count; t++) {
            const Tap& tap = taps.tap[t];
            sum += tap.share * (tap.offset < 0 ? attrs.fillValue : from[tap.offset + k]);
          }
          to[k] = sum;
        }
      }
    }
  });
}

// Each pixel of dy goes where its value came from; several may meet there, so a sample belongs to one thread.
void runWarpGrad(const KernelContext& context) {
  const WarpAttrs& attrs = attrsOf<WarpAttrs>(context);
  const Images images = imagesOf(context.outputs[0]);
  const int64_t imageSize = images.height * images.width * images.channels;
  const float* dy = f32(context.inputs[0]);
  const float* matrix = f32(context.inputs[1]);
  float* dx = f32(context.outputs[0]);
  parallelFor(context, images.samples, grainFor(16 * imageSize), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t n = begin; n < end; n++) {
      const float* m = matrix + 6 * n;
      const float* from = dy + n * imageSize;
      float* to = dx + n * imageSize;
      memset(to, 0, static_cast<size_t>(imageSize) * sizeof(float));
      for (int64_t row = 0; row < images.height; row++) {
        for (int64_t i = 0; i < images.width; i++, from += images.channels) {
          const Taps taps = tapsAt(images, attrs, placeX(m, row, i), placeX(m + 3, row, i));
          for (int t = 0; t < taps.count; t++) {
            const Tap& tap = taps.tap[t];
            if (tap.offset < 0) continue;
            for (int64_t k = 0; k < images.channels; k++) to[tap.offset + k] += tap.share * from[k];
          }
        }
      }
    }
  });
}

const KernelEntry entries[] = {
    {"affineMatrix(draws) -> (matrix) {height:i, width:i, flipColumns:f, flipRows:f, angleLow:f, angleHigh:f, "
     "downLow:f, downHigh:f, rightLow:f, rightHigh:f, tallLow:f, tallHigh:f, wideLow:f, wideHigh:f, proportional:i}",
     sizeof(MatrixAttrs), checkMatrix, nullptr, runMatrix},
    {"affineWarp(x, matrix) -> (y) {interpolation:i, fillMode:i, fillValue:f}", sizeof(WarpAttrs), checkWarp, nullptr,
     runWarp},
    {"affineWarpGrad(dy, matrix) -> (dx) {interpolation:i, fillMode:i, fillValue:f}", sizeof(WarpAttrs), checkWarp,
     nullptr, runWarpGrad},
};

}  // namespace

extern const KernelFamily warpFamily;
const KernelFamily warpFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
