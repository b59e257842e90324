// Vec for 64-bit ARM (NEON): 4 lanes; the tail of a row goes through a small array. The contract is in vec.h.
#pragma once

#include <arm_neon.h>

namespace ocellus {
namespace {

constexpr int kVecWidth = 4;

struct Vec {
  float32x4_t v;
};
struct VecInt {
  int32x4_t v;
};
struct VecMask {
  uint32x4_t v;
};

static inline Vec load(const float* p) { return {vld1q_f32(p)}; }
static inline Vec loadPartial(const float* p, int64_t n) {
  float lanes[4] = {0, 0, 0, 0};
  memcpy(lanes, p, (size_t)n * sizeof(float));
  return {vld1q_f32(lanes)};
}
static inline void store(float* p, Vec a) { vst1q_f32(p, a.v); }
static inline void storePartial(float* p, Vec a, int64_t n) {
  float lanes[4];
  vst1q_f32(lanes, a.v);
  memcpy(p, lanes, (size_t)n * sizeof(float));
}
static inline void stream(float* p, Vec a) { vst1q_f32(p, a.v); }
static inline Vec settled(Vec a) { return a; }
static inline void streamFence() {}

static inline Vec broadcast(float x) { return {vdupq_n_f32(x)}; }
static inline Vec zero() { return {vdupq_n_f32(0.0f)}; }
static inline Vec add(Vec a, Vec b) { return {vaddq_f32(a.v, b.v)}; }
static inline Vec sub(Vec a, Vec b) { return {vsubq_f32(a.v, b.v)}; }
static inline Vec mul(Vec a, Vec b) { return {vmulq_f32(a.v, b.v)}; }
static inline Vec div(Vec a, Vec b) { return {vdivq_f32(a.v, b.v)}; }
static inline Vec fma(Vec a, Vec b, Vec c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
static inline Vec negate(Vec a) { return {vnegq_f32(a.v)}; }
static inline Vec abs(Vec a) { return {vabsq_f32(a.v)}; }
// Not vminq/vmaxq: those return NaN when either side is NaN.
static inline Vec min(Vec a, Vec b) { return {vbslq_f32(vcltq_f32(a.v, b.v), a.v, b.v)}; }
static inline Vec max(Vec a, Vec b) { return {vbslq_f32(vcgtq_f32(a.v, b.v), a.v, b.v)}; }
static inline Vec sqrt(Vec a) { return {vsqrtq_f32(a.v)}; }
static inline Vec roundEven(Vec a) { return {vrndnq_f32(a.v)}; }

static inline VecMask lt(Vec a, Vec b) { return {vcltq_f32(a.v, b.v)}; }
static inline VecMask le(Vec a, Vec b) { return {vcleq_f32(a.v, b.v)}; }
static inline VecMask gt(Vec a, Vec b) { return {vcgtq_f32(a.v, b.v)}; }
static inline VecMask ge(Vec a, Vec b) { return {vcgeq_f32(a.v, b.v)}; }
static inline VecMask eq(Vec a, Vec b) { return {vceqq_f32(a.v, b.v)}; }
static inline VecMask isNan(Vec a) { return {vmvnq_u32(vceqq_f32(a.v, a.v))}; }
static inline VecMask maskAnd(VecMask a, VecMask b) { return {vandq_u32(a.v, b.v)}; }
static inline VecMask maskOr(VecMask a, VecMask b) { return {vorrq_u32(a.v, b.v)}; }
static inline VecMask maskNot(VecMask a) { return {vmvnq_u32(a.v)}; }
static inline bool anyOf(VecMask m) { return vmaxvq_u32(m.v) != 0; }
static inline Vec select(VecMask m, Vec a, Vec b) { return {vbslq_f32(m.v, a.v, b.v)}; }

static inline float reduceAdd(Vec a) {
  const float32x2_t h = vadd_f32(vget_low_f32(a.v), vget_high_f32(a.v));
  return vget_lane_f32(h, 0) + vget_lane_f32(h, 1);
}

static inline float reduceMax(Vec a) {
  const float32x2_t low = vget_low_f32(a.v), high = vget_high_f32(a.v);
  const float32x2_t h = vbsl_f32(vcgt_f32(low, high), low, high);
  const float x = vget_lane_f32(h, 0), y = vget_lane_f32(h, 1);
  return x > y ? x : y;
}

static inline float reduceMin(Vec a) {
  const float32x2_t low = vget_low_f32(a.v), high = vget_high_f32(a.v);
  const float32x2_t h = vbsl_f32(vclt_f32(low, high), low, high);
  const float x = vget_lane_f32(h, 0), y = vget_lane_f32(h, 1);
  return x < y ? x : y;
}

static inline VecInt loadInt(const int32_t* p) { return {vld1q_s32(p)}; }
static inline VecInt loadIntPartial(const int32_t* p, int64_t n) {
  int32_t lanes[4] = {0, 0, 0, 0};
  memcpy(lanes, p, (size_t)n * sizeof(int32_t));
  return {vld1q_s32(lanes)};
}
static inline void storeInt(int32_t* p, VecInt a) { vst1q_s32(p, a.v); }
static inline void storeIntPartial(int32_t* p, VecInt a, int64_t n) {
  int32_t lanes[4];
  vst1q_s32(lanes, a.v);
  memcpy(p, lanes, (size_t)n * sizeof(int32_t));
}
static inline VecInt broadcastInt(int32_t x) { return {vdupq_n_s32(x)}; }
static inline VecInt add(VecInt a, VecInt b) { return {vaddq_s32(a.v, b.v)}; }
static inline VecInt sub(VecInt a, VecInt b) { return {vsubq_s32(a.v, b.v)}; }
static inline VecInt mul(VecInt a, VecInt b) { return {vmulq_s32(a.v, b.v)}; }
static inline VecInt bitAnd(VecInt a, VecInt b) { return {vandq_s32(a.v, b.v)}; }
static inline VecInt bitOr(VecInt a, VecInt b) { return {vorrq_s32(a.v, b.v)}; }
static inline VecInt bitXor(VecInt a, VecInt b) { return {veorq_s32(a.v, b.v)}; }
template <int n>
static inline VecInt shiftLeft(VecInt a) {
  return {vshlq_s32(a.v, vdupq_n_s32(n))};
}
template <int n>
static inline VecInt shiftRight(VecInt a) {
  return {vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(a.v), vdupq_n_s32(-n)))};
}
static inline VecMask eq(VecInt a, VecInt b) { return {vceqq_s32(a.v, b.v)}; }
static inline VecMask gt(VecInt a, VecInt b) { return {vcgtq_s32(a.v, b.v)}; }
static inline VecInt select(VecMask m, VecInt a, VecInt b) { return {vbslq_s32(m.v, a.v, b.v)}; }
static inline VecInt roundToInt(Vec a) { return {vcvtnq_s32_f32(a.v)}; }
static inline Vec toFloat(VecInt a) { return {vcvtq_f32_s32(a.v)}; }
static inline VecInt asInt(Vec a) { return {vreinterpretq_s32_f32(a.v)}; }
static inline Vec asFloat(VecInt a) { return {vreinterpretq_f32_s32(a.v)}; }

static inline void transpose(Vec* rows) {
  const float32x4x2_t top = vzipq_f32(rows[0].v, rows[2].v), bottom = vzipq_f32(rows[1].v, rows[3].v);
  const float32x4x2_t left = vzipq_f32(top.val[0], bottom.val[0]), right = vzipq_f32(top.val[1], bottom.val[1]);
  rows[0].v = left.val[0];
  rows[1].v = left.val[1];
  rows[2].v = right.val[0];
  rows[3].v = right.val[1];
}

}  // namespace
}  // namespace ocellus
