// Vec without intrinsics: 4 lanes in the compiler's portable vector type, which becomes SSE2 on any x86-64 and plain
// scalar code elsewhere. fma rounds twice where the processor has no such instruction. The contract is in vec.h.
#pragma once

namespace ocellus {
namespace {

constexpr int kVecWidth = 4;

typedef float FloatLanes __attribute__((vector_size(16)));
typedef int32_t IntLanes __attribute__((vector_size(16)));
typedef uint32_t UintLanes __attribute__((vector_size(16)));

struct Vec {
  FloatLanes v;
};
struct VecInt {
  IntLanes v;
};
struct VecMask {
  IntLanes v;
};

static inline Vec zero() { return {FloatLanes{0, 0, 0, 0}}; }
static inline Vec broadcast(float x) { return {FloatLanes{x, x, x, x}}; }
static inline Vec loadPartial(const float* p, int64_t n) {
  Vec a = zero();
  memcpy(&a.v, p, (size_t)n * sizeof(float));
  return a;
}
static inline Vec load(const float* p) {
  Vec a;
  memcpy(&a.v, p, sizeof a.v);
  return a;
}
static inline void store(float* p, Vec a) { memcpy(p, &a.v, sizeof a.v); }
static inline void storePartial(float* p, Vec a, int64_t n) { memcpy(p, &a.v, (size_t)n * sizeof(float)); }
static inline void stream(float* p, Vec a) { store(p, a); }
static inline Vec settled(Vec a) { return a; }
static inline void streamFence() {}

static inline VecInt asInt(Vec a) { return {(IntLanes)a.v}; }
static inline Vec asFloat(VecInt a) { return {(FloatLanes)a.v}; }
static inline VecInt broadcastInt(int32_t x) { return {IntLanes{x, x, x, x}}; }

static inline Vec add(Vec a, Vec b) { return {a.v + b.v}; }
static inline Vec sub(Vec a, Vec b) { return {a.v - b.v}; }
static inline Vec mul(Vec a, Vec b) { return {a.v * b.v}; }
static inline Vec div(Vec a, Vec b) { return {a.v / b.v}; }
static inline Vec fma(Vec a, Vec b, Vec c) { return {a.v * b.v + c.v}; }
static inline Vec negate(Vec a) { return {-a.v}; }
static inline Vec abs(Vec a) { return {(FloatLanes)((IntLanes)a.v & broadcastInt(0x7fffffff).v)}; }
static inline Vec sqrt(Vec a) {
  return {
      FloatLanes{__builtin_sqrtf(a.v[0]), __builtin_sqrtf(a.v[1]), __builtin_sqrtf(a.v[2]), __builtin_sqrtf(a.v[3])}};
}

static inline VecMask lt(Vec a, Vec b) { return {a.v < b.v}; }
static inline VecMask le(Vec a, Vec b) { return {a.v <= b.v}; }
static inline VecMask gt(Vec a, Vec b) { return {a.v > b.v}; }
static inline VecMask ge(Vec a, Vec b) { return {a.v >= b.v}; }
static inline VecMask eq(Vec a, Vec b) { return {a.v == b.v}; }
static inline VecMask isNan(Vec a) { return {a.v != a.v}; }
static inline VecMask maskAnd(VecMask a, VecMask b) { return {a.v & b.v}; }
static inline VecMask maskOr(VecMask a, VecMask b) { return {a.v | b.v}; }
static inline VecMask maskNot(VecMask a) { return {~a.v}; }
static inline bool anyOf(VecMask m) { return (m.v[0] | m.v[1] | m.v[2] | m.v[3]) != 0; }
static inline VecInt select(VecMask m, VecInt a, VecInt b) { return {(a.v & m.v) | (b.v & ~m.v)}; }
static inline Vec select(VecMask m, Vec a, Vec b) { return asFloat(select(m, asInt(a), asInt(b))); }
static inline Vec min(Vec a, Vec b) { return select(lt(a, b), a, b); }
static inline Vec max(Vec a, Vec b) { return select(gt(a, b), a, b); }

static inline float reduceAdd(Vec a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
static inline float reduceMax(Vec a) {
  const float even = a.v[0] > a.v[2] ? a.v[0] : a.v[2], odd = a.v[1] > a.v[3] ? a.v[1] : a.v[3];
  return even > odd ? even : odd;
}
static inline float reduceMin(Vec a) {
  const float even = a.v[0] < a.v[2] ? a.v[0] : a.v[2], odd = a.v[1] < a.v[3] ? a.v[1] : a.v[3];
  return even < odd ? even : odd;
}

static inline VecInt loadInt(const int32_t* p) {
  VecInt a;
  memcpy(&a.v, p, sizeof a.v);
  return a;
}
static inline VecInt loadIntPartial(const int32_t* p, int64_t n) {
  VecInt a = broadcastInt(0);
  memcpy(&a.v, p, (size_t)n * sizeof(int32_t));
  return a;
}
static inline void storeInt(int32_t* p, VecInt a) { memcpy(p, &a.v, sizeof a.v); }
static inline void storeIntPartial(int32_t* p, VecInt a, int64_t n) { memcpy(p, &a.v, (size_t)n * sizeof(int32_t)); }
// Through unsigned lanes, where wrapping is defined.
static inline VecInt add(VecInt a, VecInt b) { return {(IntLanes)((UintLanes)a.v + (UintLanes)b.v)}; }
static inline VecInt sub(VecInt a, VecInt b) { return {(IntLanes)((UintLanes)a.v - (UintLanes)b.v)}; }
static inline VecInt mul(VecInt a, VecInt b) { return {(IntLanes)((UintLanes)a.v * (UintLanes)b.v)}; }
static inline VecInt bitAnd(VecInt a, VecInt b) { return {a.v & b.v}; }
static inline VecInt bitOr(VecInt a, VecInt b) { return {a.v | b.v}; }
static inline VecInt bitXor(VecInt a, VecInt b) { return {a.v ^ b.v}; }
template <int n>
static inline VecInt shiftLeft(VecInt a) {
  return {(IntLanes)((UintLanes)a.v << n)};
}
template <int n>
static inline VecInt shiftRight(VecInt a) {
  return {(IntLanes)((UintLanes)a.v >> n)};
}
static inline VecMask eq(VecInt a, VecInt b) { return {a.v == b.v}; }
static inline VecMask gt(VecInt a, VecInt b) { return {a.v > b.v}; }
static inline Vec toFloat(VecInt a) { return {__builtin_convertvector(a.v, FloatLanes)}; }
// Adding 1.5 * 2^23 leaves no room for fraction bits: the addition itself rounds, ties to even.
static inline VecInt roundToInt(Vec a) {
  const Vec shift = broadcast(12582912.0f);
  return sub(asInt(add(a, shift)), asInt(shift));
}
// From 2^23 on every float is whole (NaN compares false and stays itself).
static inline Vec roundEven(Vec a) {
  const Vec shift = asFloat(bitOr(bitAnd(asInt(a), asInt(broadcast(-0.0f))), asInt(broadcast(8388608.0f))));
  const Vec rounded = sub(add(a, shift), shift);
  const Vec signedZero = asFloat(bitOr(asInt(rounded), bitAnd(asInt(a), asInt(broadcast(-0.0f)))));
  return select(lt(abs(a), broadcast(8388608.0f)), signedZero, a);
}

static inline void transpose(Vec* rows) {
  for (int i = 1; i < 4; i++) {
    for (int j = 0; j < i; j++) {
      const float x = rows[i].v[j];
      rows[i].v[j] = rows[j].v[i];
      rows[j].v[i] = x;
    }
  }
}

}  // namespace
}  // namespace ocellus
