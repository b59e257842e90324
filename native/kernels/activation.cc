// Activations and their gradients, which are written in terms of the output y. Softmax works along the last axis.
#include "columns.h"
#include "softmax.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct LeakyReluAttrs {
  float alpha;
};
static_assert(sizeof(LeakyReluAttrs) == 4, "slots");

const char* checkActivation(const KernelContext& context) { return checkEqualFloats(context, 1, 1); }
const char* checkActivationGrad(const KernelContext& context) { return checkEqualFloats(context, 2, 1); }

const char* checkRectifierGrad(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 3, 1, 4)) return wrong;
  const TensorView *in = context.inputs, &dx = context.outputs[0];
  const bool fits = sameShape(in[0], dx) && sameShape(in[1], dx) && (!in[2].present || sameShape(in[2], dx));
  return fits ? nullptr : "expected inputs of the shape of the output";
}
const char* checkRectifierGradBias(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 3, 2, 4)) return wrong;
  KernelContext alone = context;
  alone.numOutputs = 1;
  if (const char* wrong = checkRectifierGrad(alone)) return wrong;
  const TensorView &dx = context.outputs[0], &dbias = context.outputs[1];
  if (dx.rank < 1 || !isVector(dbias, dx.dims[dx.rank - 1])) return "expected one bias per channel";
  return nullptr;
}

const char* alphaProblem(const KernelContext& context) {
  return attrsOf<LeakyReluAttrs>(context).alpha >= 0 ? nullptr : "expected alpha of at least 0";
}
const char* checkLeakyRelu(const KernelContext& context) {
  const char* wrong = checkEqualFloats(context, 1, 1);
  return wrong ? wrong : alphaProblem(context);
}
const char* checkLeakyReluGrad(const KernelContext& context) {
  const char* wrong = checkEqualFloats(context, 2, 1);
  return wrong ? wrong : alphaProblem(context);
}

const char* checkSoftmax(const KernelContext& context) {
  if (const char* wrong = checkEqualFloats(context, 1, 1)) return wrong;
  return context.outputs[0].rank >= 1 ? nullptr : "expected at least one axis";
}
const char* checkSoftmaxGrad(const KernelContext& context) {
  if (const char* wrong = checkEqualFloats(context, 2, 1)) return wrong;
  return context.outputs[0].rank >= 1 ? nullptr : "expected at least one axis";
}

template <class F>
void map(const KernelContext& context, int64_t bytes, const F& function) {
  const float* x = f32(context.inputs[0]);
  writeVectors(context, bytes, [&](int64_t i, auto lanes) { return function(load(x + i, lanes)); });
}

template <class F>
void mapGrad(const KernelContext& context, const F& function) {
  const float *y = f32(context.inputs[0]), *dy = f32(context.inputs[1]);
  writeVectors(context, 12,
               [&](int64_t i, auto lanes) { return function(load(y + i, lanes), settled(load(dy + i, lanes))); });
}

// ReLU and ReLU6: what they do to x, and where y tells that a gradient passes. min and max give their second operand
// for NaN.
struct Relu {
  static inline Vec apply(Vec x) { return max(zero(), x); }
  static inline VecMask passes(Vec y) { return gt(y, zero()); }
};
struct Relu6 {
  static inline Vec apply(Vec x) { return min(broadcast(6.0f), max(zero(), x)); }
  static inline VecMask passes(Vec y) { return maskAnd(gt(y, zero()), lt(y, broadcast(6.0f))); }
};

template <class Rectifier>
inline Vec maskedBy(Vec y, Vec dy) {
  return select(Rectifier::passes(y), settled(dy), zero());
}

template <class Rectifier>
void runRectifier(const KernelContext& context) {
  map(context, 8, [](Vec x) { return Rectifier::apply(x); });
}

template <class Rectifier>
void runRectifierGrad(const KernelContext& context) {
  if (!context.inputs[2].present) return mapGrad(context, [](Vec y, Vec dy) { return maskedBy<Rectifier>(y, dy); });
  const float *y = f32(context.inputs[0]), *dy = f32(context.inputs[1]), *other = f32(context.inputs[2]);
  writeVectors(context, 16, [&](int64_t i, auto lanes) {
    return maskedBy<Rectifier>(load(y + i, lanes), add(load(dy + i, lanes), load(other + i, lanes)));
  });
}

// The gradient and the sum of its result over all axes but the last, in one pass.
Workspace workspaceOfGradBias(const KernelContext& context) {
  const Columns columns = columnsOfView(context.inputs[0]);
  return {columns.chunks * kSumRows * columns.period * static_cast<int64_t>(sizeof(float)), 0};
}

template <class Rectifier>
void runRectifierGradBias(const KernelContext& context) {
  const Columns columns = columnsOfView(context.inputs[0]);
  const float *y = f32(context.inputs[0]), *dy = f32(context.inputs[1]);
  const float* other = context.inputs[2].present ? f32(context.inputs[2]) : nullptr;
  float *dx = f32(context.outputs[0]), *dbias = f32(context.outputs[1]);
  float* sums = reinterpret_cast<float*>(context.scratch);
  const int64_t cost = 12 * minOf(columns.perChunk * columns.period, context.inputs[0].size);
  parallelFor(context, columns.chunks, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t chunk = begin; chunk < end; chunk++) {
      sumColumnsInOrder(columns, chunk, sums + chunk * kSumRows * columns.period, [&](int64_t i, auto lanes) {
        const Vec first = load(dy + i, lanes), gradient = other ? add(first, load(other + i, lanes)) : first;
        const Vec masked = maskedBy<Rectifier>(load(y + i, lanes), gradient);
        store(dx + i, masked, lanes);
        return masked;
      });
    }
  });
  foldColumns(columns, sums, kSumRows * columns.period,
              [&](int64_t c, double total) { dbias[c] = static_cast<float>(total); });
}

void runLeakyRelu(const KernelContext& context) {
  const Vec alpha = broadcast(attrsOf<LeakyReluAttrs>(context).alpha);
  map(context, 8, [=](Vec x) { return select(gt(x, zero()), x, mul(alpha, x)); });
}
void runLeakyReluGrad(const KernelContext& context) {
  const Vec alpha = broadcast(attrsOf<LeakyReluAttrs>(context).alpha);
  mapGrad(context, [=](Vec y, Vec dy) { return select(gt(y, zero()), dy, mul(alpha, dy)); });
}

void runSigmoid(const KernelContext& context) {
  map(context, 32, [](Vec x) { return sigmoid(x); });
}
void runSigmoidGrad(const KernelContext& context) {
  mapGrad(context, [](Vec y, Vec dy) { return mul(mul(dy, y), sub(broadcast(1.0f), y)); });
}

void runTanh(const KernelContext& context) {
  map(context, 40, [](Vec x) { return tanh(x); });
}
void runTanhGrad(const KernelContext& context) {
  mapGrad(context, [](Vec y, Vec dy) { return mul(dy, fma(negate(y), y, broadcast(1.0f))); });
}

// body(row offset) for all rows of the last axis, in parallel.
template <class F>
void forRows(const KernelContext& context, int64_t bytes, const F& body) {
  const TensorView& y = context.outputs[0];
  const int64_t length = y.dims[y.rank - 1];
  if (y.size == 0) return;
  // A short row costs as much as a few vectors.
  parallelFor(context, y.size / length, grainFor(maxOf(length, 2 * kVecWidth) * bytes),
              [&](int64_t begin, int64_t end, int32_t) {
                for (int64_t row = begin; row < end; row++) body(row * length, length);
              });
}

void runSoftmax(const KernelContext& context) {
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  forRows(context, 32, [&](int64_t at, int64_t length) {
    const float sum = expRow<true>(x + at, y + at, rowMax(x + at, length), length);
    scaleRow(y + at, 1.0f / sum, length);
  });
}

// dx = y (dy - sum(dy y))
void runSoftmaxGrad(const KernelContext& context) {
  const float *y = f32(context.inputs[0]), *dy = f32(context.inputs[1]);
  float* dx = f32(context.outputs[0]);
  forRows(context, 16, [&](int64_t at, int64_t length) {
    Vec dot = zero();
    forVectors(at, at + length,
               [&](int64_t i, auto lanes) { dot = fma(load(y + i, lanes), load(dy + i, lanes), dot); });
    const Vec total = broadcast(reduceAdd(dot));
    forVectors(at, at + length, [&](int64_t i, auto lanes) {
      store(dx + i, mul(load(y + i, lanes), sub(load(dy + i, lanes), total)), lanes);
    });
  });
}

void runLogSoftmax(const KernelContext& context) {
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  forRows(context, 32, [&](int64_t at, int64_t length) {
    const float largest = rowMax(x + at, length);
    const Vec shift = broadcast(largest), logSum = broadcast(logOf(expRow<false>(x + at, y + at, largest, length)));
    forVectors(at, at + length,
               [&](int64_t i, auto lanes) { store(y + i, sub(sub(load(x + i, lanes), shift), logSum), lanes); });
  });
}

// dx = dy - e^y sum(dy)
void runLogSoftmaxGrad(const KernelContext& context) {
  const float *y = f32(context.inputs[0]), *dy = f32(context.inputs[1]);
  float* dx = f32(context.outputs[0]);
  forRows(context, 32, [&](int64_t at, int64_t length) {
    const Vec total = broadcast(sumRow(dy + at, length));
    forVectors(at, at + length, [&](int64_t i, auto lanes) {
      store(dx + i, sub(load(dy + i, lanes), mul(exp(load(y + i, lanes)), total)), lanes);
    });
  });
}

constexpr int32_t kLeakyBytes = sizeof(LeakyReluAttrs);

const KernelEntry entries[] = {
    {"relu(x) -> (y) {}", 0, checkActivation, nullptr, runRectifier<Relu>},
    {"reluGrad(y, dy, other?) -> (dx) {}", 0, checkRectifierGrad, nullptr, runRectifierGrad<Relu>},
    {"reluGradBias(y, dy, other?) -> (dx, dbias) {}", 0, checkRectifierGradBias, workspaceOfGradBias,
     runRectifierGradBias<Relu>},
    {"relu6(x) -> (y) {}", 0, checkActivation, nullptr, runRectifier<Relu6>},
    {"relu6Grad(y, dy, other?) -> (dx) {}", 0, checkRectifierGrad, nullptr, runRectifierGrad<Relu6>},
    {"relu6GradBias(y, dy, other?) -> (dx, dbias) {}", 0, checkRectifierGradBias, workspaceOfGradBias,
     runRectifierGradBias<Relu6>},
    {"leakyRelu(x) -> (y) {alpha:f}", kLeakyBytes, checkLeakyRelu, nullptr, runLeakyRelu},
    {"leakyReluGrad(y, dy) -> (dx) {alpha:f}", kLeakyBytes, checkLeakyReluGrad, nullptr, runLeakyReluGrad},
    {"sigmoid(x) -> (y) {}", 0, checkActivation, nullptr, runSigmoid},
    {"sigmoidGrad(y, dy) -> (dx) {}", 0, checkActivationGrad, nullptr, runSigmoidGrad},
    {"tanh(x) -> (y) {}", 0, checkActivation, nullptr, runTanh},
    {"tanhGrad(y, dy) -> (dx) {}", 0, checkActivationGrad, nullptr, runTanhGrad},
    {"softmax(x) -> (y) {}", 0, checkSoftmax, nullptr, runSoftmax},
    {"softmaxGrad(y, dy) -> (dx) {}", 0, checkSoftmaxGrad, nullptr, runSoftmaxGrad},
    {"logSoftmax(x) -> (y) {}", 0, checkSoftmax, nullptr, runLogSoftmax},
    {"logSoftmaxGrad(y, dy) -> (dx) {}", 0, checkSoftmaxGrad, nullptr, runLogSoftmaxGrad},
};

}  // namespace

extern const KernelFamily activationFamily;
const KernelFamily activationFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
