// |x|^p, with or without the sign of x; 0 at 0. Exponents of square roots and small whole numbers take a few products.
#include "../simd/math.h"
#include "common.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct PowerAttrs {
  float exponent;
  int32_t isSigned;
};
static_assert(sizeof(PowerAttrs) == 8, "slots");

const char* checkPower(const KernelContext& context) {
  if (const char* wrong = checkEqualFloats(context, 1, 1)) return wrong;
  const PowerAttrs& attrs = attrsOf<PowerAttrs>(context);
  if (!isFlag(attrs.isSigned)) return "expected signed to be 0 or 1";
  return attrs.exponent == attrs.exponent ? nullptr : "expected an exponent that is a number";
}

template <class F>
void apply(const KernelContext& context, int64_t bytes, const F& power) {
  const float* x = f32(context.inputs[0]);
  const bool keepsSign = attrsOf<PowerAttrs>(context).isSigned != 0;
  writeVectors(context, bytes, [&](int64_t i, auto lanes) {
    const Vec value = load(x + i, lanes), size = abs(value);
    const Vec y = select(eq(size, zero()), zero(), power(size));
    return keepsSign ? select(lt(value, zero()), negate(y), y) : y;
  });
}

void runPower(const KernelContext& context) {
  const float exponent = attrsOf<PowerAttrs>(context).exponent;
  const Vec one = broadcast(1.0f);
  if (exponent == 0.0f) return apply(context, 8, [=](Vec) { return one; });
  if (exponent == 1.0f) return apply(context, 8, [](Vec a) { return a; });
  if (exponent == 2.0f) return apply(context, 8, [](Vec a) { return mul(a, a); });
  if (exponent == 3.0f) return apply(context, 8, [](Vec a) { return mul(mul(a, a), a); });
  if (exponent == 0.5f) return apply(context, 12, [](Vec a) { return sqrt(a); });
  if (exponent == -0.5f) return apply(context, 16, [=](Vec a) { return div(one, sqrt(a)); });
  const Vec power = broadcast(exponent);
  apply(context, 48, [=](Vec a) { return exp(mul(power, log(a))); });
}

const KernelEntry entries[] = {
    {"absPower(x) -> (y) {exponent:f, signed:i}", sizeof(PowerAttrs), checkPower, nullptr, runPower},
};

}  // namespace

extern const KernelFamily powerFamily;
const KernelFamily powerFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
