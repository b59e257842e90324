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

// Tiles of nearly equal height: a last tile of one or two rows would run at a fraction of the speed. kAhead: the first
// tiles fetch what `ahead` points to, as much as there is of this panel.
template <bool byColumns, bool kAhead = false>
static inline void computePanel(const Operand& a, const Operand& b, int64_t rows, int64_t count,
                                const TileOutput& first, const float* ahead = nullptr) {
  const int64_t tiles = ceilDiv(rows, kTileRows), vecs = ceilDiv(first.columns, kVecWidth);
  TileInput in = {count, a.data, a.pitch, b.data, b.pitch, 0, 0};
  TileOutput out = first;
  for (int64_t t = 0; t < tiles; t++) {
    const int64_t height = rows / tiles + (t < rows % tiles ? 1 : 0);
    const int64_t fetched = t * aheadFloats(count);
    if (kAhead && fetched < count * b.pitch) {
      in.ahead = ahead + fetched;
      computeTile<byColumns, 0, kAhead>(height, vecs, in, out);
    } else {
      computeTile<byColumns>(height, vecs, in, out);
    }
    if (count > 0) in.a += byColumns ? height : height * a.pitch;
    out.c += height * out.pitch;
  }
}

}  // namespace
}  // namespace ocellus
