// Inverted dropout with a counter-based generator: whether element i is kept depends on (seed, step, salt, i) alone, so
// the backward pass draws the same mask again and any thread can do any part.
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

const KernelEntry entries[] = {
    {"dropout(x, seed) -> (y) {rate:f, salt:i}", sizeof(DropoutAttrs), checkDropout, nullptr, runDropout},
};

}  // namespace

extern const KernelFamily dropoutFamily;
const KernelFamily dropoutFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
