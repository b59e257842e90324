// Depthwise convolution: one filter per channel, so there is no matrix product to be had, only memory to be read once.
// Vectors run along channels; the weight [kernelY, kernelX, 1, channels] is a vector per tap already. Rows of pixels
// are the unit of work; where a window lies inside the image, neighbouring outputs share the loads of their pixels.
//   y[oy, ox, c] = sum over taps w[ky, kx, c] * x[oy * stride + ky * dilation - top, ox * stride + kx * dilation -
//   left, c]
#pragma once

#include "../gemm/epilogue.h"
#include "conv_shape.h"

namespace ocellus {
namespace {

constexpr int64_t kMostTaps = 64;
// Parts of the rows whose sums of a weight gradient are kept apart, then added in order.
constexpr int64_t kDepthwiseParts = 16;
// Outputs computed together along a row: their sums, the pixels under them and three weights fit into registers.
constexpr int kRun = kVecWidth == 16 ? 8 : 4;

#define OCELLUS_UNROLL _Pragma("GCC unroll 16")

static inline bool isDepthwise(const ConvShape& s) {
  return s.groups > 1 && s.groupChannels == 1 && s.groupFilters == 1 && s.kernelY * s.kernelX <= kMostTaps;
}

// One tap of one output pixel: a vector of weights and a pixel of as many channels.
struct Tap {
  const float* weight;
  const float* pixel;
};

template <class Finish>
static inline void sumTaps(const Tap* taps, int count, int64_t channels, const float* bias, const Finish& finish,
                           float* out) {
  forVectors(0, channels, [&](int64_t c, auto lanes) {
    Vec sum = bias ? load(bias + c, lanes) : zero();
    for (int t = 0; t < count; t++) sum = fma(load(taps[t].weight + c, lanes), load(taps[t].pixel + c, lanes), sum);
    store(out + c, finish(sum), lanes);
  });
}

// First and past-the-last output along an axis whose whole window lies inside.
static inline int64_t firstInside(int64_t before, int64_t stride) { return before <= 0 ? 0 : ceilDiv(before, stride); }
static inline int64_t pastInside(int64_t size, int64_t before, int64_t stride, int64_t span, int64_t out) {
  const int64_t room = size + before - span;
  return room < 0 ? 0 : minOf(out, room / stride + 1);
}

// Three taps side by side at stride 1: kRun outputs from kRun + 2 pixels per row of the kernel.
template <class Lanes, class Finish>
static inline void runOfThree(const ConvShape& s, const float* weight, const float* pixel, const float* bias, int64_t c,
                              Lanes lanes, const Finish& finish, float* out) {
  const int64_t channels = s.channels;
  Vec sum[kRun];
  const Vec start = bias ? load(bias + c, lanes) : zero();
  OCELLUS_UNROLL
  for (int i = 0; i < kRun; i++) sum[i] = start;
  for (int64_t ky = 0; ky < s.kernelY; ky++) {
    const float* row = pixel + ky * s.dilationY * s.width * channels + c;
    const float* taps = weight + ky * 3 * channels + c;
    Vec pixels[kRun + 2];
    OCELLUS_UNROLL
    for (int i = 0; i < kRun + 2; i++) pixels[i] = load(row + i * channels, lanes);
    OCELLUS_UNROLL
    for (int kx = 0; kx < 3; kx++) {
      const Vec w = load(taps + kx * channels, lanes);
      OCELLUS_UNROLL
      for (int i = 0; i < kRun; i++) sum[i] = fma(w, pixels[i + kx], sum[i]);
    }
  }
  OCELLUS_UNROLL
  for (int i = 0; i < kRun; i++) store(out + i * channels + c, finish(sum[i]), lanes);
}

// One row of outputs of a convolution of any stride and dilation.
template <class Finish>
static void depthwiseRow(const ConvShape& s, const float* image, const float* weight, const float* bias, int64_t oy,
                         const Finish& finish, float* out) {
  const int64_t y0 = oy * s.strideY - s.top, channels = s.channels;
  const int64_t spanY = (s.kernelY - 1) * s.dilationY + 1, spanX = (s.kernelX - 1) * s.dilationX + 1;
  const bool rowsInside = y0 >= 0 && y0 + spanY <= s.height;
  const bool fast = rowsInside && s.kernelX == 3 && s.strideX == 1 && s.dilationX == 1;
  const int64_t from = firstInside(s.left, s.strideX);
  const int64_t past = fast ? pastInside(s.width, s.left, s.strideX, spanX, s.outX) : 0;
  for (int64_t ox = 0; ox < s.outX;) {
    if (ox >= from && ox + kRun <= past) {
      const float* pixel = image + (y0 * s.width + ox - s.left) * channels;
      forVectors(0, channels, [&](int64_t c, auto lanes) {
        runOfThree(s, weight, pixel, bias, c, lanes, finish, out + ox * channels);
      });
      ox += kRun;
      continue;
    }
    Tap taps[kMostTaps];
    int count = 0;
    for (int64_t ky = 0; ky < s.kernelY; ky++) {
      const int64_t y = y0 + ky * s.dilationY;
      if (y < 0 || y >= s.height) continue;
      for (int64_t kx = 0; kx < s.kernelX; kx++) {
        const int64_t x = ox * s.strideX - s.left + kx * s.dilationX;
        if (x < 0 || x >= s.width) continue;
        taps[count++] = {weight + (ky * s.kernelX + kx) * channels, image + (y * s.width + x) * channels};
      }
    }
    sumTaps(taps, count, channels, bias, finish, out + ox * channels);
    ox++;
  }
}

// Rows of outputs, in parallel; a task moves about kChunkBytes.
template <class F>
static inline void parallelRows(const KernelContext& context, int64_t rows, int64_t bytes, const F& body) {
  parallelFor(context, rows, grainFor(bytes), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t row = begin; row < end; row++) body(row);
  });
}

template <class Finish>
static void depthwiseForward(const KernelContext& context, const ConvShape& s, const float* x, const float* weight,
                             const float* bias, const Finish& finish, float* y) {
  const int64_t bytes = 4 * s.channels * (s.outX + s.strideY * s.width);
  parallelRows(context, s.batch * s.outY, bytes, [&](int64_t row) {
    const float* image = x + row / s.outY * s.height * s.width * s.channels;
    depthwiseRow(s, image, weight, bias, row % s.outY, finish, y + row * s.outX * s.channels);
  });
}

static void runDepthwise(const KernelContext& context, const ConvShape& s, const float* x, const float* weight,
                         const float* bias, int32_t activation, float* y) {
  withActivation(activation, [&](const auto& finish) { depthwiseForward(context, s, x, weight, bias, finish, y); });
}

// ---- gradient of the input -----------------------------------------------------------------------------------------

// The turned filter, at stride 1.
static inline Workspace workspaceOfDepthwiseInput(const ConvShape& s) {
  return {s.kernelY * s.kernelX * s.channels * 4, 0};
}

// Outputs whose window covers input `position`, along one axis: taps of the kernel and where they point.
struct Reached {
  int64_t tap[kMostTaps];
  int64_t output[kMostTaps];
  int count;
};

static inline void reach(int64_t position, int64_t before, int64_t stride, int64_t dilation, int64_t kernel,
                         int64_t out, Reached& reached) {
  reached.count = 0;
  for (int64_t k = 0; k < kernel; k++) {
    const int64_t at = position + before - k * dilation;
    if (at < 0 || at % stride != 0 || at / stride >= out) continue;
    reached.tap[reached.count] = k;
    reached.output[reached.count++] = at / stride;
  }
}

static void runDepthwiseInput(const KernelContext& context, const ConvShape& s, const float* dy, const float* weight,
                              const float* bias, int32_t activation, float* dx) {
  const int64_t channels = s.channels, taps = s.kernelY * s.kernelX;
  if (s.strideY == 1 && s.strideX == 1) {
    float* flipped = reinterpret_cast<float*>(context.scratch);
    for (int64_t t = 0; t < taps; t++)
      memmove(flipped + t * channels, weight + (taps - 1 - t) * channels, static_cast<size_t>(channels) * 4);
    return runDepthwise(context, turnedOf(s), dy, flipped, bias, activation, dx);
  }
  const int64_t bytes = 4 * channels * (s.width + s.outX);
  parallelRows(context, s.batch * s.height, bytes, [&](int64_t row) {
    const float* image = dy + row / s.height * s.outY * s.outX * channels;
    Reached down, across;
    reach(row % s.height, s.top, s.strideY, s.dilationY, s.kernelY, s.outY, down);
    for (int64_t x = 0; x < s.width; x++) {
      reach(x, s.left, s.strideX, s.dilationX, s.kernelX, s.outX, across);
      Tap list[kMostTaps];
      int count = 0;
      for (int i = 0; i < down.count; i++)
        for (int j = 0; j < across.count; j++)
          list[count++] = {weight + (down.tap[i] * s.kernelX + across.tap[j]) * channels,
                           image + (down.output[i] * s.outX + across.output[j]) * channels};
      float* out = dx + (row * s.width + x) * channels;
      withActivation(activation, [&](const auto& finish) { sumTaps(list, count, channels, bias, finish, out); });
    }
  });
}

// ---- gradient of the weight ----------------------------------------------------------------------------------------

static inline int64_t partsOf(const ConvShape& s) { return maxOf(1, minOf(kDepthwiseParts, s.batch * s.outY)); }

static inline Workspace workspaceOfDepthwiseWeight(const ConvShape& s) {
  return {partsOf(s) * s.kernelY * s.kernelX * s.channels * 4, 0};
}

// All nine taps at once, for outputs [from, past) whose windows lie inside.
template <class Lanes>
static inline void addNineTaps(const ConvShape& s, const float* x, const float* dy, int64_t from, int64_t past,
                               int64_t c, Lanes lanes, float* sums) {
  const int64_t channels = s.channels, rowPitch = s.dilationY * s.width * channels;
  Vec sum[9];
  OCELLUS_UNROLL
  for (int t = 0; t < 9; t++) sum[t] = load(sums + t * channels + c, lanes);
  for (int64_t ox = from; ox < past; ox++) {
    const Vec g = load(dy + ox * channels + c, lanes);
    const float* pixel = x + ox * s.strideX * channels + c;
    OCELLUS_UNROLL
    for (int t = 0; t < 9; t++) {
      const Vec p = load(pixel + t / 3 * rowPitch + t % 3 * s.dilationX * channels, lanes);
      sum[t] = fma(g, p, sum[t]);
    }
  }
  OCELLUS_UNROLL
  for (int t = 0; t < 9; t++) store(sums + t * channels + c, sum[t], lanes);
}

// Adds the products of one row of dy to the sums of all taps.
static void addRow(const ConvShape& s, const float* image, const float* dy, int64_t oy, float* sums) {
  const int64_t y0 = oy * s.strideY - s.top, channels = s.channels;
  const int64_t spanY = (s.kernelY - 1) * s.dilationY + 1, spanX = (s.kernelX - 1) * s.dilationX + 1;
  const bool fast = s.kernelY == 3 && s.kernelX == 3 && y0 >= 0 && y0 + spanY <= s.height;
  const int64_t from = firstInside(s.left, s.strideX);
  const int64_t past = fast ? maxOf(from, pastInside(s.width, s.left, s.strideX, spanX, s.outX)) : from;
  if (fast) {
    const float* x = image + (y0 * s.width - s.left) * channels;
    forVectors(0, channels, [&](int64_t c, auto lanes) { addNineTaps(s, x, dy, from, past, c, lanes, sums); });
  }
  for (int64_t ky = 0; ky < s.kernelY; ky++) {
    const int64_t y = y0 + ky * s.dilationY;
    if (y < 0 || y >= s.height) continue;
    for (int64_t kx = 0; kx < s.kernelX; kx++) {
      float* sum = sums + (ky * s.kernelX + kx) * channels;
      for (int64_t ox = 0; ox < s.outX; ox++) {
        if (ox == from) ox = past;
        const int64_t x = ox * s.strideX - s.left + kx * s.dilationX;
        if (ox >= s.outX || x < 0 || x >= s.width) continue;
        const float *g = dy + ox * channels, *p = image + (y * s.width + x) * channels;
        forVectors(0, channels, [&](int64_t c, auto lanes) {
          store(sum + c, fma(load(g + c, lanes), load(p + c, lanes), load(sum + c, lanes)), lanes);
        });
      }
    }
  }
}

static void runDepthwiseWeight(const KernelContext& context, const ConvShape& s, const float* x, const float* dy,
                               float* dw) {
  const int64_t parts = partsOf(s), rows = s.batch * s.outY, size = s.kernelY * s.kernelX * s.channels;
  float* sums = reinterpret_cast<float*>(context.scratch);
  parallelFor(context, parts, 1, [&](int64_t part, int64_t, int32_t) {
    float* own = sums + part * size;
    memset(own, 0, static_cast<size_t>(size) * 4);
    for (int64_t row = rows * part / parts; row < rows * (part + 1) / parts; row++) {
      const float* image = x + row / s.outY * s.height * s.width * s.channels;
      addRow(s, image, dy + row * s.outX * s.channels, row % s.outY, own);
    }
  });
  parallelVectors(context, size, 4 * parts, [&](int64_t i, auto lanes) {
    Vec sum = load(sums + i, lanes);
    for (int64_t part = 1; part < parts; part++) sum = add(sum, load(sums + part * size + i, lanes));
    store(dw + i, sum, lanes);
  });
}

#undef OCELLUS_UNROLL

}  // namespace
}  // namespace ocellus
