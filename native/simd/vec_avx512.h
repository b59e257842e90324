// Vec for AVX-512 (F and DQ): 16 lanes, masks in their own registers. The contract is in vec.h.
#pragma once

#include <immintrin.h>

namespace ocellus {
namespace {

constexpr int kVecWidth = 16;

struct Vec {
  __m512 v;
};
struct VecInt {
  __m512i v;
};
struct VecMask {
  __mmask16 v;
};

// The plain forms of some intrinsics start from an undefined register, which gcc 12 warns about: the zeroing forms with
// all lanes on compile to the same single instruction.
constexpr __mmask16 kAllLanes = 0xffff;

static inline __mmask16 firstLanes(int64_t n) { return (__mmask16)((1u << n) - 1u); }

static inline Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
static inline Vec loadPartial(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(firstLanes(n), p)}; }
static inline void store(float* p, Vec a) { _mm512_storeu_ps(p, a.v); }
static inline void storePartial(float* p, Vec a, int64_t n) { _mm512_mask_storeu_ps(p, firstLanes(n), a.v); }
static inline void stream(float* p, Vec a) { _mm512_stream_ps(p, a.v); }
static inline Vec settled(Vec a) {
  asm("" : "+v"(a.v));
  return a;
}
static inline void streamFence() { _mm_sfence(); }

static inline Vec broadcast(float x) { return {_mm512_set1_ps(x)}; }
static inline Vec zero() { return {_mm512_setzero_ps()}; }
static inline Vec add(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
static inline Vec sub(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
static inline Vec mul(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
static inline Vec div(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
static inline Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
static inline Vec negate(Vec a) { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))}; }
static inline Vec abs(Vec a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.v)}; }
static inline Vec min(Vec a, Vec b) { return {_mm512_maskz_min_ps(kAllLanes, a.v, b.v)}; }
static inline Vec max(Vec a, Vec b) { return {_mm512_maskz_max_ps(kAllLanes, a.v, b.v)}; }
static inline Vec sqrt(Vec a) { return {_mm512_maskz_sqrt_ps(kAllLanes, a.v)}; }
static inline Vec roundEven(Vec a) {
  return {_mm512_maskz_roundscale_ps(kAllLanes, a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

static inline VecMask lt(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
static inline VecMask le(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
static inline VecMask gt(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
static inline VecMask ge(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
static inline VecMask eq(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
static inline VecMask isNan(Vec a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
static inline VecMask maskAnd(VecMask a, VecMask b) { return {(__mmask16)(a.v & b.v)}; }
static inline VecMask maskOr(VecMask a, VecMask b) { return {(__mmask16)(a.v | b.v)}; }
static inline VecMask maskNot(VecMask a) { return {(__mmask16)~a.v}; }
static inline bool anyOf(VecMask m) { return m.v != 0; }
static inline Vec select(VecMask m, Vec a, Vec b) { return {_mm512_mask_blend_ps(m.v, b.v, a.v)}; }

static inline __m256 lowerHalf(__m512 v) { return _mm512_maskz_extractf32x8_ps(0xff, v, 0); }
static inline __m256 upperHalf(__m512 v) { return _mm512_maskz_extractf32x8_ps(0xff, v, 1); }

static inline float reduceAdd(Vec a) {
  __m256 h = _mm256_add_ps(lowerHalf(a.v), upperHalf(a.v));
  __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}

static inline float reduceMax(Vec a) {
  __m256 h = _mm256_max_ps(lowerHalf(a.v), upperHalf(a.v));
  __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

static inline float reduceMin(Vec a) {
  __m256 h = _mm256_min_ps(lowerHalf(a.v), upperHalf(a.v));
  __m128 q = _mm_min_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_min_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_min_ss(q, _mm_movehdup_ps(q)));
}

static inline VecInt loadInt(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
static inline VecInt loadIntPartial(const int32_t* p, int64_t n) {
  return {_mm512_maskz_loadu_epi32(firstLanes(n), p)};
}
static inline void storeInt(int32_t* p, VecInt a) { _mm512_storeu_si512(p, a.v); }
static inline void storeIntPartial(int32_t* p, VecInt a, int64_t n) { _mm512_mask_storeu_epi32(p, firstLanes(n), a.v); }
static inline VecInt broadcastInt(int32_t x) { return {_mm512_set1_epi32(x)}; }
static inline VecInt add(VecInt a, VecInt b) { return {_mm512_add_epi32(a.v, b.v)}; }
static inline VecInt sub(VecInt a, VecInt b) { return {_mm512_sub_epi32(a.v, b.v)}; }
static inline VecInt mul(VecInt a, VecInt b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
static inline VecInt bitAnd(VecInt a, VecInt b) { return {_mm512_and_si512(a.v, b.v)}; }
static inline VecInt bitOr(VecInt a, VecInt b) { return {_mm512_or_si512(a.v, b.v)}; }
static inline VecInt bitXor(VecInt a, VecInt b) { return {_mm512_xor_si512(a.v, b.v)}; }
template <int n>
static inline VecInt shiftLeft(VecInt a) {
  return {_mm512_maskz_slli_epi32(kAllLanes, a.v, n)};
}
template <int n>
static inline VecInt shiftRight(VecInt a) {
  return {_mm512_maskz_srli_epi32(kAllLanes, a.v, n)};
}
static inline VecMask eq(VecInt a, VecInt b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
static inline VecMask gt(VecInt a, VecInt b) { return {_mm512_cmpgt_epi32_mask(a.v, b.v)}; }
static inline VecInt select(VecMask m, VecInt a, VecInt b) { return {_mm512_mask_blend_epi32(m.v, b.v, a.v)}; }
static inline VecInt roundToInt(Vec a) { return {_mm512_maskz_cvtps_epi32(kAllLanes, a.v)}; }
static inline Vec toFloat(VecInt a) { return {_mm512_maskz_cvtepi32_ps(kAllLanes, a.v)}; }
static inline VecInt asInt(Vec a) { return {_mm512_castps_si512(a.v)}; }
static inline Vec asFloat(VecInt a) { return {_mm512_castsi512_ps(a.v)}; }

// Pairs, then quadruples inside each 128-bit lane, then the lanes themselves.
static inline void transpose(Vec* rows) {
  const __mmask16 all = kAllLanes;
  __m512 pairs[16], quads[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) {
    pairs[2 * i] = _mm512_maskz_unpacklo_ps(all, rows[2 * i].v, rows[2 * i + 1].v);
    pairs[2 * i + 1] = _mm512_maskz_unpackhi_ps(all, rows[2 * i].v, rows[2 * i + 1].v);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++) {
      const __m512 low = pairs[4 * i + h], high = pairs[4 * i + 2 + h];
      quads[4 * i + 2 * h] = _mm512_maskz_shuffle_ps(all, low, high, 0x44);
      quads[4 * i + 2 * h + 1] = _mm512_maskz_shuffle_ps(all, low, high, 0xee);
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    const __m512 evenTop = _mm512_maskz_shuffle_f32x4(all, quads[j], quads[4 + j], 0x88);
    const __m512 evenBottom = _mm512_maskz_shuffle_f32x4(all, quads[8 + j], quads[12 + j], 0x88);
    const __m512 oddTop = _mm512_maskz_shuffle_f32x4(all, quads[j], quads[4 + j], 0xdd);
    const __m512 oddBottom = _mm512_maskz_shuffle_f32x4(all, quads[8 + j], quads[12 + j], 0xdd);
    rows[j].v = _mm512_maskz_shuffle_f32x4(all, evenTop, evenBottom, 0x88);
    rows[8 + j].v = _mm512_maskz_shuffle_f32x4(all, evenTop, evenBottom, 0xdd);
    rows[4 + j].v = _mm512_maskz_shuffle_f32x4(all, oddTop, oddBottom, 0x88);
    rows[12 + j].v = _mm512_maskz_shuffle_f32x4(all, oddTop, oddBottom, 0xdd);
  }
}

}  // namespace
}  // namespace ocellus
