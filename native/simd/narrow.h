// Vectors of which only the first lanes are meant, as those of a pixel of few channels: narrower loads and stores cross
// fewer cache lines, and a transpose leaves out what nobody asks for.
//   loadNarrow<most>(p, n)    loadPartial for n <= most lanes
//   loadNarrow<n>(p)          the first n lanes, the others undefined: memory is touched as by load
//   storeNarrow<n>(p, v)      the first n lanes, and perhaps some of the others: memory is touched as by store
//   transposeFrom<n>(rows)    transpose of which only the first n vectors are read: lanes from n on are undefined
//   transposeTo<n>(rows)      transpose of which only the first n vectors are made: the others are undefined
#pragma once

#include "vec.h"

namespace ocellus {
namespace {

#if !OCELLUS_VEC_FORCE_SCALAR && defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)

template <int most>
static inline Vec loadNarrow(const float* p, int64_t n) {
  if constexpr (most > 8) return loadPartial(p, n);
  return {_mm512_castps256_ps512(_mm256_maskz_loadu_ps(static_cast<__mmask8>(firstLanes(n)), p))};
}

template <int n>
static inline Vec loadNarrow(const float* p) {
  if constexpr (n > 8) return load(p);
  return {_mm512_castps256_ps512(_mm256_loadu_ps(p))};
}

template <int n>
static inline void storeNarrow(float* p, Vec a) {
  if constexpr (n <= 4) {
    _mm_storeu_ps(p, _mm256_castps256_ps128(lowerHalf(a.v)));
  } else if constexpr (n <= 8) {
    _mm256_storeu_ps(p, lowerHalf(a.v));
  } else {
    store(p, a);
  }
}

// 4x4 squares inside the 128-bit lanes of four vectors.
static inline void transposeLanes(const __m512* rows, __m512* columns) {
  const __mmask16 all = kAllLanes;
  const __m512 low0 = _mm512_maskz_unpacklo_ps(all, rows[0], rows[1]);
  const __m512 high0 = _mm512_maskz_unpackhi_ps(all, rows[0], rows[1]);
  const __m512 low1 = _mm512_maskz_unpacklo_ps(all, rows[2], rows[3]);
  const __m512 high1 = _mm512_maskz_unpackhi_ps(all, rows[2], rows[3]);
  columns[0] = _mm512_maskz_shuffle_ps(all, low0, low1, 0x44);
  columns[1] = _mm512_maskz_shuffle_ps(all, low0, low1, 0xee);
  columns[2] = _mm512_maskz_shuffle_ps(all, high0, high1, 0x44);
  columns[3] = _mm512_maskz_shuffle_ps(all, high0, high1, 0xee);
}

// The squares first; then lane i of square j is where the result 4 * i + j begins.
template <int n>
static inline void transposeFrom(Vec* rows) {
  if constexpr (n > 8) return transpose(rows);
  const __mmask16 all = kAllLanes;
  __m512 top[8], squares[8];
#pragma GCC unroll 8
  for (int i = 0; i < (n > 4 ? 8 : 4); i++) top[i] = rows[i].v;
  transposeLanes(top, squares);
  if constexpr (n > 4) transposeLanes(top + 4, squares + 4);
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    __m512 even = squares[j], odd = _mm512_maskz_shuffle_f32x4(all, even, even, 0xb1);
    if constexpr (n > 4) {
      const __m512i lanes0And2 = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
      const __m512i lanes1And3 = _mm512_setr_epi32(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
      even = _mm512_maskz_permutex2var_ps(all, squares[j], lanes0And2, squares[4 + j]);
      odd = _mm512_maskz_permutex2var_ps(all, squares[j], lanes1And3, squares[4 + j]);
    }
    rows[j].v = even;
    rows[4 + j].v = odd;
    rows[8 + j].v = _mm512_maskz_shuffle_f32x4(all, even, even, 0xee);
    rows[12 + j].v = _mm512_maskz_shuffle_f32x4(all, odd, odd, 0xee);
  }
}

// The first one or two 128-bit lanes of four vectors each become one; then the squares in them.
template <int n>
static inline void transposeTo(Vec* rows) {
  if constexpr (n > 8) return transpose(rows);
  const __mmask16 all = kAllLanes;
  __m512 left[8], columns[8];
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    const __m512 top = _mm512_maskz_shuffle_f32x4(all, rows[j].v, rows[4 + j].v, 0x44);
    const __m512 bottom = _mm512_maskz_shuffle_f32x4(all, rows[8 + j].v, rows[12 + j].v, 0x44);
    left[j] = _mm512_maskz_shuffle_f32x4(all, top, bottom, 0x88);
    left[4 + j] = _mm512_maskz_shuffle_f32x4(all, top, bottom, 0xdd);
  }
  transposeLanes(left, columns);
  if constexpr (n > 4) transposeLanes(left + 4, columns + 4);
#pragma GCC unroll 8
  for (int i = 0; i < (n > 4 ? 8 : 4); i++) rows[i].v = columns[i];
}

#else

template <int most>
static inline Vec loadNarrow(const float* p, int64_t n) {
  return loadPartial(p, n);
}
template <int n>
static inline Vec loadNarrow(const float* p) {
  return load(p);
}
template <int n>
static inline void storeNarrow(float* p, Vec a) {
  store(p, a);
}
template <int n>
static inline void transposeFrom(Vec* rows) {
  transpose(rows);
}
template <int n>
static inline void transposeTo(Vec* rows) {
  transpose(rows);
}

#endif

// body(Lanes<most>()) with one of three `most` that is at least `lanes`, which is at most kVecWidth.
template <int most>
struct Lanes {
  static constexpr int kMost = most;
};
template <class F>
static inline void withNarrow(int64_t lanes, const F& body) {
  if (lanes <= kVecWidth / 4) return body(Lanes<kVecWidth / 4>());
  if (lanes <= kVecWidth / 2) return body(Lanes<kVecWidth / 2>());
  body(Lanes<kVecWidth>());
}

}  // namespace
}  // namespace ocellus
