// im2col on demand. A convolution is a product with a matrix whose rows are windows of an image; this writes any
// rectangle of that matrix, so that it never exists as a whole (Chellapilla, Puri & Simard, 2006, without the memory).
#pragma once

#include "../gemm/pack.h"

namespace ocellus {
namespace {

// Row (image, gridY, gridX) is a window, column (tapY, tapX, channel) an element of it:
//   y = originY + gridY * strideY + tapY * stepY, x likewise, channel of group `batch`. Outside the image lie zeros.
struct Windows {
  const float* images;
  int64_t height, width;
  int64_t channels, groupChannels;
  int64_t gridY, gridX;
  int64_t originY, originX;
  int64_t strideY, strideX;
  int64_t tapsY, tapsX;
  int64_t stepY, stepX;
};

// Part [from, from + count) of a piece of memory of which only [low, high) exists.
static inline void copyClipped(float* target, const float* piece, int64_t from, int64_t count, int64_t low,
                               int64_t high) {
  low = minOf(maxOf(low - from, 0), count);
  high = minOf(maxOf(high - from, low), count);
  if (low > 0) clearFloats(target, low);
  if (high > low) copyFloats(target + low, piece + from + low, high - low);
  if (count > high) clearFloats(target + high, count - high);
}

// One window, columns [column, column + columns). Channels of neighbouring taps are neighbours in memory when all of
// them are wanted and none is skipped: then a row of taps is one piece.
static inline void writeWindow(const Windows& w, const float* image, int64_t y, int64_t x, int64_t column,
                               int64_t columns, float* target) {
  const bool rowsOfTaps = w.stepX == 1 && w.groupChannels == w.channels;
  const int64_t length = rowsOfTaps ? w.tapsX * w.channels : w.groupChannels;
  int64_t piece = column / length, from = column % length;
  int64_t tapY = rowsOfTaps ? piece : piece / w.tapsX, tapX = rowsOfTaps ? 0 : piece % w.tapsX;
  while (columns > 0) {
    const int64_t count = minOf(length - from, columns);
    const int64_t pieceY = y + tapY * w.stepY, pieceX = x + tapX * w.stepX;
    const bool inside = pieceY >= 0 && pieceY < w.height;
    if (!inside || (!rowsOfTaps && (pieceX < 0 || pieceX >= w.width))) {
      clearFloats(target, count);
    } else {
      const float* start = image + (pieceY * w.width + pieceX) * w.channels;
      if (rowsOfTaps) {
        copyClipped(target, start, from, count, -pieceX * w.channels, (w.width - pieceX) * w.channels);
      } else {
        copyFloats(target, start + from, count);
      }
    }
    target += count;
    columns -= count;
    from = 0;
    if (rowsOfTaps || ++tapX == w.tapsX) {
      tapX = 0;
      tapY++;
    }
  }
}

// All columns of a window whose rows of taps are pieces that lie inside the image: the common case, made short.
static inline void writeInnerWindow(const Windows& w, const float* corner, float* target) {
  const int64_t length = w.tapsX * w.channels, pitch = w.stepY * w.width * w.channels;
  for (int64_t tapY = 0; tapY < w.tapsY; tapY++) copyFloats(target + tapY * length, corner + tapY * pitch, length);
}

// The callback for Gemm::fill.
static void fillWindows(const void* source, int64_t group, int64_t row, int64_t rows, int64_t column, int64_t columns,
                        float* target, int64_t pitch) {
  const Windows& w = *static_cast<const Windows*>(source);
  const int64_t imageFloats = w.height * w.width * w.channels;
  int64_t gridX = row % w.gridX, gridY = row / w.gridX % w.gridY;
  const float* image = w.images + row / w.gridX / w.gridY * imageFloats + group * w.groupChannels;
  const bool whole = w.stepX == 1 && w.groupChannels == w.channels && columns == w.tapsY * w.tapsX * w.channels;
  const int64_t lastY = w.height - 1 - (w.tapsY - 1) * w.stepY, lastX = w.width - w.tapsX;
  for (int64_t i = 0; i < rows; i++) {
    const int64_t y = w.originY + gridY * w.strideY, x = w.originX + gridX * w.strideX;
    if (whole && y >= 0 && y <= lastY && x >= 0 && x <= lastX) {
      writeInnerWindow(w, image + (y * w.width + x) * w.channels, target + i * pitch);
    } else {
      writeWindow(w, image, y, x, column, columns, target + i * pitch);
    }
    if (++gridX == w.gridX) {
      gridX = 0;
      if (++gridY == w.gridY) {
        gridY = 0;
        image += imageFloats;
      }
    }
  }
}

}  // namespace
}  // namespace ocellus
