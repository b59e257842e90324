// Products of a few rows, whose time is that of reading B: a prediction's dense layer, say. Tiles of the microkernel
// would read B in strips two vectors wide, which memory serves badly; here a task walks along rows of B, some of them
// at a time, and keeps its sums in the first-level cache. Tasks are runs of k, so that each reads a long piece of B.
// The order of summation is the microkernel's.
#pragma once

#include "../kernel.h"
#include "microkernel.h"
#include "panel.h"

namespace ocellus {
namespace {

// Rows of B read side by side.
constexpr int64_t kThinDepth = 8;
// Rows of B asked for ahead of use.
constexpr int64_t kThinAhead = kThinDepth;

// sums[i][j] += A(i, k) * B(k, j) for kThinDepth or, at the end, `depth` rows of B.
template <bool kWholeDepth, bool kWholeVector>
static inline void addThinColumns(const Operand& a, const float* b, int64_t bPitch, int64_t rows, int64_t lanes,
                                  int64_t depth, float* sums, int64_t pitch) {
  Vec column[kThinDepth];
#pragma GCC unroll 8
  for (int64_t u = 0; u < kThinDepth; u++) {
    const bool there = kWholeDepth || u < depth;
    column[u] = !there ? zero() : kWholeVector ? load(b + u * bPitch) : loadPartial(b + u * bPitch, lanes);
    if (kWholeDepth) __builtin_prefetch(b + (u + kThinAhead) * bPitch);
  }
  for (int64_t i = 0; i < rows; i++) {
    const float* x = a.data + i * a.pitch;
    Vec sum = load(sums + i * pitch);
#pragma GCC unroll 8
    for (int64_t u = 0; u < kThinDepth; u++) {
      if (!kWholeDepth && u >= depth) break;
      sum = fma(broadcast(x[u]), column[u], sum);
    }
    store(sums + i * pitch, sum);
  }
}

template <bool kWholeDepth>
static inline void addThinRows(const Operand& a, const float* b, int64_t bPitch, int64_t rows, int64_t columns,
                               int64_t depth, float* sums, int64_t pitch) {
  int64_t j = 0;
  for (; j + kVecWidth <= columns; j += kVecWidth)
    addThinColumns<kWholeDepth, true>(a, b + j, bPitch, rows, kVecWidth, depth, sums + j, pitch);
  if (j < columns) addThinColumns<kWholeDepth, false>(a, b + j, bPitch, rows, columns - j, depth, sums + j, pitch);
}

// One run of k: what computePanel does for all panels of a task. `sums` has room for out.columns, padded to whole
// vectors, per row.
static void computeThin(const Operand& a, const Operand& b, int64_t rows, int64_t count, float* sums,
                        const TileOutput& out) {
  const int64_t pitch = ceilDiv(out.columns, kVecWidth) * kVecWidth;
  for (int64_t i = 0; i < rows * pitch; i += kVecWidth) store(sums + i, zero());
  int64_t k = 0;
  for (; k + kThinDepth <= count; k += kThinDepth)
    addThinRows<true>({a.data + k, a.pitch}, b.data + k * b.pitch, b.pitch, rows, out.columns, kThinDepth, sums, pitch);
  if (k < count)
    addThinRows<false>({a.data + k, a.pitch}, b.data + k * b.pitch, b.pitch, rows, out.columns, count - k, sums, pitch);

  const Vec floor = broadcast(out.floor), ceiling = broadcast(out.ceiling);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < out.columns; j += kVecWidth) {
      const int64_t lanes = minOf(kVecWidth, out.columns - j);
      float* c = out.c + i * out.pitch + j;
      Vec sum = load(sums + i * pitch + j);
      if (out.accumulate) sum = add(loadPartial(c, lanes), sum);
      if (out.finish) {
        const Vec bias = out.bias == nullptr ? zero() : loadPartial(out.bias + j, lanes);
        sum = min(ceiling, max(floor, add(sum, bias)));
      }
      storePartial(c, sum, lanes);
    }
  }
}

}  // namespace
}  // namespace ocellus
