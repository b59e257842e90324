// Max pooling and its gradient for windows that stand side by side in a row. A pixel of few channels is read and
// written with a whole vector where memory allows it, over what comes next: partial loads and stores cost more than the
// maximum.
#pragma once

#include "../simd/bytes.h"
#include "../simd/narrow.h"
#include "common.h"

namespace ocellus {
namespace {

static inline VecInt loadIndex(const uint8_t* p, AllLanes) { return loadBytes(p); }
static inline VecInt loadIndex(const uint8_t* p, FirstLanes lanes) { return loadBytesPartial(p, lanes.n); }
static inline VecInt loadIndex(const int32_t* p, AllLanes) { return loadInt(p); }
static inline VecInt loadIndex(const int32_t* p, FirstLanes lanes) { return loadIntPartial(p, lanes.n); }
static inline void storeIndex(uint8_t* p, VecInt v, AllLanes) { storeBytes(p, v); }
static inline void storeIndex(uint8_t* p, VecInt v, FirstLanes lanes) { storeBytesPartial(p, v, lanes.n); }
static inline void storeIndex(int32_t* p, VecInt v, AllLanes) { storeInt(p, v); }
static inline void storeIndex(int32_t* p, VecInt v, FirstLanes lanes) { storeIntPartial(p, v, lanes.n); }

template <int most>
static inline Vec load(const float* p, Lanes<most>) {
  return loadNarrow<most>(p);
}
template <int most>
static inline void store(float* p, Vec v, Lanes<most>) {
  storeNarrow<most>(p, v);
}
template <int most, class Index>
static inline VecInt loadIndex(const Index* p, Lanes<most>) {
  return loadIndex(p, AllLanes());
}
template <int most, class Index>
static inline void storeIndex(Index* p, VecInt v, Lanes<most>) {
  storeIndex(p, v, AllLanes());
}

// Windows side by side, and their cells.
struct MaxRow {
  int64_t count;            // windows
  int64_t roomy;            // the first of them, around which a vector more may be touched
  int64_t rows, columns;    // cells of a window
  int64_t pitch, step;      // floats from a row of cells to the next, and from window to window
  int64_t channels;         // floats from cell to cell
  int32_t cell, cellPitch;  // index of the first cell, and from it to the one below
};

// How the channels of a pixel are covered, and body(c, lanes) for them.
struct EveryVector {
  int64_t channels;
};
template <class Some>
struct OneVector {
  Some lanes;
};
template <class F>
static inline __attribute__((always_inline)) void forChannels(EveryVector cover, const F& body) {
  forVectors(0, cover.channels, body);
}
template <class Some, class F>
static inline __attribute__((always_inline)) void forChannels(OneVector<Some> cover, const F& body) {
  body(0, cover.lanes);
}

// body(cover, from, count) for parts of the windows.
template <class F>
static inline __attribute__((always_inline)) void forParts(const MaxRow& r, const F& body) {
  if (r.channels > kVecWidth) return body(EveryVector{r.channels}, 0, r.count);
  const int64_t roomy = minOf(r.count, r.roomy);
  if (roomy > 0) withNarrow(r.channels, [&](auto lanes) { body(OneVector<decltype(lanes)>{lanes}, 0, roomy); });
  if (roomy < r.count) body(OneVector<FirstLanes>{{r.channels}}, roomy, r.count - roomy);
}

struct Best {
  Vec value;
  VecInt index;
};

// Takes over what is larger, or the first NaN.
static inline void contend(Best& best, Vec value, VecInt index) {
  const VecMask wins = maskAnd(maskNot(le(value, best.value)), eq(best.value, best.value));
  best.value = select(wins, value, best.value);
  best.index = select(wins, index, best.index);
}

// kSide: rows and columns where both are known in advance, else 0.
template <int kSide, class Index, class Covering>
static inline void maxRow(MaxRow r, const float* x, Covering cover, float* y, Index* indices) {
  constexpr int kAcross = kSide > 0 ? kSide : 1;
  VecInt places[kAcross * kAcross];
#pragma GCC unroll 9
  for (int i = 0; i < kAcross * kAcross; i++)
    places[i] = broadcastInt(r.cell + i / kAcross * r.cellPitch + i % kAcross);
  for (int64_t n = 0; n < r.count; n++, x += r.step, y += r.channels, indices += r.channels) {
    forChannels(cover, [&](int64_t c, auto lanes) {
      Best best = {load(x + c, lanes), broadcastInt(r.cell)};
      if constexpr (kSide > 0) {
#pragma GCC unroll 9
        for (int i = 1; i < kAcross * kAcross; i++)
          contend(best, load(x + i / kAcross * r.pitch + i % kAcross * r.channels + c, lanes), places[i]);
      } else {
        // The first cell meets itself again, and does not win.
        for (int64_t i = 0; i < r.rows; i++)
          for (int64_t j = 0; j < r.columns; j++)
            contend(best, load(x + i * r.pitch + j * r.channels + c, lanes),
                    broadcastInt(r.cell + static_cast<int32_t>(i) * r.cellPitch + static_cast<int32_t>(j)));
      }
      store(y + c, best.value, lanes);
      storeIndex(indices + c, best.index, lanes);
    });
  }
}

// Maxima of windows and their places.
template <class Index>
static void maxWindows(const MaxRow& r, const float* x, float* y, Index* indices) {
  forParts(r, [&](auto cover, int64_t from, int64_t count) {
    MaxRow part = r;
    part.count = count;
    const float* first = x + from * r.step;
    const int64_t to = from * r.channels;
    if (r.rows == 2 && r.columns == 2) return maxRow<2>(part, first, cover, y + to, indices + to);
    if (r.rows == 3 && r.columns == 3) return maxRow<3>(part, first, cover, y + to, indices + to);
    maxRow<0>(part, first, cover, y + to, indices + to);
  });
}

// The cells of windows that do not overlap: dy where the maximum was, else zero; and zeros in the `gap` floats behind
// each row of cells.
template <int kSide, class Index, class Covering>
static inline void maxGradRow(MaxRow r, const Index* indices, const float* dy, Covering cover, int64_t gap, float* dx) {
  constexpr int kAcross = kSide > 0 ? kSide : 1;
  VecInt places[kAcross * kAcross];
#pragma GCC unroll 4
  for (int i = 0; i < kAcross * kAcross; i++)
    places[i] = broadcastInt(r.cell + i / kAcross * r.cellPitch + i % kAcross);
  for (int64_t n = 0; n < r.count; n++, dx += r.step, dy += r.channels, indices += r.channels) {
    forChannels(cover, [&](int64_t c, auto lanes) {
      const Vec gradient = load(dy + c, lanes);
      const VecInt index = loadIndex(indices + c, lanes);
      if constexpr (kSide > 0) {
#pragma GCC unroll 4
        for (int i = 0; i < kAcross * kAcross; i++)
          store(dx + i / kAcross * r.pitch + i % kAcross * r.channels + c,
                select(eq(index, places[i]), gradient, zero()), lanes);
      } else {
        for (int64_t i = 0; i < r.rows; i++) {
          for (int64_t j = 0; j < r.columns; j++) {
            const VecInt place = broadcastInt(r.cell + static_cast<int32_t>(i) * r.cellPitch + static_cast<int32_t>(j));
            store(dx + i * r.pitch + j * r.channels + c, select(eq(index, place), gradient, zero()), lanes);
          }
        }
      }
    });
    for (int64_t i = 0; i < r.rows && gap > 0; i++)
      memset(dx + i * r.pitch + r.columns * r.channels, 0, static_cast<size_t>(gap) * sizeof(float));
  }
}

template <class Index>
static void maxGradWindows(const MaxRow& r, const Index* indices, const float* dy, int64_t gap, float* dx) {
  forParts(r, [&](auto cover, int64_t from, int64_t count) {
    MaxRow part = r;
    part.count = count;
    const int64_t first = from * r.channels;
    float* to = dx + from * r.step;
    if (r.rows == 2 && r.columns == 2) return maxGradRow<2>(part, indices + first, dy + first, cover, gap, to);
    maxGradRow<0>(part, indices + first, dy + first, cover, gap, to);
  });
}

}  // namespace
}  // namespace ocellus
