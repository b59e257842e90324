// Parts of optimizers that look at a parameter as a whole (src/ops/layerwise.ts): sums of squares per segment, what
// follows from them for the size of a step, and the moving average of weights.
#include "update.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

// ---- sums of squares ------------------------------------------------------------------------------------------------

// Elements of a chunk; a chunk that lies in several segments makes a sum for each.
constexpr int64_t kChunk = 16 * 1024;
// Elements that are summed in floats before the sum goes on in double.
constexpr int64_t kRun = 1024;

const char* checkSquares(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 2, 1, 2)) return wrong;
  if (context.inputs[0].dtype != kFloat32 || context.outputs[0].dtype != kFloat32) return "expected float32 tensors";
  if (const char* wrong = checkSegments(context.inputs[1])) return wrong;
  const int64_t segments = context.inputs[1].present ? context.inputs[1].size : 1;
  return isVector(context.outputs[0], segments) ? nullptr : "expected one output per segment";
}

Workspace workspaceOfSquares(const KernelContext& context) {
  const int64_t pieces = ceilDiv(context.inputs[0].size, kChunk) + context.outputs[0].size;
  return {pieces * static_cast<int64_t>(sizeof(double)), 0};
}

double sumOfSquares(const float* x, int64_t begin, int64_t end) {
  double total = 0;
  for (int64_t from = begin; from < end; from += kRun) {
    const int64_t to = minOf(end, from + kRun);
    Vec sums[4] = {zero(), zero(), zero(), zero()};
    int64_t i = from;
    for (; i + 4 * kVecWidth <= to; i += 4 * kVecWidth) {
      for (int k = 0; k < 4; k++) {
        const Vec v = load(x + i + k * kVecWidth);
        sums[k] = fma(v, v, sums[k]);
      }
    }
    forVectors(i, to, [&](int64_t at, auto lanes) {
      const Vec v = load(x + at, lanes);
      sums[0] = fma(v, v, sums[0]);
    });
    total += static_cast<double>(reduceAdd(add(add(sums[0], sums[1]), add(sums[2], sums[3]))));
  }
  return total;
}

// The piece of chunk c in segment s has the number c + s: both only grow, one of them at every cut.
void runSquares(const KernelContext& context) {
  const float* x = f32(context.inputs[0]);
  float* squares = f32(context.outputs[0]);
  double* pieces = reinterpret_cast<double*>(context.scratch);
  const Segments segments(context.inputs[1]);
  const int64_t count = context.inputs[0].size, chunks = ceilDiv(count, kChunk), size = context.outputs[0].size;
  memset(pieces, 0, static_cast<size_t>(chunks + size) * sizeof(double));
  parallelFor(context, chunks, grainFor(4 * kChunk), [&](int64_t first, int64_t last, int32_t) {
    for (int64_t c = first; c < last; c++) {
      segments.split(c * kChunk, minOf(count, (c + 1) * kChunk),
                     [&](int64_t begin, int64_t end, int64_t s) { pieces[c + s] = sumOfSquares(x, begin, end); });
    }
  });
  int64_t begin = 0;
  for (int64_t s = 0; s < size; s++) {
    const int64_t end = s == size - 1 ? count : minOf(count, maxOf(begin, segments.ends[s]));
    double sum = 0;
    if (end > begin)
      for (int64_t c = begin / kChunk; c <= (end - 1) / kChunk; c++) sum += pieces[c + s];
    squares[s] = static_cast<float>(sum);
    begin = end;
  }
}

// ---- a few numbers --------------------------------------------------------------------------------------------------

struct ClipAttrs {
  float limit;
  int32_t together;
};
static_assert(sizeof(ClipAttrs) == 8, "slots");

const char* checkClip(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, context.numInputs, 1)) return wrong;
  const ClipAttrs& attrs = attrsOf<ClipAttrs>(context);
  if (!isFlag(attrs.together)) return "expected together to be 0 or 1";
  if (context.numInputs < 1 || (!attrs.together && context.numInputs > 1)) return "expected one input unless together";
  if (attrs.together) return isVector(context.outputs[0], 1) ? nullptr : "expected one output";
  return sameShape(context.inputs[0], context.outputs[0]) ? nullptr : "expected an output of the shape of the input";
}

void runClip(const KernelContext& context) {
  const ClipAttrs& attrs = attrsOf<ClipAttrs>(context);
  const double limit = static_cast<double>(attrs.limit);
  float* scale = f32(context.outputs[0]);
  if (!attrs.together) {
    const float* squares = f32(context.inputs[0]);
    for (int64_t i = 0; i < context.outputs[0].size; i++) {
      const double norm = __builtin_sqrt(static_cast<double>(squares[i]));
      scale[i] = static_cast<float>(norm <= limit ? 1.0 : limit / norm);
    }
    return;
  }
  double sum = 0;
  for (int32_t k = 0; k < context.numInputs; k++)
    for (int64_t i = 0; i < context.inputs[k].size; i++) sum += static_cast<double>(f32(context.inputs[k])[i]);
  const double norm = __builtin_sqrt(sum);
  scale[0] = static_cast<float>((norm <= limit ? 1.0 : limit / norm) + (norm - norm));
}

float shrinkOf(float rate, float decay, const float* factors, int64_t s) {
  return factors ? 1.0f - rate * factors[2 * s] * decay * factors[2 * s + 1] : 1.0f - rate * decay;
}

const float* optional(const TensorView& view) { return view.present ? f32(view) : nullptr; }

struct TrustAttrs {
  float weightDecay;
};
static_assert(sizeof(TrustAttrs) == 4, "slots");

const char* checkTrust(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 4, 1, 8)) return wrong;
  const TensorView *inputs = context.inputs, &ratio = context.outputs[0];
  if (ratio.rank != 1 || !sameShape(inputs[0], ratio) || !sameShape(inputs[1], ratio)) return "expected equal vectors";
  if (!isVector(inputs[2], 1)) return "expected a learningRate of shape [1]";
  return isFactors(inputs[3], ratio.size) ? nullptr : "expected two factors per segment";
}

void runTrust(const KernelContext& context) {
  const float *parameter = f32(context.inputs[0]), *update = f32(context.inputs[1]), rate = f32(context.inputs[2])[0];
  const float* factors = optional(context.inputs[3]);
  float* ratio = f32(context.outputs[0]);
  for (int64_t s = 0; s < context.outputs[0].size; s++) {
    const float shrink = shrinkOf(rate, attrsOf<TrustAttrs>(context).weightDecay, factors, s);
    const float w = __builtin_sqrtf(parameter[s]) * shrink, u = __builtin_sqrtf(update[s]);
    ratio[s] = w > 0 && u > 0 ? w / u : 1.0f;
  }
}

struct AdafactorAttrs {
  float size, epsilon, clipThreshold, weightDecay;
};
static_assert(sizeof(AdafactorAttrs) == 16, "slots");

const char* checkAdafactor(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 5, 1, 16)) return wrong;
  for (int i = 0; i < 4; i++)
    if (!isVector(context.inputs[i], 1)) return "expected inputs of shape [1]";
  if (!isVector(context.outputs[0], 1)) return "expected one output";
  return isFactors(context.inputs[4], 1) ? nullptr : "expected two factors";
}

void runAdafactor(const KernelContext& context) {
  const AdafactorAttrs& attrs = attrsOf<AdafactorAttrs>(context);
  const float rate = f32(context.inputs[2])[0], limit = f32(context.inputs[3])[0];
  const float* factors = optional(context.inputs[4]);
  const float w =
      __builtin_sqrtf(f32(context.inputs[0])[0] / attrs.size) * shrinkOf(rate, attrs.weightDecay, factors, 0);
  const float u = __builtin_sqrtf(f32(context.inputs[1])[0] / attrs.size) / attrs.clipThreshold;
  const float share = limit / (rate * (factors ? factors[0] : 1.0f));
  const float alpha = (attrs.epsilon > w ? attrs.epsilon : w) * (share > 1.0f ? 1.0f : share);
  f32(context.outputs[0])[0] = u <= 1.0f ? alpha : alpha / u;
}

// ---- averages -------------------------------------------------------------------------------------------------------

const char* checkAverage(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 3, 2)) return wrong;
  const TensorView& parameter = context.inputs[0];
  if (!sameShape(context.inputs[1], parameter)) return "expected an average of the shape of the parameter";
  for (int i = 0; i < 2; i++)
    if (!sameShape(context.outputs[i], parameter)) return "expected outputs of the shape of the parameter";
  return isVector(context.inputs[2], 3) ? nullptr : "expected a control of shape [3]";
}

// a = b a + (1 - b) w; now and then w = a
void runAverage(const KernelContext& context) {
  const float *w = f32(context.inputs[0]), *a = f32(context.inputs[1]), *control = f32(context.inputs[2]);
  float *outW = f32(context.outputs[0]), *outA = f32(context.outputs[1]);
  const Vec momentum = broadcast(control[0]), rest = broadcast(control[1]);
  const bool overwrite = control[2] != 0, keeps = !overwrite && outW == w;
  parallelVectors(context, context.outputs[0].size, 16, [&](int64_t i, auto lanes) {
    const Vec vw = load(w + i, lanes), mean = fma(momentum, load(a + i, lanes), mul(rest, vw));
    store(outA + i, mean, lanes);
    if (!keeps) store(outW + i, overwrite ? mean : vw, lanes);
  });
}

const KernelEntry entries[] = {
    {"segmentSquares(x, segments?) -> (squares) {}", 0, checkSquares, workspaceOfSquares, runSquares},
    {"clipScale(...squares) -> (scale) {limit:f, together:i}", sizeof(ClipAttrs), checkClip, nullptr, runClip},
    {"trustRatio(parameterSquares, updateSquares, learningRate, factors?) -> (ratio) {weightDecay:f}",
     sizeof(TrustAttrs), checkTrust, nullptr, runTrust},
    {"adafactorScale(parameterSquares, updateSquares, learningRate, limit, factors?) -> (scale) "
     "{size:f, epsilon:f, clipThreshold:f, weightDecay:f}",
     sizeof(AdafactorAttrs), checkAdafactor, nullptr, runAdafactor},
    {"averageWeights(parameter, average, control) -> (updatedParameter, updatedAverage) {}", 0, checkAverage, nullptr,
     runAverage},
};

}  // namespace

extern const KernelFamily layerwiseFamily;
const KernelFamily layerwiseFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
