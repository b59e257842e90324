// Images as planes, for kernels whose vectors run along neighbouring pixels instead of channels. A block of rows of an
// NHWC image is copied to [channel][row][pitch] with zeros around it. Rows follow each other without a gap, so that all
// pixels of a block are one long axis: pixel p = row * pitch + x has what its window's tap (ky, kx) meets at
// p + ky * dilationY * pitch + kx * dilationX. The zeros right of a row are also those left of the next; pixels with
// x >= outX are computed and dropped.
#pragma once

#include "../gemm/pack.h"
#include "../simd/narrow.h"
#include "conv_direct.h"
#include "conv_shape.h"

namespace ocellus {
namespace {

struct PlanesPlan {
  int64_t reachY, reachX;     // from the first to the last tap of a window
  int64_t pitch;              // pixels from row to row
  int64_t before, used;       // zeros left of a row, and pixels of the image behind them
  int64_t blockRows, blocks;  // output rows of a task's block; blocks of an image
  int64_t inputRows;          // rows under a block
  int64_t planeFloats;        // one channel of a block
};

// `planes`: how many planes a block of a kernel has.
static inline PlanesPlan planesOf(const ConvShape& s, int64_t planes) {
  PlanesPlan p;
  p.reachY = (s.kernelY - 1) * s.dilationY;
  p.reachX = (s.kernelX - 1) * s.dilationX;
  const int64_t span = s.outX + p.reachX;
  p.before = minOf(s.left, span);
  p.used = minOf(s.width, span - p.before);
  p.pitch = maxOf(maxOf(s.outX, p.before + p.used), span - p.before);
  const int64_t rows = maxOf(1, kRowBytes / (4 * planes * p.pitch) - p.reachY);
  p.blocks = minOf(s.outY, maxOf(ceilDiv(s.outY, rows), ceilDiv(kLeastBlocks, maxOf(1, s.batch))));
  p.blockRows = ceilDiv(s.outY, p.blocks);
  p.inputRows = p.blockRows + p.reachY;
  p.planeFloats = goodPitch(p.inputRows * p.pitch + p.reachX + kVecWidth);
  return p;
}

// Pixels of `rows` output rows, from the first to the last that counts.
static inline int64_t pixelsOf(const ConvShape& s, const PlanesPlan& p, int64_t rows) {
  return (rows - 1) * p.pitch + s.outX;
}

// Where the taps of a window lie, counted from its pixel in the first plane: [kernelY][kernelX][channels].
static inline void findTaps(const ConvShape& s, const PlanesPlan& p, int64_t* offsets) {
  for (int64_t ky = 0; ky < s.kernelY; ky++) {
    for (int64_t kx = 0; kx < s.kernelX; kx++) {
      const int64_t tap = ky * s.dilationY * p.pitch + kx * s.dilationX;
      for (int64_t c = 0; c < s.channels; c++) *offsets++ = tap + c * p.planeFloats;
    }
  }
}

#define OCELLUS_UNROLL _Pragma("GCC unroll 16")

// kVecWidth pixels to planes; zeros past the first `count`.
template <int kMost, bool kWhole>
static inline void splitPixels(const float* pixels, int64_t pitch, int64_t count, int64_t channels, float* planes,
                               int64_t plane) {
  Vec square[kVecWidth];
  OCELLUS_UNROLL
  for (int i = 0; i < kVecWidth; i++)
    square[i] = kWhole || i < count ? loadNarrow<kMost>(pixels + i * pitch, channels) : zero();
  transposeTo<kMost>(square);
  OCELLUS_UNROLL
  for (int c = 0; c < kMost; c++)
    if (c < channels) store(planes + c * plane, square[c]);
}

// A row of `count` pixels to the planes of their channels. Zeros may follow it, as much as a vector less one.
static inline void splitRow(const float* row, int64_t channels, int64_t count, float* planes, int64_t plane) {
  if (channels == 1)
    return forVectors(0, count, [&](int64_t i, auto lanes) { store(planes + i, load(row + i, lanes)); });
  for (int64_t c = 0; c < channels; c += kVecWidth) {
    const int64_t some = minOf(kVecWidth, channels - c);
    withNarrow(some, [&](auto lanes) {
      constexpr int kMost = decltype(lanes)::kMost;
      const float* from = row + c;
      float* to = planes + c * plane;
      if (count < kVecWidth) return splitPixels<kMost, false>(from, channels, count, some, to, plane);
      // The last vector overlaps the one before instead of being short.
      for (int64_t i = 0; i < count; i += kVecWidth) {
        const int64_t first = minOf(i, count - kVecWidth);
        splitPixels<kMost, true>(from + first * channels, channels, count, some, to + first, plane);
      }
    });
  }
}

// The way back for at most kVecWidth channels: `count` pixels of planes to a row of y. More than a pixel is stored for
// each, over those that come next, but nothing from `end` on.
static inline void joinRow(const float* planes, int64_t plane, int64_t channels, int64_t count, float* row,
                           const float* end) {
  withNarrow(channels, [&](auto lanes) {
    constexpr int kMost = decltype(lanes)::kMost;
    for (int64_t i = 0; i < count; i += kVecWidth) {
      const int64_t first = maxOf(0, minOf(i, count - kVecWidth)), last = minOf(count, kVecWidth) - 1;
      Vec square[kVecWidth];
      OCELLUS_UNROLL
      for (int c = 0; c < kVecWidth; c++)
        square[c] = c < kMost && c < channels ? load(planes + c * plane + first) : zero();
      transposeFrom<kMost>(square);
      float* to = row + first * channels;
      const bool inside = to + last * channels + kVecWidth <= end;
      OCELLUS_UNROLL
      for (int j = 0; j < kVecWidth; j++) {
        if (j > last) break;
        if (inside) {
          storeNarrow<kMost>(to + j * channels, square[j]);
        } else {
          storePartial(to + j * channels, square[j], channels);
        }
      }
    }
  });
}

// `count` rows, one after another so that a row replaces zeros that follow the one before.
static inline void splitRows(const float* rows, int64_t rowFloats, int64_t count, int64_t channels, int64_t pixels,
                             float* planes, int64_t pitch, int64_t plane) {
  for (int64_t row = 0; row < count; row++)
    splitRow(rows + row * rowFloats, channels, pixels, planes + row * pitch, plane);
}

// Rows [firstRow, firstRow + rows) of the padded image.
static void copyPlanes(const ConvShape& s, const PlanesPlan& p, const float* image, int64_t firstRow, int64_t rows,
                       float* planes) {
  clearFloats(planes, s.channels * p.planeFloats);
  const int64_t from = maxOf(0, firstRow), to = minOf(s.height, firstRow + rows), rowFloats = s.width * s.channels;
  splitRows(image + from * rowFloats, rowFloats, to - from, s.channels, p.used,
            planes + (from - firstRow) * p.pitch + p.before, p.pitch, p.planeFloats);
}

#undef OCELLUS_UNROLL

}  // namespace
}  // namespace ocellus
