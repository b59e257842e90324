// Vec for AVX2 with FMA: 8 lanes, masks as lanes of all ones or zeros. The contract is in vec.h.
#pragma once

#include <immintrin.h>

namespace ocellus {
namespace {

constexpr int kVecWidth = 8;

struct Vec {
  __m256 v;
};
struct VecInt {
  __m256i v;
};
struct VecMask {
  __m256 v;
};

// Eight ones, then eight zeros: reading from 8 - n gives a mask of the first n lanes.
static const int32_t kLaneMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

static inline __m256i firstLanes(int64_t n) { return _mm256_loadu_si256((const __m256i*)(kLaneMasks + 8 - n)); }

static inline Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
static inline Vec loadPartial(const float* p, int64_t n) { return {_mm256_maskload_ps(p, firstLanes(n))}; }
static inline void store(float* p, Vec a) { _mm256_storeu_ps(p, a.v); }
static inline void storePartial(float* p, Vec a, int64_t n) { _mm256_maskstore_ps(p, firstLanes(n), a.v); }
static inline void stream(float* p, Vec a) { _mm256_stream_ps(p, a.v); }
static inline Vec settled(Vec a) { return a; }
static inline void streamFence() { _mm_sfence(); }

static inline Vec broadcast(float x) { return {_mm256_set1_ps(x)}; }
static inline Vec zero() { return {_mm256_setzero_ps()}; }
static inline Vec add(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
static inline Vec sub(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
static inline Vec mul(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
static inline Vec div(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
static inline Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
static inline Vec negate(Vec a) { return {_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f))}; }
static inline Vec abs(Vec a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
static inline Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
static inline Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
static inline Vec sqrt(Vec a) { return {_mm256_sqrt_ps(a.v)}; }
static inline Vec roundEven(Vec a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }

static inline VecMask lt(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
static inline VecMask le(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
static inline VecMask gt(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}; }
static inline VecMask ge(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)}; }
static inline VecMask eq(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
static inline VecMask isNan(Vec a) { return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)}; }
static inline VecMask maskAnd(VecMask a, VecMask b) { return {_mm256_and_ps(a.v, b.v)}; }
static inline VecMask maskOr(VecMask a, VecMask b) { return {_mm256_or_ps(a.v, b.v)}; }
static inline VecMask maskNot(VecMask a) { return {_mm256_xor_ps(a.v, _mm256_castsi256_ps(_mm256_set1_epi32(-1)))}; }
static inline bool anyOf(VecMask m) { return _mm256_movemask_ps(m.v) != 0; }
static inline Vec select(VecMask m, Vec a, Vec b) { return {_mm256_blendv_ps(b.v, a.v, m.v)}; }

static inline float reduceAdd(Vec a) {
  __m128 q = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}

static inline float reduceMax(Vec a) {
  __m128 q = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  q = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

static inline float reduceMin(Vec a) {
  __m128 q = _mm_min_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  q = _mm_min_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_min_ss(q, _mm_movehdup_ps(q)));
}

static inline VecInt loadInt(const int32_t* p) { return {_mm256_loadu_si256((const __m256i*)p)}; }
static inline VecInt loadIntPartial(const int32_t* p, int64_t n) { return {_mm256_maskload_epi32(p, firstLanes(n))}; }
static inline void storeInt(int32_t* p, VecInt a) { _mm256_storeu_si256((__m256i*)p, a.v); }
static inline void storeIntPartial(int32_t* p, VecInt a, int64_t n) { _mm256_maskstore_epi32(p, firstLanes(n), a.v); }
static inline VecInt broadcastInt(int32_t x) { return {_mm256_set1_epi32(x)}; }
static inline VecInt add(VecInt a, VecInt b) { return {_mm256_add_epi32(a.v, b.v)}; }
static inline VecInt sub(VecInt a, VecInt b) { return {_mm256_sub_epi32(a.v, b.v)}; }
static inline VecInt mul(VecInt a, VecInt b) { return {_mm256_mullo_epi32(a.v, b.v)}; }
static inline VecInt bitAnd(VecInt a, VecInt b) { return {_mm256_and_si256(a.v, b.v)}; }
static inline VecInt bitOr(VecInt a, VecInt b) { return {_mm256_or_si256(a.v, b.v)}; }
static inline VecInt bitXor(VecInt a, VecInt b) { return {_mm256_xor_si256(a.v, b.v)}; }
template <int n>
static inline VecInt shiftLeft(VecInt a) {
  return {_mm256_slli_epi32(a.v, n)};
}
template <int n>
static inline VecInt shiftRight(VecInt a) {
  return {_mm256_srli_epi32(a.v, n)};
}
static inline VecMask eq(VecInt a, VecInt b) { return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.v, b.v))}; }
static inline VecMask gt(VecInt a, VecInt b) { return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(a.v, b.v))}; }
static inline VecInt select(VecMask m, VecInt a, VecInt b) {
  return {_mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(b.v), _mm256_castsi256_ps(a.v), m.v))};
}
static inline VecInt roundToInt(Vec a) { return {_mm256_cvtps_epi32(a.v)}; }
static inline Vec toFloat(VecInt a) { return {_mm256_cvtepi32_ps(a.v)}; }
static inline VecInt asInt(Vec a) { return {_mm256_castps_si256(a.v)}; }
static inline Vec asFloat(VecInt a) { return {_mm256_castsi256_ps(a.v)}; }

// Pairs, then quadruples inside each 128-bit lane, then the lanes themselves.
static inline void transpose(Vec* rows) {
  __m256 pairs[8], quads[8];
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    pairs[2 * i] = _mm256_unpacklo_ps(rows[2 * i].v, rows[2 * i + 1].v);
    pairs[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i].v, rows[2 * i + 1].v);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) {
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++) {
      quads[4 * i + 2 * h] = _mm256_shuffle_ps(pairs[4 * i + h], pairs[4 * i + 2 + h], 0x44);
      quads[4 * i + 2 * h + 1] = _mm256_shuffle_ps(pairs[4 * i + h], pairs[4 * i + 2 + h], 0xee);
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    rows[j].v = _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x20);
    rows[4 + j].v = _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x31);
  }
}

}  // namespace
}  // namespace ocellus
