// What all elementwise optimizers share (src/ops/update.ts): the views of a step, the segments in which rates, decays
// and scales differ, and the loop that reads parameter, gradient and slots once and writes them once. A rule is
//   struct Rule {
//     struct Attrs { UpdateAttrs shared; ... };
//     static constexpr int kSlots, kScalars;      slots, and numbers of this step besides the learning rate
//     static constexpr bool kDirection;           the first output is the step itself; there is no learning rate
//     Rule(const KernelContext&);
//     Vec step(int64_t i, Vec gradient, Vec rate, Lanes) const;     writes the slots, returns what the weight loses
//   };
#pragma once

#include "common.h"

namespace ocellus {
namespace {

struct UpdateAttrs {
  float weightDecay;
  int32_t decoupled;
  float clipValue;
};

template <class Rule>
constexpr int tableOf() {
  return 2 + Rule::kSlots + (Rule::kDirection ? 0 : 1) + (Rule::kScalars > 0 ? 1 : 0);
}

// Where each segment of a vector ends; the last one takes what is left. The numbers may be anything.
struct Segments {
  const int32_t* ends;
  int64_t last;

  explicit Segments(const TensorView& view)
      : ends(view.present ? i32(view) : nullptr), last(view.present ? view.size - 1 : 0) {}

  // The segment that element i lies in.
  int64_t at(int64_t i) const {
    int64_t low = 0, high = last;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (ends[middle] > i) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  // Calls body(begin, end, segment) for the pieces of [begin, end).
  template <class F>
  void split(int64_t begin, int64_t end, const F& body) const {
    for (int64_t s = at(begin); begin < end; s++) {
      const int64_t stop = s >= last ? end : minOf(end, ends[s]);
      if (stop <= begin) continue;
      body(begin, stop, s);
      begin = stop;
    }
  }
};

static inline const char* checkSegments(const TensorView& view) {
  if (!view.present) return nullptr;
  if (view.dtype != kInt32 || view.rank != 1 || view.size < 1) return "expected segments of a type int32 and shape [n]";
  return nullptr;
}

static inline bool isFactors(const TensorView& view, int64_t segments) {
  return !view.present || (view.rank == 2 && view.dims[0] == segments && view.dims[1] == 2);
}

template <class Rule>
const char* checkUpdate(const KernelContext& context) {
  constexpr int table = tableOf<Rule>(), tensors = 2 + Rule::kSlots;
  if (const char* wrong = checkViews(context, table + 3, 1 + Rule::kSlots, 7u << table)) return wrong;
  const TensorView* inputs = context.inputs;
  for (int i = 0; i < table + 3; i++)
    if (i != table && inputs[i].present && inputs[i].dtype != kFloat32) return "expected float32 inputs";
  for (int i = 0; i < tensors; i++)
    if (!sameShape(inputs[i], inputs[0])) return "expected gradient and slots of the shape of the parameter";
  for (int i = 0; i < context.numOutputs; i++) {
    if (context.outputs[i].dtype != kFloat32) return "expected float32 outputs";
    if (!sameShape(context.outputs[i], inputs[0])) return "expected outputs of the shape of the parameter";
  }
  if (!Rule::kDirection && !isVector(inputs[tensors], 1)) return "expected a learningRate of shape [1]";
  if (Rule::kScalars > 0 && !isVector(inputs[table - 1], Rule::kScalars)) return "expected other scalars of the step";
  if (const char* wrong = checkSegments(inputs[table])) return wrong;
  const int64_t segments = inputs[table].present ? inputs[table].size : 1;
  if (!isFactors(inputs[table + 1], segments)) return "expected two factors per segment";
  const TensorView& scale = inputs[table + 2];
  if (scale.present && !isVector(scale, 1) && !isVector(scale, segments))
    return "expected one scale, or one per segment";
  return isFlag(attrsOf<UpdateAttrs>(context).decoupled) ? nullptr : "expected decoupled to be 0 or 1";
}

template <class Rule, bool l2>
void runUpdateAs(const KernelContext& context) {
  constexpr int table = tableOf<Rule>();
  const UpdateAttrs& attrs = attrsOf<UpdateAttrs>(context);
  const TensorView *inputs = context.inputs, &factorsView = inputs[table + 1], &scaleView = inputs[table + 2];
  const float *w = f32(inputs[0]), *g = f32(inputs[1]);
  const float* factors = factorsView.present ? f32(factorsView) : nullptr;
  const float* scales = scaleView.present ? f32(scaleView) : nullptr;
  const int64_t scaleStep = scaleView.present && scaleView.size > 1 ? 1 : 0;
  float* out = f32(context.outputs[0]);
  const float learningRate = Rule::kDirection ? 1.0f : f32(inputs[2 + Rule::kSlots])[0];
  const Segments segments(inputs[table]);
  const Rule rule(context);
  const Vec high = broadcast(attrs.clipValue), low = broadcast(-attrs.clipValue);
  const int64_t count = context.outputs[0].size, grain = ceilDiv(grainFor(12 + 8 * Rule::kSlots), 64) * 64;
  parallelFor(context, count, grain, [&](int64_t begin, int64_t end, int32_t) {
    segments.split(begin, end, [&](int64_t from, int64_t to, int64_t s) {
      const float rate = learningRate * (factors ? factors[2 * s] : 1.0f);
      const float decay = attrs.weightDecay * (factors ? factors[2 * s + 1] : 1.0f);
      const Vec rates = broadcast(rate), scale = broadcast(scales ? scales[s * scaleStep] : 1.0f);
      const Vec shrink = broadcast(l2 ? decay : -rate * decay);
      forVectors(from, to, [&](int64_t i, auto lanes) {
        const Vec vw = load(w + i, lanes);
        // The gradient stands second: a NaN stays.
        Vec vg = min(high, max(low, mul(load(g + i, lanes), scale)));
        if (l2) vg = fma(shrink, vw, vg);
        const Vec step = rule.step(i, vg, rates, lanes);
        const Vec kept = l2 ? vw : fma(shrink, vw, vw);
        store(out + i, Rule::kDirection ? step : sub(kept, step), lanes);
      });
    });
  });
}

template <class Rule>
void runUpdate(const KernelContext& context) {
  if (attrsOf<UpdateAttrs>(context).decoupled) {
    runUpdateAs<Rule, false>(context);
  } else {
    runUpdateAs<Rule, true>(context);
  }
}

// The slots of a rule: where they are read and written.
template <int count>
struct Slots {
  const float* from[count];
  float* to[count];

  explicit Slots(const KernelContext& context) {
    for (int i = 0; i < count; i++) {
      from[i] = f32(context.inputs[2 + i]);
      to[i] = f32(context.outputs[1 + i]);
    }
  }
};

// A mean that forgets: b x + (1 - b) y, with b as it was meant (common.h).
struct Decay {
  Vec kept, rest;

  explicit Decay(float share) : kept(broadcast(share)), rest(broadcast(static_cast<float>(1.0 - asMeant(share)))) {}
  Vec mean(Vec old, Vec value) const { return fma(kept, old, mul(rest, value)); }
};

}  // namespace
}  // namespace ocellus
