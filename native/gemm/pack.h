// Moving operands into the order the microkernel reads: panels of B, slices of A with a harmless pitch.
#pragma once

#include "../simd/vec.h"
#include "gemm.h"

namespace ocellus {
namespace {

static inline int64_t roundUp(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }

// Rows that are a multiple of 1 KiB apart share a few sets of the first-level cache and evict each other.
static inline bool isBadPitch(int64_t floats) { return floats % 256 == 0; }
static inline int64_t goodPitch(int64_t columns) {
  const int64_t pitch = roundUp(columns, 16);
  return isBadPitch(pitch) ? pitch + 16 : pitch;
}

static inline void copyFloats(float* target, const float* source, int64_t count) {
  int64_t i = 0;
  for (; i + kVecWidth <= count; i += kVecWidth) store(target + i, load(source + i));
  if (i < count) storePartial(target + i, loadPartial(source + i, count - i), count - i);
}

static inline void clearFloats(float* target, int64_t count) {
  int64_t i = 0;
  for (; i + kVecWidth <= count; i += kVecWidth) store(target + i, zero());
  if (i < count) storePartial(target + i, zero(), count - i);
}

// target[k * pitch + j] = source[j * sourcePitch + k] for j < columns, k < count; up to the next whole vector of
// columns the target is filled with zeros.
static inline void transposePiece(const float* source, int64_t sourcePitch, int64_t columns, int64_t count,
                                  float* target, int64_t pitch) {
  for (int64_t j = 0; j < columns; j += kVecWidth) {
    const int64_t rows = minOf(kVecWidth, columns - j);
    for (int64_t k = 0; k < count; k += kVecWidth) {
      const int64_t depth = minOf(kVecWidth, count - k);
      const float* from = source + j * sourcePitch + k;
      Vec square[kVecWidth];
      for (int64_t r = 0; r < kVecWidth; r++) {
        if (r >= rows) {
          square[r] = zero();
        } else if (depth == kVecWidth) {
          square[r] = load(from + r * sourcePitch);
        } else {
          square[r] = loadPartial(from + r * sourcePitch, depth);
        }
      }
      transpose(square);
      for (int64_t d = 0; d < depth; d++) store(target + (k + d) * pitch + j, square[d]);
    }
  }
}

// target[k * pitch + j] = source[k * sourcePitch + j] for j < columns, k < count; up to `pitch`, whole vectors, zeros.
static inline void packColumns(const float* source, int64_t sourcePitch, int64_t columns, int64_t count, float* target,
                               int64_t pitch) {
  const int64_t whole = columns / kVecWidth * kVecWidth;
  for (int64_t k = 0; k < count; k++) {
    const float* from = source + k * sourcePitch;
    float* to = target + k * pitch;
    int64_t j = 0;
    for (; j < whole; j += kVecWidth) store(to + j, load(from + j));
    if (j < columns) {
      store(to + j, loadPartial(from + j, columns - j));
      j += kVecWidth;
    }
    for (; j < pitch; j += kVecWidth) store(to + j, zero());
  }
}

// B(k, j) for k in [first, first + count), j in [column, column + columns), columns padded with zeros to whole vectors.
static inline void packPanel(const Gemm& gemm, int64_t batch, int64_t first, int64_t count, int64_t column,
                             int64_t columns, float* target, int64_t pitch) {
  const float* b = gemm.b + batch * gemm.bBatchStride;
  if (!gemm.bTransposed)
    return packColumns(b + first * gemm.bPitch + column, gemm.bPitch, columns, count, target, pitch);
  const int64_t segment = gemm.bSegment > 0 ? gemm.bSegment : gemm.k;
  const int64_t innerCount = gemm.bSegment > 0 ? gemm.bInnerCount : 1;
  for (int64_t k = 0; k < count;) {
    const int64_t piece = (first + k) / segment, offset = (first + k) % segment;
    const int64_t length = minOf(segment - offset, count - k);
    const float* from = b + piece / innerCount * gemm.bOuterStride + piece % innerCount * gemm.bInnerStride + offset +
                        column * gemm.bPitch;
    transposePiece(from, gemm.bPitch, columns, length, target + k * pitch, pitch);
    k += length;
  }
}

}  // namespace
}  // namespace ocellus
