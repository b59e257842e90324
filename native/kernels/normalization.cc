// Batch normalization (Ioffe and Szegedy, 2015) over the last axis. Statistics come from one pass that merges the
// moments of small groups of rows (Chan, Golub and LeVeque, "Updating formulae", 1979) of x minus its first row, so
// that a mean far from zero costs no digits; a second pass normalizes. The gradient also takes two passes.
#include "../gemm/epilogue.h"
#include "columns.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct BatchNormAttrs {
  float epsilon;
  int32_t activation;
};
static_assert(sizeof(BatchNormAttrs) == 8, "slots");

struct InferenceGradAttrs {
  float epsilon;
};
static_assert(sizeof(InferenceGradAttrs) == 4, "slots");

struct UpdateAttrs {
  float momentum, correction;
};
static_assert(sizeof(UpdateAttrs) == 8, "slots");

// What the gradient of batchNorm knows, in the order of its attribute.
enum GradActivation : int32_t { kLinear = 0, kRelu = 1, kRelu6 = 2 };

// ---- checks --------------------------------------------------------------------------------------------------------

// x and `like` have one shape; every vector that is there has one value per channel.
const char* checkChannels(const TensorView& x, const TensorView& like, const TensorView* const* vectors, int count) {
  if (x.rank < 1) return "expected at least one axis";
  if (!sameShape(x, like)) return "expected an output of the shape of the input";
  for (int i = 0; i < count; i++)
    if (vectors[i]->present && !isVector(*vectors[i], x.dims[x.rank - 1])) return "expected one value per channel";
  return nullptr;
}

const char* checkEpsilon(float epsilon) { return epsilon >= 0 ? nullptr : "expected an epsilon of at least 0"; }

const char* checkForwardAttrs(const KernelContext& context) {
  const BatchNormAttrs& attrs = attrsOf<BatchNormAttrs>(context);
  if (const char* wrong = checkActivation(attrs.activation)) return wrong;
  return checkEpsilon(attrs.epsilon);
}

const char* checkBatchNorm(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 3, 3, 6)) return wrong;
  const TensorView *in = context.inputs, *out = context.outputs;
  const TensorView* vectors[] = {&in[1], &in[2], &out[1], &out[2]};
  if (const char* wrong = checkChannels(in[0], out[0], vectors, 4)) return wrong;
  return checkForwardAttrs(context);
}

const char* checkInference(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 5, 1, 6)) return wrong;
  const TensorView* in = context.inputs;
  const TensorView* vectors[] = {&in[1], &in[2], &in[3], &in[4]};
  if (const char* wrong = checkChannels(in[0], context.outputs[0], vectors, 4)) return wrong;
  return checkForwardAttrs(context);
}

const char* checkGradViews(const KernelContext& context) {
  const TensorView *in = context.inputs, *out = context.outputs;
  if (!sameShape(in[0], in[4])) return "expected a dy of the shape of x";
  const TensorView* vectors[] = {&in[1], &in[2], &in[3], &out[1], &out[2]};
  return checkChannels(in[0], out[0], vectors, 5);
}

const char* checkGrad(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 6, 3, 34)) return wrong;
  if (const char* wrong = checkGradViews(context)) return wrong;
  const TensorView &x = context.inputs[0], &beta = context.inputs[5];
  if (beta.present && !isVector(beta, x.dims[x.rank - 1])) return "expected one value per channel";
  const BatchNormAttrs& attrs = attrsOf<BatchNormAttrs>(context);
  if (attrs.activation < kLinear || attrs.activation > kRelu6) return "expected no activation, relu or relu6";
  return checkEpsilon(attrs.epsilon);
}

const char* checkInferenceGrad(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 5, 3, 2)) return wrong;
  if (const char* wrong = checkGradViews(context)) return wrong;
  return checkEpsilon(attrsOf<InferenceGradAttrs>(context).epsilon);
}

const char* checkUpdate(const KernelContext& context) { return checkEqualFloats(context, 2, 1); }

// ---- shared --------------------------------------------------------------------------------------------------------

int64_t rowsOf(const Columns& columns) { return (columns.periods * columns.period + columns.rest) / columns.channels; }

Workspace floats(int64_t count) { return {count * static_cast<int64_t>(sizeof(float)), 0}; }

double rsqrtOf(float variance, float epsilon) {
  return 1.0 / __builtin_sqrt(static_cast<double>(variance) + static_cast<double>(epsilon));
}

float valueOr(const TensorView& vector, int64_t channel, float otherwise) {
  return vector.present ? f32(vector)[channel] : otherwise;
}

// What normalizing needs per channel, repeated along a period: y = (x - mean) scale + shift.
struct Affine {
  float *mean, *scale, *shift;
};

Affine affineOf(const Columns& columns, float* space, const TensorView& gamma, const TensorView& beta,
                const float* mean, const float* variance, float epsilon) {
  const Affine affine = {space, space + columns.period, space + 2 * columns.period};
  for (int64_t c = 0; c < columns.channels; c++) {
    affine.mean[c] = mean[c];
    affine.scale[c] = static_cast<float>(static_cast<double>(valueOr(gamma, c, 1.0f)) * rsqrtOf(variance[c], epsilon));
    affine.shift[c] = valueOr(beta, c, 0.0f);
  }
  repeatAlongPeriod(columns, affine.mean);
  repeatAlongPeriod(columns, affine.scale);
  repeatAlongPeriod(columns, affine.shift);
  return affine;
}

void normalize(const KernelContext& context, const Columns& columns, const Affine& affine) {
  const float* x = f32(context.inputs[0]);
  const int32_t activation = attrsOf<BatchNormAttrs>(context).activation;
  const bool isCheap = activation == kActivationLinear || cutsOff(activation);
  withActivation(activation, [&](const auto& finish) {
    writeColumns(context, columns, isCheap ? 8 : 40, [&](int64_t i, int64_t j, auto lanes) {
      const Vec centred = sub(load(x + i, lanes), load(affine.mean + j, lanes));
      return finish(fma(centred, load(affine.scale + j, lanes), load(affine.shift + j, lanes)));
    });
  });
}

// ---- batchNorm -----------------------------------------------------------------------------------------------------

constexpr int kGroup = 8;

// Mean and sum of squared deviations of x - pivot at each position of the period, over one chunk.
void chunkMoments(const Columns& columns, int64_t chunk, const float* x, const float* pivot, float* mean,
                  float* squares) {
  const int64_t period = columns.period;
  memset(mean, 0, static_cast<size_t>(period) * sizeof(float));
  memset(squares, 0, static_cast<size_t>(period) * sizeof(float));
  // Merges a group of `size` rows into `count` rows: what their means differ by enters both moments.
  auto merge = [&](int64_t j, auto lanes, Vec groupMean, Vec groupSquares, float ofMean, float ofSquares) {
    const Vec old = load(mean + j, lanes);
    const Vec delta = sub(groupMean, old);
    store(mean + j, fma(delta, broadcast(ofMean), old), lanes);
    const Vec sum = add(load(squares + j, lanes), groupSquares);
    store(squares + j, fma(mul(delta, delta), broadcast(ofSquares), sum), lanes);
  };
  float count = 0;
  int64_t p = firstPeriod(columns, chunk);
  const int64_t end = lastPeriod(columns, chunk);
  for (; p + kGroup <= end; p += kGroup) {
    const float* group = x + p * period;
    const float ofMean = kGroup / (count + kGroup), ofSquares = count * ofMean;
    forVectors(0, period, [&](int64_t j, auto lanes) {
      const Vec origin = load(pivot + j, lanes);
      Vec v[kGroup];
      for (int row = 0; row < kGroup; row++) v[row] = sub(load(group + row * period + j, lanes), origin);
      const Vec groupMean = mul(sumOf<kGroup>(v), broadcast(1.0f / kGroup));
      for (int row = 0; row < kGroup; row++) {
        const Vec deviation = sub(v[row], groupMean);
        v[row] = mul(deviation, deviation);
      }
      merge(j, lanes, groupMean, sumOf<kGroup>(v), ofMean, ofSquares);
    });
    count += kGroup;
  }
  auto single = [&](const float* row, int64_t length) {
    const float ofMean = 1.0f / (count + 1.0f), ofSquares = count * ofMean;
    forVectors(0, length, [&](int64_t j, auto lanes) {
      merge(j, lanes, sub(load(row + j, lanes), load(pivot + j, lanes)), zero(), ofMean, ofSquares);
    });
    count += 1.0f;
  };
  for (; p < end; p++) single(x + p * period, period);
  if (isLastChunk(columns, chunk)) single(x + columns.periods * period, columns.rest);
}

// Combines the moments of all chunks, channel by channel, in double.
void combineMoments(const Columns& columns, const float* moments, const float* pivot, float* mean, float* variance) {
  const double rows = static_cast<double>(rowsOf(columns));
  auto forParts = [&](int64_t first, const auto& body) {
    for (int64_t chunk = 0; chunk < columns.chunks; chunk++) {
      const int64_t whole = maxOf(0, lastPeriod(columns, chunk) - firstPeriod(columns, chunk));
      for (int64_t at = first; at < columns.period; at += columns.channels) {
        const bool extra = isLastChunk(columns, chunk) && at < columns.rest;
        body(moments + 2 * chunk * columns.period + at, static_cast<double>(whole + (extra ? 1 : 0)));
      }
    }
  };
  for (int64_t first = 0; first < columns.channels; first += kFoldBlock) {
    const int64_t width = minOf(kFoldBlock, columns.channels - first);
    double means[kFoldBlock] = {0}, squares[kFoldBlock] = {0};
    forParts(first, [&](const float* part, double count) {
      for (int64_t c = 0; c < width; c++) means[c] += static_cast<double>(part[c]) * count;
    });
    for (int64_t c = 0; c < width; c++) means[c] /= rows;
    forParts(first, [&](const float* part, double count) {
      for (int64_t c = 0; c < width; c++) {
        const double delta = static_cast<double>(part[c]) - means[c];
        squares[c] += static_cast<double>(part[columns.period + c]) + count * delta * delta;
      }
    });
    for (int64_t c = 0; c < width; c++) {
      mean[first + c] = static_cast<float>(static_cast<double>(pivot[first + c]) + means[c]);
      variance[first + c] = static_cast<float>(squares[c] / rows);
    }
  }
}

Workspace workspaceOfBatchNorm(const KernelContext& context) {
  const Columns columns = columnsOfView(context.inputs[0]);
  return floats((2 * columns.chunks + 5) * columns.period);
}

void runBatchNorm(const KernelContext& context) {
  const Columns columns = columnsOfView(context.inputs[0]);
  if (columns.channels == 0) return;
  const float* x = f32(context.inputs[0]);
  float *mean = f32(context.outputs[1]), *variance = f32(context.outputs[2]);
  float* pivot = reinterpret_cast<float*>(context.scratch);
  float* moments = pivot + columns.period;
  memset(pivot, 0, static_cast<size_t>(columns.period) * sizeof(float));
  if (context.inputs[0].size > 0) memmove(pivot, x, static_cast<size_t>(columns.channels) * sizeof(float));
  repeatAlongPeriod(columns, pivot);
  const int64_t cost = 4 * minOf(columns.perChunk * columns.period, context.inputs[0].size);
  parallelFor(context, columns.chunks, grainFor(2 * cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t chunk = begin; chunk < end; chunk++) {
      float* part = moments + 2 * chunk * columns.period;
      chunkMoments(columns, chunk, x, pivot, part, part + columns.period);
    }
  });
  combineMoments(columns, moments, pivot, mean, variance);
  const Affine affine = affineOf(columns, moments + 2 * columns.chunks * columns.period, context.inputs[1],
                                 context.inputs[2], mean, variance, attrsOf<BatchNormAttrs>(context).epsilon);
  normalize(context, columns, affine);
}

Workspace workspaceOfInference(const KernelContext& context) {
  return floats(3 * columnsOfView(context.inputs[0]).period);
}

void runInference(const KernelContext& context) {
  const Columns columns = columnsOfView(context.inputs[0]);
  const TensorView* in = context.inputs;
  const Affine affine = affineOf(columns, reinterpret_cast<float*>(context.scratch), in[1], in[2], f32(in[3]),
                                 f32(in[4]), attrsOf<BatchNormAttrs>(context).epsilon);
  normalize(context, columns, affine);
}

// ---- gradients -----------------------------------------------------------------------------------------------------

Workspace workspaceOfGrad(const KernelContext& context) {
  const Columns columns = columnsOfView(context.inputs[0]);
  return floats((2 * columns.chunks + 5) * columns.period);
}

// The gradient behind the normalization: dy, or what of it passes where relu (relu6) did not cut the normalized x off.
// That is computed as in the forward pass, bit for bit, which costs less than reading the output.
struct Linear {
  template <class Lanes>
  inline Vec operator()(int64_t, Lanes, Vec, Vec dy) const {
    return dy;
  }
};
template <bool hasCeiling>
struct ThroughRectifier {
  const float *scale, *shift;
  template <class Lanes>
  inline Vec operator()(int64_t j, Lanes lanes, Vec centred, Vec dy) const {
    const Vec normal = fma(centred, load(scale + j, lanes), load(shift + j, lanes));
    VecMask passes = gt(normal, zero());
    if (hasCeiling) passes = maskAnd(passes, lt(normal, broadcast(6.0f)));
    return select(passes, settled(dy), zero());
  }
};

// Sums of the gradient g = through(dy) and of g (x - mean) for all chunks, done(i, j, lanes, g) on the way.
template <class Through, class Done>
void sumGradients(const KernelContext& context, const Columns& columns, float* sums, const float* mean,
                  const Through& through, const Done& done) {
  const float *x = f32(context.inputs[0]), *dy = f32(context.inputs[4]);
  const int64_t cost = 8 * minOf(columns.perChunk * columns.period, context.inputs[0].size);
  parallelFor(context, columns.chunks, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t chunk = begin; chunk < end; chunk++) {
      sumColumns<2>(columns, chunk, sums + 2 * chunk * columns.period, [&](int64_t i, int64_t j, auto lanes, Vec* out) {
        const Vec centred = sub(load(x + i, lanes), load(mean + j, lanes));
        out[0] = through(j, lanes, centred, load(dy + i, lanes));
        out[1] = mul(out[0], centred);
        done(i, j, lanes, out[0]);
      });
    }
  });
}

// Folds the sums into dbeta and dgamma.
void foldGradients(const KernelContext& context, const Columns& columns, const float* sums, float epsilon) {
  float *dgamma = f32(context.outputs[1]), *dbeta = f32(context.outputs[2]);
  const float* variance = f32(context.inputs[3]);
  const int64_t stride = 2 * columns.period;
  foldColumns(columns, sums, stride, [&](int64_t c, double total) { dbeta[c] = static_cast<float>(total); });
  foldColumns(columns, sums + columns.period, stride,
              [&](int64_t c, double total) { dgamma[c] = static_cast<float>(total * rsqrtOf(variance[c], epsilon)); });
}

// dx = gamma r (g - dbeta / n - (x - mean) r dgamma / n), r = 1 / sqrt(variance + epsilon):
// three numbers per channel, dx = g scale + (x - mean) slope + rest.
template <class Through>
void runGradThrough(const KernelContext& context, const Columns& columns, const Affine& affine, float* rest,
                    const Through& through) {
  const float epsilon = attrsOf<BatchNormAttrs>(context).epsilon;
  const float *x = f32(context.inputs[0]), *variance = f32(context.inputs[3]), *dy = f32(context.inputs[4]);
  const float *dgamma = f32(context.outputs[1]), *dbeta = f32(context.outputs[2]);
  float* sums = reinterpret_cast<float*>(context.scratch);
  sumGradients(context, columns, sums, affine.mean, through, [](int64_t, int64_t, auto, Vec) {});
  foldGradients(context, columns, sums, epsilon);
  float* slope = rest + columns.period;
  const double rows = static_cast<double>(rowsOf(columns));
  for (int64_t c = 0; c < columns.channels; c++) {
    const double r = rsqrtOf(variance[c], epsilon);
    const double factor = static_cast<double>(valueOr(context.inputs[1], c, 1.0f)) * r;
    slope[c] = static_cast<float>(-factor * r * static_cast<double>(dgamma[c]) / rows);
    rest[c] = static_cast<float>(-factor * static_cast<double>(dbeta[c]) / rows);
  }
  repeatAlongPeriod(columns, slope);
  repeatAlongPeriod(columns, rest);
  writeColumns(context, columns, 12, [&](int64_t i, int64_t j, auto lanes) {
    const Vec centred = sub(load(x + i, lanes), load(affine.mean + j, lanes));
    const Vec g = through(j, lanes, centred, load(dy + i, lanes));
    const Vec others = fma(centred, load(slope + j, lanes), load(rest + j, lanes));
    return fma(g, load(affine.scale + j, lanes), others);
  });
}

void runBatchNormGrad(const KernelContext& context) {
  const Columns columns = columnsOfView(context.inputs[0]);
  if (columns.channels == 0) return;
  const BatchNormAttrs& attrs = attrsOf<BatchNormAttrs>(context);
  const TensorView* in = context.inputs;
  float* space = reinterpret_cast<float*>(context.scratch) + 2 * columns.chunks * columns.period;
  const Affine affine = affineOf(columns, space, in[1], in[5], f32(in[2]), f32(in[3]), attrs.epsilon);
  float* rest = space + 3 * columns.period;
  if (attrs.activation == kRelu) {
    runGradThrough(context, columns, affine, rest, ThroughRectifier<false>{affine.scale, affine.shift});
  } else if (attrs.activation == kRelu6) {
    runGradThrough(context, columns, affine, rest, ThroughRectifier<true>{affine.scale, affine.shift});
  } else {
    runGradThrough(context, columns, affine, rest, Linear{});
  }
}

// The statistics are constants here: dx = dy gamma r.
void runInferenceGrad(const KernelContext& context) {
  const Columns columns = columnsOfView(context.inputs[0]);
  if (columns.channels == 0) return;
  const float epsilon = attrsOf<InferenceGradAttrs>(context).epsilon;
  const TensorView* in = context.inputs;
  float* sums = reinterpret_cast<float*>(context.scratch);
  const Affine affine = affineOf(columns, sums + 2 * columns.chunks * columns.period, in[1], TensorView{}, f32(in[2]),
                                 f32(in[3]), epsilon);
  float* dx = f32(context.outputs[0]);
  sumGradients(context, columns, sums, affine.mean, Linear{}, [&](int64_t i, int64_t j, auto lanes, Vec g) {
    store(dx + i, mul(g, load(affine.scale + j, lanes)), lanes);
  });
  foldGradients(context, columns, sums, epsilon);
}

// ---- updateAverage -------------------------------------------------------------------------------------------------

void runUpdate(const KernelContext& context) {
  const UpdateAttrs& attrs = attrsOf<UpdateAttrs>(context);
  const float *average = f32(context.inputs[0]), *value = f32(context.inputs[1]);
  float* y = f32(context.outputs[0]);
  const double rest = (1.0 - asMeant(attrs.momentum)) * static_cast<double>(attrs.correction);
  const Vec keep = broadcast(attrs.momentum), take = broadcast(static_cast<float>(rest));
  parallelVectors(context, context.outputs[0].size, 12, [&](int64_t i, auto lanes) {
    store(y + i, fma(keep, load(average + i, lanes), mul(take, load(value + i, lanes))), lanes);
  });
}

const KernelEntry entries[] = {
    {"batchNorm(x, gamma?, beta?) -> (y, mean, variance) {epsilon:f, activation:i}", sizeof(BatchNormAttrs),
     checkBatchNorm, workspaceOfBatchNorm, runBatchNorm},
    {"batchNormGrad(x, gamma?, mean, variance, dy, beta?) -> (dx, dgamma, dbeta) {epsilon:f, activation:i}",
     sizeof(BatchNormAttrs), checkGrad, workspaceOfGrad, runBatchNormGrad},
    {"batchNormInference(x, gamma?, beta?, mean, variance) -> (y) {epsilon:f, activation:i}", sizeof(BatchNormAttrs),
     checkInference, workspaceOfInference, runInference},
    {"batchNormInferenceGrad(x, gamma?, mean, variance, dy) -> (dx, dgamma, dbeta) {epsilon:f}",
     sizeof(InferenceGradAttrs), checkInferenceGrad, workspaceOfGrad, runInferenceGrad},
    {"updateAverage(average, value) -> (y) {momentum:f, correction:f}", sizeof(UpdateAttrs), checkUpdate, nullptr,
     runUpdate},
};

}  // namespace

extern const KernelFamily normalizationFamily;
const KernelFamily normalizationFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
