// Optimizer steps, each one pass over parameter, gradient and slots. The formulas and their sources are those of
// src/ops/optimizer.ts.
#include "update.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct Sgd {
  struct Attrs {
    UpdateAttrs shared;
  };
  static constexpr int kSlots = 0, kScalars = 0;
  static constexpr bool kDirection = false;

  explicit Sgd(const KernelContext&) {}
  template <class Lanes>
  Vec step(int64_t, Vec g, Vec rate, Lanes) const {
    return mul(rate, g);
  }
};
static_assert(sizeof(Sgd::Attrs) == 12, "slots");

struct MomentumAttrs {
  UpdateAttrs shared;
  float momentum;
  int32_t nesterov;
};
static_assert(sizeof(MomentumAttrs) == 20, "slots");

// v = mu v - lr g; w += nesterov ? mu v - lr g : v
template <bool nesterov>
struct Momentum {
  using Attrs = MomentumAttrs;
  static constexpr int kSlots = 1, kScalars = 0;
  static constexpr bool kDirection = false;
  Slots<1> slots;
  Vec momentum;

  explicit Momentum(const KernelContext& context)
      : slots(context), momentum(broadcast(attrsOf<Attrs>(context).momentum)) {}
  template <class Lanes>
  Vec step(int64_t i, Vec g, Vec rate, Lanes lanes) const {
    const Vec along = mul(rate, g);
    const Vec v = sub(mul(momentum, load(slots.from[0] + i, lanes)), along);
    store(slots.to[0] + i, v, lanes);
    return nesterov ? sub(along, mul(momentum, v)) : negate(v);
  }
};
const char* checkMomentum(const KernelContext& context) {
  if (const char* wrong = checkUpdate<Momentum<false>>(context)) return wrong;
  return isFlag(attrsOf<MomentumAttrs>(context).nesterov) ? nullptr : "expected nesterov to be 0 or 1";
}

void runMomentum(const KernelContext& context) {
  if (attrsOf<MomentumAttrs>(context).nesterov) {
    runUpdate<Momentum<true>>(context);
  } else {
    runUpdate<Momentum<false>>(context);
  }
}

template <bool hasMomentum>
struct RmspropAttrs {
  UpdateAttrs shared;
  float rho, epsilon;
  float momentumOr(float) const { return momentum; }
  float momentum;
};
template <>
struct RmspropAttrs<false> {
  UpdateAttrs shared;
  float rho, epsilon;
  float momentumOr(float none) const { return none; }
};

// s = rho s + (1 - rho) g^2; step = lr g / sqrt(s - mean^2 + eps); with momentum v = mu v + step; w -= v
template <bool centered, bool hasMomentum>
struct Rmsprop {
  using Attrs = RmspropAttrs<hasMomentum>;
  static constexpr int kSlots = 1 + centered + hasMomentum, kScalars = 0;
  static constexpr bool kDirection = false;
  Slots<kSlots> slots;
  Decay decay;
  Vec epsilon, momentum;

  explicit Rmsprop(const KernelContext& context)
      : slots(context),
        decay(attrsOf<Attrs>(context).rho),
        epsilon(broadcast(attrsOf<Attrs>(context).epsilon)),
        momentum(broadcast(attrsOf<Attrs>(context).momentumOr(0))) {}
  template <class Lanes>
  Vec step(int64_t i, Vec g, Vec rate, Lanes lanes) const {
    const Vec square = decay.mean(load(slots.from[0] + i, lanes), mul(g, g));
    store(slots.to[0] + i, square, lanes);
    Vec spread = square;
    if (centered) {
      const Vec mean = decay.mean(load(slots.from[centered] + i, lanes), g);
      store(slots.to[centered] + i, mean, lanes);
      spread = sub(square, mul(mean, mean));
    }
    const Vec along = div(mul(rate, g), sqrt(add(spread, epsilon)));
    if (!hasMomentum) return along;
    constexpr int last = kSlots - 1;
    const Vec v = fma(momentum, load(slots.from[last] + i, lanes), along);
    store(slots.to[last] + i, v, lanes);
    return v;
  }
};
using RmspropPlain = Rmsprop<false, false>;
using RmspropMomentum = Rmsprop<false, true>;
using RmspropCentered = Rmsprop<true, false>;
using RmspropCenteredMomentum = Rmsprop<true, true>;
static_assert(sizeof(RmspropPlain::Attrs) == 20 && sizeof(RmspropCenteredMomentum::Attrs) == 24, "slots");

struct Adagrad {
  struct Attrs {
    UpdateAttrs shared;
    float epsilon;
  };
  static constexpr int kSlots = 1, kScalars = 0;
  static constexpr bool kDirection = false;
  Slots<1> slots;
  Vec epsilon;

  explicit Adagrad(const KernelContext& context)
      : slots(context), epsilon(broadcast(attrsOf<Attrs>(context).epsilon)) {}
  template <class Lanes>
  Vec step(int64_t i, Vec g, Vec rate, Lanes lanes) const {
    const Vec sum = fma(g, g, load(slots.from[0] + i, lanes));
    store(slots.to[0] + i, sum, lanes);
    return div(mul(rate, g), sqrt(add(sum, epsilon)));
  }
};
static_assert(sizeof(Adagrad::Attrs) == 16, "slots");

struct Adadelta {
  struct Attrs {
    UpdateAttrs shared;
    float rho, epsilon;
  };
  static constexpr int kSlots = 2, kScalars = 0;
  static constexpr bool kDirection = false;
  Slots<2> slots;
  Decay decay;
  Vec epsilon;

  explicit Adadelta(const KernelContext& context)
      : slots(context), decay(attrsOf<Attrs>(context).rho), epsilon(broadcast(attrsOf<Attrs>(context).epsilon)) {}
  template <class Lanes>
  Vec step(int64_t i, Vec g, Vec rate, Lanes lanes) const {
    const Vec square = decay.mean(load(slots.from[0] + i, lanes), mul(g, g)), old = load(slots.from[1] + i, lanes);
    const Vec delta = div(mul(sqrt(add(old, epsilon)), g), sqrt(add(square, epsilon)));
    store(slots.to[0] + i, square, lanes);
    store(slots.to[1] + i, decay.mean(old, mul(delta, delta)), lanes);
    return mul(rate, delta);
  }
};
static_assert(sizeof(Adadelta::Attrs) == 20, "slots");

struct MomentAttrs {
  UpdateAttrs shared;
  float beta1, beta2, epsilon;
};
static_assert(sizeof(MomentAttrs) == 24, "slots");

// Mean and mean square of gradients, and the numbers of the step behind the `before` inputs.
template <int slotCount, bool direction>
struct Moments {
  Slots<slotCount> slots;
  Decay first, second;
  Vec epsilon;
  const float* scalars;

  explicit Moments(const KernelContext& context)
      : slots(context),
        first(attrsOf<MomentAttrs>(context).beta1),
        second(attrsOf<MomentAttrs>(context).beta2),
        epsilon(broadcast(attrsOf<MomentAttrs>(context).epsilon)),
        scalars(f32(context.inputs[2 + slotCount + (direction ? 0 : 1)])) {}
  template <class Lanes>
  Vec mean(int64_t i, Vec g, Lanes lanes) const {
    const Vec m = first.mean(load(slots.from[0] + i, lanes), g);
    store(slots.to[0] + i, m, lanes);
    return m;
  }
  template <class Lanes>
  Vec square(int64_t i, Vec g, Lanes lanes) const {
    const Vec v = second.mean(load(slots.from[1] + i, lanes), mul(g, g));
    store(slots.to[1] + i, v, lanes);
    return v;
  }
};

// w -= lr sqrt(c2) / c1 m / (sqrt(v) + eps)
template <bool amsgrad>
struct Adam {
  using Attrs = MomentAttrs;
  static constexpr int kSlots = 2 + amsgrad, kScalars = 2;
  static constexpr bool kDirection = false;
  Moments<kSlots, false> moments;
  Vec scale;

  explicit Adam(const KernelContext& context)
      : moments(context), scale(broadcast(__builtin_sqrtf(moments.scalars[1]) / moments.scalars[0])) {}
  template <class Lanes>
  Vec step(int64_t i, Vec g, Vec rate, Lanes lanes) const {
    const Vec m = moments.mean(i, g, lanes);
    Vec v = moments.square(i, g, lanes);
    if (amsgrad) {
      // A NaN in v stays.
      v = max(load(moments.slots.from[kSlots - 1] + i, lanes), v);
      store(moments.slots.to[kSlots - 1] + i, v, lanes);
    }
    return div(mul(mul(rate, scale), m), add(sqrt(v), moments.epsilon));
  }
};

// u = max(b2 u, |g|); w -= lr m / (c1 (u + eps))
struct Adamax {
  using Attrs = MomentAttrs;
  static constexpr int kSlots = 2, kScalars = 1;
  static constexpr bool kDirection = false;
  Moments<2, false> moments;
  Vec correction;

  explicit Adamax(const KernelContext& context) : moments(context), correction(broadcast(moments.scalars[0])) {}
  template <class Lanes>
  Vec step(int64_t i, Vec g, Vec rate, Lanes lanes) const {
    const Vec m = moments.mean(i, g, lanes);
    const Vec u = max(mul(moments.second.kept, load(moments.slots.from[1] + i, lanes)), abs(g));
    store(moments.slots.to[1] + i, u, lanes);
    return div(mul(rate, m), mul(correction, add(u, moments.epsilon)));
  }
};

// w -= lr (a m + b g) / (sqrt(v / c2) + eps)
struct Nadam {
  using Attrs = MomentAttrs;
  static constexpr int kSlots = 2, kScalars = 3;
  static constexpr bool kDirection = false;
  Moments<2, false> moments;
  Vec ofMean, ofGradient, scale;

  explicit Nadam(const KernelContext& context)
      : moments(context),
        ofMean(broadcast(moments.scalars[0])),
        ofGradient(broadcast(moments.scalars[1])),
        scale(broadcast(1.0f / moments.scalars[2])) {}
  template <class Lanes>
  Vec step(int64_t i, Vec g, Vec rate, Lanes lanes) const {
    const Vec m = moments.mean(i, g, lanes), v = moments.square(i, g, lanes);
    const Vec along = fma(ofMean, m, mul(ofGradient, g));
    return div(mul(rate, along), add(sqrt(mul(v, scale)), moments.epsilon));
  }
};

// w -= lr sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g
struct Lion {
  struct Attrs {
    UpdateAttrs shared;
    float beta1, beta2;
  };
  static constexpr int kSlots = 1, kScalars = 0;
  static constexpr bool kDirection = false;
  Slots<1> slots;
  Decay first, second;

  explicit Lion(const KernelContext& context)
      : slots(context), first(attrsOf<Attrs>(context).beta1), second(attrsOf<Attrs>(context).beta2) {}
  template <class Lanes>
  Vec step(int64_t i, Vec g, Vec rate, Lanes lanes) const {
    const Vec m = load(slots.from[0] + i, lanes), along = first.mean(m, g);
    store(slots.to[0] + i, second.mean(m, g), lanes);
    // Of 0 and NaN, the sign is the number itself.
    const Vec sign = select(gt(along, zero()), broadcast(1.0f), select(lt(along, zero()), broadcast(-1.0f), along));
    return mul(rate, sign);
  }
};
static_assert(sizeof(Lion::Attrs) == 20, "slots");

// (m / c1) / (sqrt(v / c2) + eps)
struct LambDirection {
  using Attrs = MomentAttrs;
  static constexpr int kSlots = 2, kScalars = 2;
  static constexpr bool kDirection = true;
  Moments<2, true> moments;
  Vec meanScale, squareScale;

  explicit LambDirection(const KernelContext& context)
      : moments(context),
        meanScale(broadcast(1.0f / moments.scalars[0])),
        squareScale(broadcast(1.0f / moments.scalars[1])) {}
  template <class Lanes>
  Vec step(int64_t i, Vec g, Vec, Lanes lanes) const {
    const Vec m = moments.mean(i, g, lanes), v = moments.square(i, g, lanes);
    return div(mul(m, meanScale), add(sqrt(mul(v, squareScale)), moments.epsilon));
  }
};

#define OCELLUS_TABLE "segments?, factors?, scale?) -> "
#define OCELLUS_SHARED "{weightDecay:f, decoupled:i, clipValue:f"
#define OCELLUS_MOMENTS OCELLUS_SHARED ", beta1:f, beta2:f, epsilon:f}"

template <class Rule>
constexpr KernelEntry rowOf(const char* signature) {
  return {signature, sizeof(typename Rule::Attrs), checkUpdate<Rule>, nullptr, runUpdate<Rule>};
}

const KernelEntry entries[] = {
    rowOf<Sgd>("sgd(parameter, gradient, learningRate, " OCELLUS_TABLE "(updatedParameter) " OCELLUS_SHARED "}"),
    {"sgdMomentum(parameter, gradient, momentum, learningRate, " OCELLUS_TABLE
     "(updatedParameter, updatedMomentum) " OCELLUS_SHARED ", momentum:f, nesterov:i}",
     sizeof(MomentumAttrs), checkMomentum, nullptr, runMomentum},
    rowOf<RmspropPlain>("rmsprop(parameter, gradient, velocity, learningRate, " OCELLUS_TABLE
                        "(updatedParameter, updatedVelocity) " OCELLUS_SHARED ", rho:f, epsilon:f}"),
    rowOf<RmspropMomentum>("rmspropMomentum(parameter, gradient, velocity, momentum, learningRate, " OCELLUS_TABLE
                           "(updatedParameter, updatedVelocity, updatedMomentum) " OCELLUS_SHARED
                           ", rho:f, epsilon:f, momentum:f}"),
    rowOf<RmspropCentered>(
        "rmspropCentered(parameter, gradient, velocity, averageGradient, learningRate, " OCELLUS_TABLE
        "(updatedParameter, updatedVelocity, updatedAverageGradient) " OCELLUS_SHARED ", rho:f, epsilon:f}"),
    rowOf<RmspropCenteredMomentum>(
        "rmspropCenteredMomentum(parameter, gradient, velocity, averageGradient, momentum, learningRate, " OCELLUS_TABLE
        "(updatedParameter, updatedVelocity, updatedAverageGradient, updatedMomentum) " OCELLUS_SHARED
        ", rho:f, epsilon:f, momentum:f}"),
    rowOf<Adagrad>("adagrad(parameter, gradient, accumulator, learningRate, " OCELLUS_TABLE
                   "(updatedParameter, updatedAccumulator) " OCELLUS_SHARED ", epsilon:f}"),
    rowOf<Adadelta>("adadelta(parameter, gradient, accumulatedGradient, accumulatedDelta, learningRate, " OCELLUS_TABLE
                    "(updatedParameter, updatedAccumulatedGradient, updatedAccumulatedDelta) " OCELLUS_SHARED
                    ", rho:f, epsilon:f}"),
    rowOf<Adam<false>>("adam(parameter, gradient, m, v, learningRate, correction, " OCELLUS_TABLE
                       "(updatedParameter, updatedM, updatedV) " OCELLUS_MOMENTS),
    rowOf<Adam<true>>("adamAmsgrad(parameter, gradient, m, v, vMax, learningRate, correction, " OCELLUS_TABLE
                      "(updatedParameter, updatedM, updatedV, updatedVMax) " OCELLUS_MOMENTS),
    rowOf<Adamax>("adamax(parameter, gradient, m, u, learningRate, correction, " OCELLUS_TABLE
                  "(updatedParameter, updatedM, updatedU) " OCELLUS_MOMENTS),
    rowOf<Nadam>("nadam(parameter, gradient, m, v, learningRate, mixture, " OCELLUS_TABLE
                 "(updatedParameter, updatedM, updatedV) " OCELLUS_MOMENTS),
    rowOf<Lion>("lion(parameter, gradient, m, learningRate, " OCELLUS_TABLE
                "(updatedParameter, updatedM) " OCELLUS_SHARED ", beta1:f, beta2:f}"),
    rowOf<LambDirection>("lambDirection(parameter, gradient, m, v, correction, " OCELLUS_TABLE
                         "(direction, updatedM, updatedV) " OCELLUS_MOMENTS),
};

}  // namespace

extern const KernelFamily optimizerFamily;
const KernelFamily optimizerFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
