// Small indices: the low bytes of a VecInt to and from memory. The Partial forms touch n bytes.
#pragma once

#include "vec.h"

namespace ocellus {
namespace {

#if !OCELLUS_VEC_FORCE_SCALAR && defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)

static inline VecInt loadBytes(const uint8_t* p) {
  return {_mm512_maskz_cvtepu8_epi32(kAllLanes, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
static inline VecInt loadBytesPartial(const uint8_t* p, int64_t n) {
  return {_mm512_maskz_cvtepu8_epi32(kAllLanes, _mm_maskz_loadu_epi8(firstLanes(n), p))};
}
static inline void storeBytes(uint8_t* p, VecInt a) { _mm512_mask_cvtepi32_storeu_epi8(p, kAllLanes, a.v); }
static inline void storeBytesPartial(uint8_t* p, VecInt a, int64_t n) {
  _mm512_mask_cvtepi32_storeu_epi8(p, firstLanes(n), a.v);
}

#else

#if !OCELLUS_VEC_FORCE_SCALAR && defined(__AVX2__) && defined(__FMA__)
static inline VecInt loadBytes(const uint8_t* p) {
  return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
}
static inline void storeBytes(uint8_t* p, VecInt a) {
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(a.v), _mm256_extracti128_si256(a.v, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
}
#else
static inline VecInt loadBytes(const uint8_t* p) {
  int32_t lanes[kVecWidth];
  for (int i = 0; i < kVecWidth; i++) lanes[i] = p[i];
  return loadInt(lanes);
}
static inline void storeBytes(uint8_t* p, VecInt a) {
  int32_t lanes[kVecWidth];
  storeInt(lanes, a);
  for (int i = 0; i < kVecWidth; i++) p[i] = static_cast<uint8_t>(lanes[i]);
}
#endif

static inline VecInt loadBytesPartial(const uint8_t* p, int64_t n) {
  uint8_t lanes[kVecWidth] = {0};
  for (int64_t i = 0; i < n; i++) lanes[i] = p[i];
  return loadBytes(lanes);
}
static inline void storeBytesPartial(uint8_t* p, VecInt a, int64_t n) {
  uint8_t lanes[kVecWidth];
  storeBytes(lanes, a);
  for (int64_t i = 0; i < n; i++) p[i] = lanes[i];
}

#endif

}  // namespace
}  // namespace ocellus
