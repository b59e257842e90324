// Activations and their gradients, which are written in terms of the output y. Softmax works along the last axis.
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
  float* y = f32(context.outputs[0]);
  parallelVectors(context, context.outputs[0].size, bytes,
                  [&](int64_t i, auto lanes) { store(y + i, function(load(x + i, lanes)), lanes); });
}

template <class F>
void mapGrad(const KernelContext& context, const F& function) {
  const float *y = f32(context.inputs[0]), *dy = f32(context.inputs[1]);
  float* dx = f32(context.outputs[0]);
  parallelVectors(context, context.outputs[0].size, 12, [&](int64_t i, auto lanes) {
    store(dx + i, function(load(y + i, lanes), load(dy + i, lanes)), lanes);
  });
}

// max(0, x) gives its second operand for NaN.
void runRelu(const KernelContext& context) {
  map(context, 8, [](Vec x) { return max(zero(), x); });
}
void runReluGrad(const KernelContext& context) {
  mapGrad(context, [](Vec y, Vec dy) { return select(gt(y, zero()), dy, zero()); });
}

void runRelu6(const KernelContext& context) {
  const Vec six = broadcast(6.0f);
  map(context, 8, [=](Vec x) { return min(six, max(zero(), x)); });
}
void runRelu6Grad(const KernelContext& context) {
  const Vec six = broadcast(6.0f);
  mapGrad(context, [=](Vec y, Vec dy) { return select(gt(y, zero()), select(gt(six, y), dy, zero()), zero()); });
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
    {"relu(x) -> (y) {}", 0, checkActivation, nullptr, runRelu},
    {"reluGrad(y, dy) -> (dx) {}", 0, checkActivationGrad, nullptr, runReluGrad},
    {"relu6(x) -> (y) {}", 0, checkActivation, nullptr, runRelu6},
    {"relu6Grad(y, dy) -> (dx) {}", 0, checkActivationGrad, nullptr, runRelu6Grad},
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
