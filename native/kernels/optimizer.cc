// Optimizer steps, each one pass over parameter, gradient and slots: SGD, SGD with (Nesterov) momentum, Adam (Kingma
// and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019).
#include "common.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct SgdAttrs {
  float weightDecay;
};
static_assert(sizeof(SgdAttrs) == 4, "slots");

struct MomentumAttrs {
  float momentum;
  int32_t nesterov;
  float weightDecay;
};
static_assert(sizeof(MomentumAttrs) == 12, "slots");

struct AdamAttrs {
  float beta1, beta2, epsilon, weightDecay;
  int32_t decoupled;
};
static_assert(sizeof(AdamAttrs) == 20, "slots");

// The first `tensors` inputs and all outputs have one shape; then come learningRate [1] and perhaps correction [2].
const char* checkStep(const KernelContext& context, int tensors, int inputs, int outputs) {
  if (const char* wrong = checkFloatViews(context, inputs, outputs)) return wrong;
  for (int i = 1; i < tensors; i++)
    if (!sameShape(context.inputs[i], context.inputs[0]))
      return "expected gradient and slots of the shape of the parameter";
  for (int i = 0; i < outputs; i++)
    if (!sameShape(context.outputs[i], context.inputs[0])) return "expected outputs of the shape of the parameter";
  if (!isVector(context.inputs[tensors], 1)) return "expected a learningRate of shape [1]";
  if (inputs > tensors + 1 && !isVector(context.inputs[tensors + 1], 2)) return "expected a correction of shape [2]";
  return nullptr;
}

const char* checkSgd(const KernelContext& context) { return checkStep(context, 2, 3, 1); }
const char* checkMomentum(const KernelContext& context) {
  if (const char* wrong = checkStep(context, 3, 4, 2)) return wrong;
  return isFlag(attrsOf<MomentumAttrs>(context).nesterov) ? nullptr : "expected nesterov to be 0 or 1";
}
const char* checkAdam(const KernelContext& context) {
  if (const char* wrong = checkStep(context, 4, 6, 3)) return wrong;
  return isFlag(attrsOf<AdamAttrs>(context).decoupled) ? nullptr : "expected decoupled to be 0 or 1";
}

// g += wd w; w -= lr g
void runSgd(const KernelContext& context) {
  const float *w = f32(context.inputs[0]), *g = f32(context.inputs[1]);
  float* out = f32(context.outputs[0]);
  const Vec rate = broadcast(-f32(context.inputs[2])[0]), decay = broadcast(attrsOf<SgdAttrs>(context).weightDecay);
  parallelVectors(context, context.outputs[0].size, 12, [&](int64_t i, auto lanes) {
    const Vec vw = load(w + i, lanes);
    store(out + i, fma(rate, fma(decay, vw, load(g + i, lanes)), vw), lanes);
  });
}

// g += wd w; v = mu v + g; w -= lr (nesterov ? g + mu v : v)
template <bool nesterov>
void stepMomentum(const KernelContext& context) {
  const MomentumAttrs& attrs = attrsOf<MomentumAttrs>(context);
  const float *w = f32(context.inputs[0]), *g = f32(context.inputs[1]), *v = f32(context.inputs[2]);
  float *outW = f32(context.outputs[0]), *outV = f32(context.outputs[1]);
  const Vec rate = broadcast(-f32(context.inputs[3])[0]);
  const Vec decay = broadcast(attrs.weightDecay), momentum = broadcast(attrs.momentum);
  parallelVectors(context, context.outputs[0].size, 20, [&](int64_t i, auto lanes) {
    const Vec vw = load(w + i, lanes);
    const Vec vg = fma(decay, vw, load(g + i, lanes));
    const Vec vv = fma(momentum, load(v + i, lanes), vg);
    store(outV + i, vv, lanes);
    store(outW + i, fma(rate, nesterov ? fma(momentum, vv, vg) : vv, vw), lanes);
  });
}

void runMomentum(const KernelContext& context) {
  if (attrsOf<MomentumAttrs>(context).nesterov) {
    stepMomentum<true>(context);
  } else {
    stepMomentum<false>(context);
  }
}

// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= lr (m / c1) / (sqrt(v / c2) + eps)
template <bool decoupled>
void stepAdam(const KernelContext& context) {
  const AdamAttrs& attrs = attrsOf<AdamAttrs>(context);
  const float *w = f32(context.inputs[0]), *g = f32(context.inputs[1]), *m = f32(context.inputs[2]);
  const float *v = f32(context.inputs[3]), *correction = f32(context.inputs[5]);
  const float learningRate = f32(context.inputs[4])[0];
  float *outW = f32(context.outputs[0]), *outM = f32(context.outputs[1]), *outV = f32(context.outputs[2]);
  const Vec beta1 = broadcast(attrs.beta1), beta2 = broadcast(attrs.beta2);
  const Vec rest1 = broadcast(static_cast<float>(1.0 - asMeant(attrs.beta1))),
            rest2 = broadcast(static_cast<float>(1.0 - asMeant(attrs.beta2)));
  const Vec epsilon = broadcast(attrs.epsilon), decay = broadcast(attrs.weightDecay);
  const Vec rate = broadcast(-learningRate / correction[0]), scale = broadcast(1.0f / correction[1]);
  const Vec shrink = broadcast(-learningRate * attrs.weightDecay);
  parallelVectors(context, context.outputs[0].size, 28, [&](int64_t i, auto lanes) {
    Vec vw = load(w + i, lanes);
    Vec vg = load(g + i, lanes);
    if (decoupled) {
      vw = fma(shrink, vw, vw);
    } else {
      vg = fma(decay, vw, vg);
    }
    const Vec vm = fma(beta1, load(m + i, lanes), mul(rest1, vg));
    const Vec vv = fma(beta2, load(v + i, lanes), mul(rest2, mul(vg, vg)));
    store(outM + i, vm, lanes);
    store(outV + i, vv, lanes);
    store(outW + i, fma(rate, div(vm, add(sqrt(mul(vv, scale)), epsilon)), vw), lanes);
  });
}

void runAdam(const KernelContext& context) {
  if (attrsOf<AdamAttrs>(context).decoupled) {
    stepAdam<true>(context);
  } else {
    stepAdam<false>(context);
  }
}

const KernelEntry entries[] = {
    {"sgd(parameter, gradient, learningRate) -> (updatedParameter) {weightDecay:f}", sizeof(SgdAttrs), checkSgd,
     nullptr, runSgd},
    {"sgdMomentum(parameter, gradient, velocity, learningRate) -> (updatedParameter, updatedVelocity) "
     "{momentum:f, nesterov:i, weightDecay:f}",
     sizeof(MomentumAttrs), checkMomentum, nullptr, runMomentum},
    {"adam(parameter, gradient, m, v, learningRate, correction) -> (updatedParameter, updatedM, updatedV) "
     "{beta1:f, beta2:f, epsilon:f, weightDecay:f, decoupled:i}",
     sizeof(AdamAttrs), checkAdam, nullptr, runAdam},
};

}  // namespace

extern const KernelFamily optimizerFamily;
const KernelFamily optimizerFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
