// One panel of columns: all tiles of a block of rows against the same columns of B.
#pragma once

#include "../kernel.h"
#include "microkernel.h"

namespace ocellus {
namespace {

struct Operand {
  const float* data;
  int64_t pitch;
};

// Tiles of nearly equal height: a last tile of one or two rows would run at a fraction of the speed.
template <bool byColumns>
static inline void computePanel(const Operand& a, const Operand& b, int64_t rows, int64_t count,
                                const TileOutput& first) {
  const int64_t tiles = ceilDiv(rows, kTileRows), vecs = ceilDiv(first.columns, kVecWidth);
  TileInput in = {count, a.data, a.pitch, b.data, b.pitch, 0, 0};
  TileOutput out = first;
  for (int64_t t = 0; t < tiles; t++) {
    const int64_t height = rows / tiles + (t < rows % tiles ? 1 : 0);
    computeTile<byColumns>(height, vecs, in, out);
    if (count > 0) in.a += byColumns ? height : height * a.pitch;
    out.c += height * out.pitch;
  }
}

}  // namespace
}  // namespace ocellus
