// Inverted dropout with a counter-based generator: whether element i is kept depends on (seed, step, salt, i) alone, so
// the backward pass draws the same mask again and any thread can do any part. Uniform and normal numbers by the same
// generator.
#include "../simd/math.h"
#include "../simd/philox.h"
#include "common.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct DropoutAttrs {
  float rate;
  int32_t salt;
};
static_assert(sizeof(DropoutAttrs) == 8, "slots");

const char* checkDropout(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 2, 1)) return wrong;
  const TensorView &x = context.inputs[0], &seed = context.inputs[1], &y = context.outputs[0];
  if (x.dtype != kFloat32 || y.dtype != kFloat32) return "expected float32 values";
  if (seed.dtype != kInt32 || !isVector(seed, 2)) return "expected an int32 seed of shape [2]";
  if (!sameShape(x, y)) return "expected an output of the shape of the input";
  const float rate = attrsOf<DropoutAttrs>(context).rate;
  return rate >= 0 && rate < 1 ? nullptr : "expected a rate in [0, 1)";
}

constexpr int64_t kDrawn = 4 * kPhiloxBlocks;

void runDropout(const KernelContext& context) {
  const DropoutAttrs& attrs = attrsOf<DropoutAttrs>(context);
  const float* x = f32(context.inputs[0]);
  const int32_t* seed = i32(context.inputs[1]);
  float* y = f32(context.outputs[0]);
  const int64_t size = context.outputs[0].size;
  const PhiloxStream stream = {static_cast<uint32_t>(attrs.salt), static_cast<uint32_t>(seed[1]),
                               static_cast<uint32_t>(seed[0]), 0};
  // word >> 8 is u times 2^24, a whole number that a float holds exactly; so is rate times 2^24, but for its fraction.
  const VecInt limit = broadcastInt(static_cast<int32_t>(__builtin_ceil(static_cast<double>(attrs.rate) * 16777216.0)));
  const Vec scale = broadcast(static_cast<float>(1.0 / (1.0 - asMeant(attrs.rate))));
  parallelFor(context, ceilDiv(size, kDrawn), grainFor(32 * kDrawn), [&](int64_t begin, int64_t end, int32_t) {
    uint32_t words[kDrawn];
    for (int64_t part = begin; part < end; part++) {
      philoxBlocks(words, static_cast<uint64_t>(part) * kPhiloxBlocks, stream);
      const int64_t base = part * kDrawn;
      forVectors(0, minOf(kDrawn, size - base), [&](int64_t i, auto lanes) {
        const VecInt drawn = shiftRight<8>(loadInt(reinterpret_cast<const int32_t*>(words) + i));
        const Vec kept = mul(load(x + base + i, lanes), scale);
        store(y + base + i, select(gt(limit, drawn), zero(), kept), lanes);
      });
    }
  });
}

struct UniformAttrs {
  ShapeAttr shape;
  float minimum, maximum;
  int32_t salt;
};
static_assert(sizeof(UniformAttrs) == 48, "slots");

const char* checkUniform(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 1, 1)) return wrong;
  const TensorView &seed = context.inputs[0], &y = context.outputs[0];
  if (y.dtype != kFloat32) return "expected a float32 output";
  if (seed.dtype != kInt32 || !isVector(seed, 2)) return "expected an int32 seed of shape [2]";
  return matches(attrsOf<UniformAttrs>(context).shape, y) ? nullptr : "expected an output of the given shape";
}

void runUniform(const KernelContext& context) {
  const UniformAttrs& attrs = attrsOf<UniformAttrs>(context);
  const int32_t* seed = i32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const int64_t size = context.outputs[0].size;
  const PhiloxStream stream = {static_cast<uint32_t>(attrs.salt), static_cast<uint32_t>(seed[1]),
                               static_cast<uint32_t>(seed[0]), 0};
  const Vec low = broadcast(attrs.minimum), unit = broadcast((attrs.maximum - attrs.minimum) / 16777216.0f);
  parallelFor(context, ceilDiv(size, kDrawn), grainFor(32 * kDrawn), [&](int64_t begin, int64_t end, int32_t) {
    uint32_t words[kDrawn];
    for (int64_t part = begin; part < end; part++) {
      philoxBlocks(words, static_cast<uint64_t>(part) * kPhiloxBlocks, stream);
      const int64_t base = part * kDrawn;
      forVectors(0, minOf(kDrawn, size - base), [&](int64_t i, auto lanes) {
        const Vec drawn = toFloat(shiftRight<8>(loadInt(reinterpret_cast<const int32_t*>(words) + i)));
        store(y + base + i, fma(drawn, unit, low), lanes);
      });
    }
  });
}

struct NormalAttrs {
  ShapeAttr shape;
  float mean, stddev;
  int32_t salt;
};
static_assert(sizeof(NormalAttrs) == 48, "slots");

const char* checkNormal(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 1, 1)) return wrong;
  const TensorView &seed = context.inputs[0], &y = context.outputs[0];
  if (y.dtype != kFloat32) return "expected a float32 output";
  if (seed.dtype != kInt32 || !isVector(seed, 2)) return "expected an int32 seed of shape [2]";
  const NormalAttrs& attrs = attrsOf<NormalAttrs>(context);
  if (!matches(attrs.shape, y)) return "expected an output of the given shape";
  return attrs.stddev >= 0 ? nullptr : "expected a deviation of at least 0";
}

// The cosine and sine of 2 pi u for u in [0, 1): u is a multiple of 1/4, and what is left is at most 1/8, where Taylor
// series are short.
inline void turn(Vec u, Vec& cosine, Vec& sine) {
  const Vec quarters = roundEven(mul(u, broadcast(4.0f)));
  const VecInt quadrant = roundToInt(quarters);
  const Vec angle = mul(fma(quarters, broadcast(-0.25f), u), broadcast(6.28318531f)), square = mul(angle, angle);
  Vec s = fma(square, broadcast(2.75573192e-6f), broadcast(-1.98412698e-4f));
  s = fma(s, square, broadcast(8.33333333e-3f));
  s = fma(s, square, broadcast(-1.66666667e-1f));
  s = fma(mul(s, square), angle, angle);
  Vec c = fma(square, broadcast(2.48015873e-5f), broadcast(-1.38888889e-3f));
  c = fma(c, square, broadcast(4.16666667e-2f));
  c = fma(c, square, broadcast(-0.5f));
  c = fma(c, square, broadcast(1.0f));
  const VecMask odd = eq(bitAnd(quadrant, broadcastInt(1)), broadcastInt(1));
  const VecInt two = broadcastInt(2);
  const VecInt cosineSign = shiftLeft<30>(bitAnd(add(quadrant, broadcastInt(1)), two));
  const VecInt sineSign = shiftLeft<30>(bitAnd(quadrant, two));
  cosine = asFloat(bitXor(asInt(select(odd, s, c)), cosineSign));
  sine = asFloat(bitXor(asInt(select(odd, c, s)), sineSign));
}

void runNormal(const KernelContext& context) {
  const NormalAttrs& attrs = attrsOf<NormalAttrs>(context);
  const int32_t* seed = i32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const int64_t size = context.outputs[0].size;
  const PhiloxStream stream = {static_cast<uint32_t>(attrs.salt), static_cast<uint32_t>(seed[1]),
                               static_cast<uint32_t>(seed[0]), 0};
  constexpr int64_t kHalf = kDrawn / 2;
  const Vec mean = broadcast(attrs.mean), stddev = broadcast(attrs.stddev), unit = broadcast(1.0f / 16777216.0f);
  parallelFor(context, ceilDiv(size, kDrawn), grainFor(64 * kDrawn), [&](int64_t begin, int64_t end, int32_t) {
    uint32_t words[kDrawn];
    float values[kDrawn];
    for (int64_t part = begin; part < end; part++) {
      philoxBlocks(words, static_cast<uint64_t>(part) * kPhiloxBlocks, stream);
      for (int64_t k = 0; k < kHalf; k += kVecWidth) {
        const int32_t* word = reinterpret_cast<const int32_t*>(words) + k;
        const Vec first = toFloat(add(shiftRight<8>(loadInt(word)), broadcastInt(1)));
        const Vec second = mul(toFloat(shiftRight<8>(loadInt(word + kHalf))), unit);
        const Vec radius = mul(stddev, sqrt(mul(broadcast(-2.0f), log(mul(first, unit)))));
        Vec cosine, sine;
        turn(second, cosine, sine);
        store(values + k, fma(radius, cosine, mean));
        store(values + kHalf + k, fma(radius, sine, mean));
      }
      const int64_t base = part * kDrawn;
      forVectors(0, minOf(kDrawn, size - base),
                 [&](int64_t i, auto lanes) { store(y + base + i, load(values + i, lanes), lanes); });
    }
  });
}

const KernelEntry entries[] = {
    {"dropout(x, seed) -> (y) {rate:f, salt:i}", sizeof(DropoutAttrs), checkDropout, nullptr, runDropout},
    {"randomUniform(seed) -> (y) {shape:i9, minimum:f, maximum:f, salt:i}", sizeof(UniformAttrs), checkUniform, nullptr,
     runUniform},
    {"randomNormal(seed) -> (y) {shape:i9, mean:f, stddev:f, salt:i}", sizeof(NormalAttrs), checkNormal, nullptr,
     runNormal},
};

}  // namespace

extern const KernelFamily dropoutFamily;
const KernelFamily dropoutFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
