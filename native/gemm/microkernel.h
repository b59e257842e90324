// The innermost product: a tile of C held in registers, up to kTileRows rows times kTileVecs vectors of columns.
// Written once over Vec; the template makes every smaller tile, so edges run no padded work along rows.
// Shape of the tile after Goto & van de Geijn, "Anatomy of high-performance matrix multiplication" (2008).
#pragma once

#include <stdint.h>

#include "../simd/vec.h"

namespace ocellus {
namespace {

// The table of tiles: what suits the registers of this instruction set, by element type.
template <class Element>
struct TileShape;

// 28 sums, 2 columns and 1 broadcast in 32 registers; 12, 2 and 1 in 16; 24, 3 and 1 in 32; 8, 2 and 1 in 16.
template <>
struct TileShape<float> {
  static constexpr int kRows = kVecWidth == 16 ? 14 : kVecWidth == 8 ? 6 : OCELLUS_VEC_IS_NEON ? 8 : 4;
  static constexpr int kVecs = OCELLUS_VEC_IS_NEON ? 3 : 2;
};

constexpr int kTileRows = TileShape<float>::kRows;
constexpr int kTileVecs = TileShape<float>::kVecs;
constexpr int kTileColumns = kTileVecs * kVecWidth;

// What `columns` cost, in vectors: one vector alone is no match for the loads of A, and costs a third more.
static inline double costOfColumns(int64_t columns) {
  const int64_t vecs = (columns + kVecWidth - 1) / kVecWidth;
  return static_cast<double>(vecs) + (vecs % kTileVecs == 1 ? 0.3 : 0.0);
}

// Both operands stay where they are: only pitches are given, in floats.
struct TileInput {
  int64_t k;
  const float* a;  // A(i, k) at a[i * aPitch + k], or a[k * aPitch + i] when byColumns
  int64_t aPitch;
  const float* b;  // B(k, j) at b[k * bPitch + j], readable for whole vectors of columns
  int64_t bPitch;
  // Further pieces of k: each has `k` elements too, starts `aSegment` floats after the one before in A and follows it
  // in B. Rows of a kernel's window in an image, say.
  int64_t moreSegments;
  int64_t aSegment;
  // What will be wanted soon: a tile that fetches ahead brings aheadFloats(k) of it per segment nearer on the way.
  const float* ahead = nullptr;
};

// Floats fetched per four steps: half of what four steps of the widest tile read of B. More would delay them.
constexpr int64_t kAheadFloats = 64;
static inline int64_t aheadFloats(int64_t k) { return k / 4 * kAheadFloats; }

struct TileOutput {
  float* c;
  int64_t pitch;
  int64_t columns;    // the last vector may be partly outside
  bool accumulate;    // add to what C holds
  bool finish;        // then add bias and cut off at both limits
  const float* bias;  // of these columns, or null
  float floor, ceiling;
};

// Sums that somebody else finishes.
static inline TileOutput sumsTo(float* c, int64_t pitch, int64_t columns, bool accumulate) {
  return {c, pitch, columns, accumulate, false, nullptr, 0.0f, 0.0f};
}

#define OCELLUS_UNROLL _Pragma("GCC unroll 16")

// kPitch: the pitch of A where it is known in advance, so that all rows are reached from one pointer; else 0.
// kAhead: fetch what `ahead` points to.
template <int kRows, int kVecs, bool byColumns, int kPitch, bool kAhead>
static void computeTile(const TileInput& in, const TileOutput& out) {
  Vec sum[kRows][kVecs];
  OCELLUS_UNROLL
  for (int i = 0; i < kRows; i++) OCELLUS_UNROLL
  for (int v = 0; v < kVecs; v++) sum[i][v] = zero();

  // Three rows per pointer: row, row + pitch and row + 2 * pitch are all reached by one address computation.
  constexpr int kRowsPerPointer = kPitch > 0 ? kRows : 3, kPointers = (kRows + kRowsPerPointer - 1) / kRowsPerPointer;
  const int64_t aPitch = kPitch > 0 ? kPitch : in.aPitch, bPitch = in.bPitch;
  const float* a[kPointers];
  OCELLUS_UNROLL
  for (int p = 0; p < kPointers; p++) a[p] = in.a + (byColumns ? 0 : kRowsPerPointer * p * aPitch);
  const float* b = in.b;
  const float* ahead = in.ahead;

  OCELLUS_UNROLL
  for (int i = 0; i < kRows; i++) {
    __builtin_prefetch(out.c + i * out.pitch, 1);
    if (kVecs > 1) __builtin_prefetch(out.c + i * out.pitch + kVecs * kVecWidth - 1, 1);
  }

  const auto step = [&](int64_t u) __attribute__((always_inline)) {
    Vec column[kVecs];
    OCELLUS_UNROLL
    for (int v = 0; v < kVecs; v++) column[v] = load(b + v * kVecWidth);
    OCELLUS_UNROLL
    for (int i = 0; i < kRows; i++) {
      const Vec x = broadcast(byColumns ? a[0][i] : a[i / kRowsPerPointer][i % kRowsPerPointer * aPitch + u]);
      OCELLUS_UNROLL
      for (int v = 0; v < kVecs; v++) sum[i][v] = fma(x, column[v], sum[i][v]);
    }
    b += bPitch;
    if (byColumns) a[0] += aPitch;
  };

  for (int64_t segment = 0;; segment++) {
    int64_t k = 0;
    for (; k + 4 <= in.k; k += 4) {
      step(0);
      step(1);
      step(2);
      step(3);
      if (kAhead) {
        OCELLUS_UNROLL
        for (int64_t line = 0; line < kAheadFloats; line += 16) __builtin_prefetch(ahead + line, 0, 2);
        ahead += kAheadFloats;
      }
      if (!byColumns) {
        OCELLUS_UNROLL
        for (int p = 0; p < kPointers; p++) a[p] += 4;
      }
    }
    for (; k < in.k; k++) {
      step(0);
      if (!byColumns) {
        OCELLUS_UNROLL
        for (int p = 0; p < kPointers; p++) a[p] += 1;
      }
    }
    if (segment == in.moreSegments) break;
    const int64_t next = in.aSegment - (byColumns ? in.k * aPitch : in.k);
    OCELLUS_UNROLL
    for (int p = 0; p < kPointers; p++) a[p] += next;
  }

  constexpr int kLast = kVecs - 1;
  const int64_t tail = out.columns - kLast * kVecWidth;
  const bool whole = tail == kVecWidth;
  if (out.accumulate) {
    OCELLUS_UNROLL
    for (int i = 0; i < kRows; i++) {
      const float* c = out.c + i * out.pitch;
      OCELLUS_UNROLL
      for (int v = 0; v < kLast; v++) sum[i][v] = add(load(c + v * kVecWidth), sum[i][v]);
      const Vec last = whole ? load(c + kLast * kVecWidth) : loadPartial(c + kLast * kVecWidth, tail);
      sum[i][kLast] = add(last, sum[i][kLast]);
    }
  }
  if (out.finish) {
    const Vec floor = broadcast(out.floor), ceiling = broadcast(out.ceiling);
    Vec bias[kVecs];
    OCELLUS_UNROLL
    for (int v = 0; v < kVecs; v++)
      bias[v] = out.bias == nullptr ? zero()
                : v < kLast         ? load(out.bias + v * kVecWidth)
                                    : loadPartial(out.bias + v * kVecWidth, tail);
    OCELLUS_UNROLL
    for (int i = 0; i < kRows; i++) OCELLUS_UNROLL
    for (int v = 0; v < kVecs; v++) sum[i][v] = min(ceiling, max(floor, add(sum[i][v], bias[v])));
  }
  OCELLUS_UNROLL
  for (int i = 0; i < kRows; i++) {
    float* c = out.c + i * out.pitch;
    OCELLUS_UNROLL
    for (int v = 0; v < kLast; v++) store(c + v * kVecWidth, sum[i][v]);
    if (whole) {
      store(c + kLast * kVecWidth, sum[i][kLast]);
    } else {
      storePartial(c + kLast * kVecWidth, sum[i][kLast], tail);
    }
  }
}

// Picks the instance for `rows` and `vecs`; full tiles are found first.
template <bool byColumns, int kPitch = 0, bool kAhead = false, int kRows = kTileRows, int kVecs = kTileVecs>
static inline void computeTile(int64_t rows, int64_t vecs, const TileInput& in, const TileOutput& out) {
  if constexpr (kVecs > 1) {
    if (vecs < kVecs) return computeTile<byColumns, kPitch, kAhead, kRows, kVecs - 1>(rows, vecs, in, out);
  }
  if constexpr (kRows > 1) {
    if (rows < kRows) return computeTile<byColumns, kPitch, kAhead, kRows - 1, kVecs>(rows, vecs, in, out);
  }
  computeTile<kRows, kVecs, byColumns, kPitch, kAhead>(in, out);
}

#undef OCELLUS_UNROLL

}  // namespace
}  // namespace ocellus
