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

// Lanes of 64 bits; mulLow multiplies their low halves, whatever stands in the high ones.
#if defined(__AVX512F__)
// The zeroing forms are the same instructions; the plain ones make gcc 12 warn of an undefined register.
using PhiloxLanes = __m512i;
constexpr int kPhiloxLanes = 8;
static inline PhiloxLanes mulLow(PhiloxLanes a, uint32_t b) {
  return _mm512_maskz_mul_epu32(0xff, a, _mm512_set1_epi64(b));
}
static inline PhiloxLanes high(PhiloxLanes a) { return _mm512_maskz_srli_epi64(0xff, a, 32); }
static inline PhiloxLanes mix(PhiloxLanes a, PhiloxLanes b, uint32_t key) {
  return _mm512_ternarylogic_epi64(a, b, _mm512_set1_epi64(key), 0x96);
}
static inline PhiloxLanes loadLanes(const uint64_t* p) { return _mm512_loadu_si512(p); }
static inline void storeLanes(uint64_t* p, PhiloxLanes a) { _mm512_storeu_si512(p, a); }
#elif defined(__AVX2__)
using PhiloxLanes = __m256i;
constexpr int kPhiloxLanes = 4;
static inline PhiloxLanes mulLow(PhiloxLanes a, uint32_t b) { return _mm256_mul_epu32(a, _mm256_set1_epi64x(b)); }
static inline PhiloxLanes high(PhiloxLanes a) { return _mm256_srli_epi64(a, 32); }
static inline PhiloxLanes mix(PhiloxLanes a, PhiloxLanes b, uint32_t key) {
  return _mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_set1_epi64x(key));
}
static inline PhiloxLanes loadLanes(const uint64_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
static inline void storeLanes(uint64_t* p, PhiloxLanes a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a); }
#else
using PhiloxLanes = uint64_t;
constexpr int kPhiloxLanes = 1;
static inline PhiloxLanes mulLow(PhiloxLanes a, uint32_t b) { return static_cast<uint64_t>(static_cast<uint32_t>(a)) * b; }
static inline PhiloxLanes high(PhiloxLanes a) { return a >> 32; }
static inline PhiloxLanes mix(PhiloxLanes a, PhiloxLanes b, uint32_t key) { return a ^ b ^ key; }
static inline PhiloxLanes loadLanes(const uint64_t* p) { return *p; }
static inline void storeLanes(uint64_t* p, PhiloxLanes a) { *p = a; }
#endif

// The words of the kPhiloxBlocks blocks from `counter` on, 4 * kPhiloxBlocks in all, in order of block.
static inline void philoxBlocks(uint32_t* out, uint64_t counter, const PhiloxStream& stream) {
  constexpr int kGroup = kPhiloxLanes == 1 ? 1 : kPhiloxBlocks / kPhiloxLanes;
  uint64_t words[4][kPhiloxBlocks];
  for (int i = 0; i < kPhiloxBlocks; i++) {
    const uint64_t c = counter + static_cast<uint64_t>(i);
    words[0][i] = c;
    words[1][i] = c >> 32;
    words[2][i] = stream.c2;
    words[3][i] = stream.c3;
  }
  for (int first = 0; first < kPhiloxBlocks; first += kGroup * kPhiloxLanes) {
    PhiloxLanes x[4][kGroup];
    for (int g = 0; g < kGroup; g++)
      for (int w = 0; w < 4; w++) x[w][g] = loadLanes(&words[w][first + g * kPhiloxLanes]);
    uint32_t key0 = stream.k0, key1 = stream.k1;
    for (int round = 0; round < 10; round++) {
      for (int g = 0; g < kGroup; g++) {
        const PhiloxLanes p0 = mulLow(x[0][g], kPhiloxM0);
        const PhiloxLanes p1 = mulLow(x[2][g], kPhiloxM1);
        x[0][g] = mix(high(p1), x[1][g], key0);
        x[1][g] = p1;
        x[2][g] = mix(high(p0), x[3][g], key1);
        x[3][g] = p0;
      }
      key0 += kPhiloxW0;
      key1 += kPhiloxW1;
    }
    for (int g = 0; g < kGroup; g++)
      for (int w = 0; w < 4; w++) storeLanes(&words[w][first + g * kPhiloxLanes], x[w][g]);
  }
  for (int i = 0; i < kPhiloxBlocks; i++)
    for (int w = 0; w < 4; w++) out[4 * i + w] = static_cast<uint32_t>(words[w][i]);
}

}  // namespace
}  // namespace ocellus
