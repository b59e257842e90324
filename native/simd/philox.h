// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011):
// src/core/random.ts in C++. Any thread can draw element i without drawing those before it.
#pragma once

#include <stdint.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace ocellus {
namespace {

constexpr uint32_t kPhiloxM0 = 0xd2511f53u;
constexpr uint32_t kPhiloxM1 = 0xcd9e8d57u;
constexpr uint32_t kPhiloxW0 = 0x9e3779b9u;
constexpr uint32_t kPhiloxW1 = 0xbb67ae85u;

// Blocks drawn at once by philoxBlocks: one 512-bit register of each state word.
constexpr int kPhiloxBlocks = 16;

// What stays the same from block to block.
struct PhiloxStream {
  uint32_t c2, c3, k0, k1;
};

// The four words of block (counter, c2, c3) under key (k0, k1).
static inline void philox(uint32_t out[4], uint64_t counter, const PhiloxStream& stream) {
  uint32_t x0 = static_cast<uint32_t>(counter), x1 = static_cast<uint32_t>(counter >> 32);
  uint32_t x2 = stream.c2, x3 = stream.c3;
  uint32_t key0 = stream.k0, key1 = stream.k1;
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = static_cast<uint64_t>(kPhiloxM0) * x0;
    const uint64_t p1 = static_cast<uint64_t>(kPhiloxM1) * x2;
    x0 = static_cast<uint32_t>(p1 >> 32) ^ x1 ^ key0;
    x1 = static_cast<uint32_t>(p1);
    x2 = static_cast<uint32_t>(p0 >> 32) ^ x3 ^ key1;
    x3 = static_cast<uint32_t>(p0);
    key0 += kPhiloxW0;
    key1 += kPhiloxW1;
  }
  out[0] = x0, out[1] = x1, out[2] = x2, out[3] = x3;
}

// Lanes of 64 bits. mulLow multiplies their low halves, whatever stands in the high ones; pack writes the low halves of
// the four words block by block.
#if defined(__AVX512F__)
// The zeroing forms are the same instructions; the plain ones make gcc 12 warn of an undefined register.
using PhiloxLanes = __m512i;
constexpr int kPhiloxLanes = 8;
static inline PhiloxLanes broadcastLanes(uint64_t a) { return _mm512_set1_epi64(static_cast<int64_t>(a)); }
static inline PhiloxLanes countFrom(uint64_t a) {
  return _mm512_add_epi64(broadcastLanes(a), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline PhiloxLanes mulLow(PhiloxLanes a, uint32_t b) {
  return _mm512_maskz_mul_epu32(0xff, a, broadcastLanes(b));
}
static inline PhiloxLanes high(PhiloxLanes a) { return _mm512_maskz_srli_epi64(0xff, a, 32); }
static inline PhiloxLanes mix(PhiloxLanes a, PhiloxLanes b, uint32_t key) {
  return _mm512_ternarylogic_epi64(a, b, broadcastLanes(key), 0x96);
}
static inline PhiloxLanes joinHalves(PhiloxLanes low, PhiloxLanes upper) {
  return _mm512_mask_blend_epi32(0xaaaa, low, _mm512_maskz_slli_epi64(0xff, upper, 32));
}
static inline void pack(uint32_t* out, PhiloxLanes x0, PhiloxLanes x1, PhiloxLanes x2, PhiloxLanes x3) {
  const __m512i first = joinHalves(x0, x1), second = joinHalves(x2, x3);
  _mm512_storeu_si512(out, _mm512_permutex2var_epi64(first, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), second));
  _mm512_storeu_si512(out + 16,
                      _mm512_permutex2var_epi64(first, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), second));
}
#elif defined(__AVX2__)
using PhiloxLanes = __m256i;
constexpr int kPhiloxLanes = 4;
static inline PhiloxLanes broadcastLanes(uint64_t a) { return _mm256_set1_epi64x(static_cast<int64_t>(a)); }
static inline PhiloxLanes countFrom(uint64_t a) {
  return _mm256_add_epi64(broadcastLanes(a), _mm256_setr_epi64x(0, 1, 2, 3));
}
static inline PhiloxLanes mulLow(PhiloxLanes a, uint32_t b) { return _mm256_mul_epu32(a, broadcastLanes(b)); }
static inline PhiloxLanes high(PhiloxLanes a) { return _mm256_srli_epi64(a, 32); }
static inline PhiloxLanes mix(PhiloxLanes a, PhiloxLanes b, uint32_t key) {
  return _mm256_xor_si256(_mm256_xor_si256(a, b), broadcastLanes(key));
}
static inline PhiloxLanes joinHalves(PhiloxLanes low, PhiloxLanes upper) {
  return _mm256_blend_epi32(low, _mm256_slli_epi64(upper, 32), 0xaa);
}
static inline void pack(uint32_t* out, PhiloxLanes x0, PhiloxLanes x1, PhiloxLanes x2, PhiloxLanes x3) {
  const __m256i first = joinHalves(x0, x1), second = joinHalves(x2, x3);
  const __m256i even = _mm256_unpacklo_epi64(first, second), odd = _mm256_unpackhi_epi64(first, second);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permute2x128_si256(even, odd, 0x20));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8), _mm256_permute2x128_si256(even, odd, 0x31));
}
#else
using PhiloxLanes = uint64_t;
constexpr int kPhiloxLanes = 1;
static inline PhiloxLanes broadcastLanes(uint64_t a) { return a; }
static inline PhiloxLanes countFrom(uint64_t a) { return a; }
static inline PhiloxLanes mulLow(PhiloxLanes a, uint32_t b) {
  return static_cast<uint64_t>(static_cast<uint32_t>(a)) * b;
}
static inline PhiloxLanes high(PhiloxLanes a) { return a >> 32; }
static inline PhiloxLanes mix(PhiloxLanes a, PhiloxLanes b, uint32_t key) { return a ^ b ^ key; }
static inline void pack(uint32_t* out, PhiloxLanes x0, PhiloxLanes x1, PhiloxLanes x2, PhiloxLanes x3) {
  out[0] = static_cast<uint32_t>(x0), out[1] = static_cast<uint32_t>(x1);
  out[2] = static_cast<uint32_t>(x2), out[3] = static_cast<uint32_t>(x3);
}
#endif

// The words of the kPhiloxBlocks blocks from `counter` on, 4 * kPhiloxBlocks in all, in order of block. Two groups of
// lanes at a time hide the latency of the multiplications.
static inline void philoxBlocks(uint32_t* out, uint64_t counter, const PhiloxStream& stream) {
  constexpr int kGroups = 2;
  for (int first = 0; first < kPhiloxBlocks; first += kGroups * kPhiloxLanes) {
    PhiloxLanes x[kGroups][4];
    for (int g = 0; g < kGroups; g++) {
      x[g][0] = countFrom(counter + static_cast<uint64_t>(first + g * kPhiloxLanes));
      x[g][1] = high(x[g][0]);
      x[g][2] = broadcastLanes(stream.c2);
      x[g][3] = broadcastLanes(stream.c3);
    }
    uint32_t key0 = stream.k0, key1 = stream.k1;
    for (int round = 0; round < 10; round++) {
      for (int g = 0; g < kGroups; g++) {
        const PhiloxLanes p0 = mulLow(x[g][0], kPhiloxM0), p1 = mulLow(x[g][2], kPhiloxM1);
        x[g][0] = mix(high(p1), x[g][1], key0);
        x[g][1] = p1;
        x[g][2] = mix(high(p0), x[g][3], key1);
        x[g][3] = p0;
      }
      key0 += kPhiloxW0;
      key1 += kPhiloxW1;
    }
    for (int g = 0; g < kGroups; g++) pack(out + 4 * (first + g * kPhiloxLanes), x[g][0], x[g][1], x[g][2], x[g][3]);
  }
}

}  // namespace
}  // namespace ocellus
