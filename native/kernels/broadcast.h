// NumPy broadcasting of two operands into one output: axes are merged until what is left is an outer loop with strides
// and an inner run along which each operand either advances by one or stands still.
#pragma once

#include "common.h"

namespace ocellus {
namespace {

struct Broadcast {
  int32_t rank;  // of the outer loop
  int64_t dims[kMaxRank];
  int64_t strides[2][kMaxRank];
  int64_t rows;        // product of dims
  int64_t run;         // inner length
  int64_t advance[2];  // 0 or 1
};

// Whether `from` can be read as `to`: axes are aligned at the end, each is equal or 1.
static inline bool broadcastsTo(const TensorView& from, const TensorView& to) {
  if (from.rank > to.rank) return false;
  const int shift = to.rank - from.rank;
  for (int i = 0; i < from.rank; i++)
    if (from.dims[i] != 1 && from.dims[i] != to.dims[i + shift]) return false;
  return true;
}

static inline Broadcast broadcastOf(const TensorView& a, const TensorView& b, const TensorView& y) {
  const TensorView* operands[2] = {&a, &b};
  // Axes of the output from the last to the first, without those of length 1, merged where both operands allow it.
  int64_t dims[kMaxRank], strides[2][kMaxRank];
  int count = 0;
  int64_t next[2] = {1, 1};
  for (int axis = y.rank - 1; axis >= 0; axis--) {
    const int64_t length = y.dims[axis];
    int64_t stride[2];
    for (int o = 0; o < 2; o++) {
      const int own = axis - (y.rank - operands[o]->rank);
      const bool moves = own >= 0 && operands[o]->dims[own] != 1;
      stride[o] = moves ? next[o] : 0;
      if (moves) next[o] *= length;
    }
    if (length == 1) continue;
    const int inner = count - 1;
    if (count > 0 && stride[0] == strides[0][inner] * dims[inner] && stride[1] == strides[1][inner] * dims[inner]) {
      dims[inner] *= length;
    } else {
      dims[count] = length;
      strides[0][count] = stride[0];
      strides[1][count] = stride[1];
      count++;
    }
  }
  Broadcast plan;
  plan.rank = count > 1 ? count - 1 : 0;
  plan.run = count > 0 ? dims[0] : 1;
  plan.rows = 1;
  for (int o = 0; o < 2; o++) plan.advance[o] = count > 0 ? strides[o][0] : 0;
  for (int i = 0; i < plan.rank; i++) {
    plan.dims[i] = dims[count - 1 - i];
    plan.rows *= plan.dims[i];
    for (int o = 0; o < 2; o++) plan.strides[o][i] = strides[o][count - 1 - i];
  }
  return plan;
}

// Where the operands stand at the start of an outer row; nextRow moves on without divisions.
struct BroadcastRow {
  int64_t index[kMaxRank];
  int64_t offset[2];
};

static inline BroadcastRow rowAt(const Broadcast& plan, int64_t row) {
  BroadcastRow at;
  at.offset[0] = at.offset[1] = 0;
  for (int i = plan.rank - 1; i >= 0; i--) {
    at.index[i] = row % plan.dims[i];
    row /= plan.dims[i];
    for (int o = 0; o < 2; o++) at.offset[o] += at.index[i] * plan.strides[o][i];
  }
  return at;
}

static inline void nextRow(const Broadcast& plan, BroadcastRow& at) {
  for (int i = plan.rank - 1; i >= 0; i--) {
    for (int o = 0; o < 2; o++) at.offset[o] += plan.strides[o][i];
    if (++at.index[i] < plan.dims[i]) return;
    for (int o = 0; o < 2; o++) at.offset[o] -= plan.strides[o][i] * plan.dims[i];
    at.index[i] = 0;
  }
}

// Longest piece of a run handed out at once.
constexpr int64_t kPiece = 32 * 1024;

// Calls body(offsetA, offsetB, offsetY, length) for pieces of rows that cover the output, in parallel.
template <class F>
static inline void parallelRows(const KernelContext& context, const Broadcast& plan, int64_t bytes, const F& body) {
  if (plan.run == 0 || plan.rows == 0) return;
  const int64_t pieces = ceilDiv(plan.run, kPiece);
  const int64_t length = minOf(plan.run, kPiece);
  parallelFor(context, plan.rows * pieces, grainFor(length * bytes), [&](int64_t begin, int64_t end, int32_t) {
    int64_t row = begin / pieces, piece = begin % pieces;
    BroadcastRow at = rowAt(plan, row);
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t first = piece * kPiece;
      body(at.offset[0] + first * plan.advance[0], at.offset[1] + first * plan.advance[1], row * plan.run + first,
           minOf(kPiece, plan.run - first));
      if (++piece == pieces) {
        piece = 0;
        row++;
        nextRow(plan, at);
      }
    }
  });
}

}  // namespace
}  // namespace ocellus
