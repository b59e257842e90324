// Activations whose gradient is formed from the input x. Each is a curve and its slope; at infinity both take their
// limits. min and max give their second operand for NaN, so that clamps written this way keep it.
#include "../simd/math.h"
#include "common.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct NoAttrs {};
constexpr int32_t slotsOf(const NoAttrs*) { return 0; }
template <class Attrs>
constexpr int32_t slotsOf(const Attrs*) {
  return sizeof(Attrs);
}

// Beyond this distance from 0, sigmoid is 0 or 1.
constexpr float kFarOut = 1000.0f;

static inline Vec one() { return broadcast(1.0f); }
static inline Vec clamp(Vec x, float low, float high) { return min(broadcast(high), max(broadcast(low), x)); }

// Each curve: its attributes, y(x), the slope at x, and what an element costs in bytes moved in the same time.
struct Elu {
  struct Attrs {
    float alpha, scale, inputScale;
  };
  static constexpr int64_t kBytes = 28;
  static inline Vec y(const Attrs& a, Vec x) {
    const Vec below = mul(broadcast(a.alpha), expm1(mul(broadcast(a.inputScale), x)));
    return mul(broadcast(a.scale), select(gt(x, zero()), x, below));
  }
  static inline Vec slope(const Attrs& a, Vec x) {
    const Vec below = mul(broadcast(a.alpha * a.inputScale), exp(mul(broadcast(a.inputScale), x)));
    return mul(broadcast(a.scale), select(gt(x, zero()), one(), below));
  }
};

struct Gelu {
  struct Attrs {
    int32_t approximate;  // 0: none, 1: tanh
  };
  static constexpr int64_t kBytes = 48;
  static constexpr float kFarTail = 40.0f;
  static constexpr float kTanhFactor = 1.59576912f, kCubic = 0.044715f, kDensity = 0.398942280f;
  // 0.5 (1 + tanh(u)) = sigmoid(2u): without the cancellation of 1 + tanh.
  static inline Vec tanhCdf(Vec x, Vec square) {
    return sigmoid(mul(mul(broadcast(kTanhFactor), x), fma(broadcast(kCubic), square, one())));
  }
  static inline Vec y(const Attrs& a, Vec x) {
    const Vec limited = max(broadcast(-kFarTail), x);
    return mul(limited, a.approximate ? tanhCdf(limited, mul(limited, limited)) : normalCdf(limited));
  }
  static inline Vec slope(const Attrs& a, Vec given) {
    const Vec x = clamp(given, -kFarTail, kFarTail);
    if (!a.approximate) {
      const Vec bell = halfSquareExp(abs(x));
      return fma(mul(broadcast(kDensity), x), bell, normalCdf(x, bell));
    }
    const Vec square = mul(x, x), s = tanhCdf(x, square);
    const Vec inner = mul(broadcast(kTanhFactor), fma(broadcast(3 * kCubic), square, one()));
    return fma(mul(x, inner), mul(s, sub(one(), s)), s);
  }
};

struct Silu {
  using Attrs = NoAttrs;
  static constexpr int64_t kBytes = 32;
  static inline Vec y(const Attrs&, Vec x) {
    const Vec limited = max(broadcast(-kFarOut), x);
    return mul(limited, sigmoid(limited));
  }
  static inline Vec slope(const Attrs&, Vec given) {
    const Vec x = clamp(given, -kFarOut, kFarOut), s = sigmoid(x);
    return mul(s, fma(x, sub(one(), s), one()));
  }
};

// x tanh(ln(1 + e)) with e = exp(x) is x n / (n + 2), n = e (e + 2). From 20 on the factor is 1.
struct Mish {
  using Attrs = NoAttrs;
  static constexpr int64_t kBytes = 32;
  static constexpr float kEnd = 20.0f;
  static inline Vec y(const Attrs&, Vec x) {
    const Vec e = exp(min(broadcast(kEnd), x)), n = mul(e, add(e, broadcast(2.0f)));
    return mul(max(broadcast(-kFarOut), x), div(n, add(n, broadcast(2.0f))));
  }
  static inline Vec slope(const Attrs&, Vec given) {
    const Vec x = clamp(given, -kFarOut, kEnd), e = exp(x), n = mul(e, add(e, broadcast(2.0f)));
    const Vec inverse = div(one(), add(n, broadcast(2.0f)));
    const Vec rise = mul(mul(broadcast(4.0f), mul(x, e)), mul(add(one(), e), inverse));
    return mul(inverse, add(n, rise));
  }
};

struct Softplus {
  using Attrs = NoAttrs;
  static constexpr int64_t kBytes = 48;
  static inline Vec y(const Attrs&, Vec x) { return add(max(zero(), x), log1p(exp(negate(abs(x))))); }
  static inline Vec slope(const Attrs&, Vec x) { return sigmoid(x); }
};

struct Softsign {
  using Attrs = NoAttrs;
  static constexpr int64_t kBytes = 12;
  static inline Vec y(const Attrs&, Vec x) {
    const Vec limited = clamp(x, -3e38f, 3e38f);
    return div(limited, add(one(), abs(limited)));
  }
  static inline Vec slope(const Attrs&, Vec x) {
    const Vec inverse = div(one(), add(one(), abs(x)));
    return mul(inverse, inverse);
  }
};

static inline Vec hardSigmoidOf(Vec x) {
  return mul(clamp(add(x, broadcast(3.0f)), 0.0f, 6.0f), broadcast(1.0f / 6.0f));
}

struct HardSigmoid {
  using Attrs = NoAttrs;
  static constexpr int64_t kBytes = 8;
  static inline Vec y(const Attrs&, Vec x) { return hardSigmoidOf(x); }
  static inline Vec slope(const Attrs&, Vec x) {
    return select(lt(abs(x), broadcast(3.0f)), broadcast(1.0f / 6.0f), zero());
  }
};

struct HardSwish {
  using Attrs = NoAttrs;
  static constexpr int64_t kBytes = 8;
  static inline Vec y(const Attrs&, Vec x) { return mul(max(broadcast(-3.0f), x), hardSigmoidOf(x)); }
  static inline Vec slope(const Attrs&, Vec x) {
    const Vec middle = fma(x, broadcast(1.0f / 3.0f), broadcast(0.5f));
    return select(ge(x, broadcast(3.0f)), one(), select(gt(x, broadcast(-3.0f)), middle, zero()));
  }
};

struct HardTanh {
  struct Attrs {
    float minValue, maxValue;
  };
  static constexpr int64_t kBytes = 8;
  static inline Vec y(const Attrs& a, Vec x) { return clamp(x, a.minValue, a.maxValue); }
  static inline Vec slope(const Attrs& a, Vec x) {
    const VecMask inside = maskAnd(ge(x, broadcast(a.minValue)), le(x, broadcast(a.maxValue)));
    return select(inside, one(), zero());
  }
};

struct Rectify {
  struct Attrs {
    float threshold, maxValue, negativeSlope;
  };
  static constexpr int64_t kBytes = 8;
  static inline Vec y(const Attrs& a, Vec x) {
    const Vec limit = broadcast(a.threshold);
    // 0 times minus infinity is no number.
    const Vec below = a.negativeSlope == 0 ? zero() : mul(broadcast(a.negativeSlope), sub(x, limit));
    return select(le(x, limit), below, min(broadcast(a.maxValue), x));
  }
  static inline Vec slope(const Attrs& a, Vec x) {
    const Vec limit = broadcast(a.threshold);
    const Vec above = select(lt(x, broadcast(a.maxValue)), one(), zero());
    return select(gt(x, limit), above, select(lt(x, limit), broadcast(a.negativeSlope), zero()));
  }
};

struct Threshold {
  struct Attrs {
    float threshold, value;
  };
  static constexpr int64_t kBytes = 8;
  static inline Vec y(const Attrs& a, Vec x) { return select(le(x, broadcast(a.threshold)), broadcast(a.value), x); }
  static inline Vec slope(const Attrs& a, Vec x) { return select(gt(x, broadcast(a.threshold)), one(), zero()); }
};

const char* checkCurve(const KernelContext& context) { return checkEqualFloats(context, 1, 1); }
const char* checkGrad(const KernelContext& context) { return checkEqualFloats(context, 2, 1); }
template <const char* (*check)(const KernelContext&)>
const char* checkGelu(const KernelContext& context) {
  const char* wrong = check(context);
  const bool known = isFlag(attrsOf<Gelu::Attrs>(context).approximate);
  return wrong ? wrong : known ? nullptr : "expected a known approximation";
}

// An op without attributes has no place for them: there is nothing to read.
template <class Curve>
typename Curve::Attrs attrsOfCurve(const KernelContext& context) {
  return slotsOf(static_cast<const typename Curve::Attrs*>(nullptr)) == 0 ? typename Curve::Attrs{}
                                                                          : attrsOf<typename Curve::Attrs>(context);
}

template <class Curve>
void runCurve(const KernelContext& context) {
  const typename Curve::Attrs attrs = attrsOfCurve<Curve>(context);
  const float* x = f32(context.inputs[0]);
  writeVectors(context, Curve::kBytes, [&](int64_t i, auto lanes) { return Curve::y(attrs, load(x + i, lanes)); });
}

template <class Curve>
void runGrad(const KernelContext& context) {
  const typename Curve::Attrs attrs = attrsOfCurve<Curve>(context);
  const float *x = f32(context.inputs[0]), *dy = f32(context.inputs[1]);
  writeVectors(context, Curve::kBytes + 4, [&](int64_t i, auto lanes) {
    return mul(load(dy + i, lanes), Curve::slope(attrs, load(x + i, lanes)));
  });
}

template <class Curve>
constexpr KernelEntry entryOf(const char* signature) {
  return {signature, slotsOf(static_cast<const typename Curve::Attrs*>(nullptr)), checkCurve, nullptr, runCurve<Curve>};
}
template <class Curve>
constexpr KernelEntry gradOf(const char* signature) {
  return {signature, slotsOf(static_cast<const typename Curve::Attrs*>(nullptr)), checkGrad, nullptr, runGrad<Curve>};
}

const KernelEntry entries[] = {
    entryOf<Elu>("elu(x) -> (y) {alpha:f, scale:f, inputScale:f}"),
    gradOf<Elu>("eluGrad(x, dy) -> (dx) {alpha:f, scale:f, inputScale:f}"),
    {"gelu(x) -> (y) {approximate:i}", sizeof(Gelu::Attrs), checkGelu<checkCurve>, nullptr, runCurve<Gelu>},
    {"geluGrad(x, dy) -> (dx) {approximate:i}", sizeof(Gelu::Attrs), checkGelu<checkGrad>, nullptr, runGrad<Gelu>},
    entryOf<Silu>("silu(x) -> (y) {}"),
    gradOf<Silu>("siluGrad(x, dy) -> (dx) {}"),
    entryOf<Mish>("mish(x) -> (y) {}"),
    gradOf<Mish>("mishGrad(x, dy) -> (dx) {}"),
    entryOf<Softplus>("softplus(x) -> (y) {}"),
    gradOf<Softplus>("softplusGrad(x, dy) -> (dx) {}"),
    entryOf<Softsign>("softsign(x) -> (y) {}"),
    gradOf<Softsign>("softsignGrad(x, dy) -> (dx) {}"),
    entryOf<HardSigmoid>("hardSigmoid(x) -> (y) {}"),
    gradOf<HardSigmoid>("hardSigmoidGrad(x, dy) -> (dx) {}"),
    entryOf<HardSwish>("hardSwish(x) -> (y) {}"),
    gradOf<HardSwish>("hardSwishGrad(x, dy) -> (dx) {}"),
    entryOf<HardTanh>("hardTanh(x) -> (y) {minValue:f, maxValue:f}"),
    gradOf<HardTanh>("hardTanhGrad(x, dy) -> (dx) {minValue:f, maxValue:f}"),
    entryOf<Rectify>("rectify(x) -> (y) {threshold:f, maxValue:f, negativeSlope:f}"),
    gradOf<Rectify>("rectifyGrad(x, dy) -> (dx) {threshold:f, maxValue:f, negativeSlope:f}"),
    entryOf<Threshold>("threshold(x) -> (y) {threshold:f, value:f}"),
    gradOf<Threshold>("thresholdGrad(x, dy) -> (dx) {threshold:f, value:f}"),
};

}  // namespace

extern const KernelFamily pointwiseFamily;
const KernelFamily pointwiseFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
