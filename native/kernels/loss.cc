// Losses on logits, fused with their softmax or sigmoid so that they stay exact for large logits, and their gradients.
#include "softmax.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

// Rows with this label have no loss and no gradient.
struct SparseAttrs {
  int32_t ignoreIndex;
};
static_assert(sizeof(SparseAttrs) == 4, "slots");

bool isMatrix(const TensorView& view) { return view.rank == 2; }

// logits [N,C], labels [N,C] or int32 [N] -> loss [N], probabilities [N,C]
const char* checkSoftmaxLoss(const KernelContext& context, bool sparse) {
  if (const char* wrong = checkViews(context, 2, 2)) return wrong;
  const TensorView &logits = context.inputs[0], &labels = context.inputs[1];
  const TensorView &loss = context.outputs[0], &probabilities = context.outputs[1];
  if (logits.dtype != kFloat32 || loss.dtype != kFloat32 || probabilities.dtype != kFloat32)
    return "expected float32 logits, loss and probabilities";
  if (labels.dtype != (sparse ? kInt32 : kFloat32)) return sparse ? "expected int32 labels" : "expected float32 labels";
  if (!isMatrix(logits)) return "expected logits of rank 2";
  if (sparse ? !isVector(labels, logits.dims[0]) : !sameShape(labels, logits))
    return "expected labels that fit the logits";
  if (!isVector(loss, logits.dims[0])) return "expected one loss per row";
  if (!sameShape(probabilities, logits)) return "expected probabilities of the shape of the logits";
  return nullptr;
}
const char* checkDense(const KernelContext& context) { return checkSoftmaxLoss(context, false); }
const char* checkSparse(const KernelContext& context) { return checkSoftmaxLoss(context, true); }

// probabilities [N,C], labels, dloss [N] -> dlogits [N,C]
const char* checkSoftmaxLossGrad(const KernelContext& context, bool sparse) {
  if (const char* wrong = checkViews(context, 3, 1)) return wrong;
  const TensorView &probabilities = context.inputs[0], &labels = context.inputs[1], &dloss = context.inputs[2];
  const TensorView& dlogits = context.outputs[0];
  if (probabilities.dtype != kFloat32 || dloss.dtype != kFloat32 || dlogits.dtype != kFloat32)
    return "expected float32 probabilities, dloss and dlogits";
  if (labels.dtype != (sparse ? kInt32 : kFloat32)) return sparse ? "expected int32 labels" : "expected float32 labels";
  if (!isMatrix(probabilities)) return "expected probabilities of rank 2";
  const int64_t rows = probabilities.dims[0];
  if (sparse ? !isVector(labels, rows) : !sameShape(labels, probabilities))
    return "expected labels that fit the probabilities";
  if (!isVector(dloss, rows)) return "expected one dloss per row";
  if (!sameShape(dlogits, probabilities)) return "expected dlogits of the shape of the probabilities";
  return nullptr;
}
const char* checkDenseGrad(const KernelContext& context) { return checkSoftmaxLossGrad(context, false); }
const char* checkSparseGrad(const KernelContext& context) { return checkSoftmaxLossGrad(context, true); }

// body(row, offset, classes) for every row, in parallel.
template <class F>
void forRows(const KernelContext& context, const TensorView& matrix, int64_t bytes, const F& body) {
  const int64_t classes = matrix.dims[1];
  parallelFor(context, matrix.dims[0], grainFor(maxOf(classes, 2 * kVecWidth) * bytes),
              [&](int64_t begin, int64_t end, int32_t) {
                for (int64_t row = begin; row < end; row++) body(row, row * classes, classes);
              });
}

// -sum(labels (x - shift - logSum)); a label of zero takes no part, however small its probability.
float crossEntropy(const float* x, const float* labels, float shift, float logSum, int64_t classes) {
  const Vec vshift = broadcast(shift), vlog = broadcast(logSum);
  Vec total = zero();
  forVectors(0, classes, [&](int64_t i, auto lanes) {
    const Vec label = load(labels + i, lanes);
    const Vec part = mul(label, sub(vlog, sub(load(x + i, lanes), vshift)));
    total = add(total, select(eq(label, zero()), zero(), part));
  });
  return reduceAdd(total);
}

void runDense(const KernelContext& context) {
  const float *x = f32(context.inputs[0]), *labels = f32(context.inputs[1]);
  float *loss = f32(context.outputs[0]), *p = f32(context.outputs[1]);
  forRows(context, context.inputs[0], 40, [&](int64_t row, int64_t at, int64_t classes) {
    const float largest = rowMax(x + at, classes);
    const float sum = expRow<true>(x + at, p + at, largest, classes);
    scaleRow(p + at, 1.0f / sum, classes);
    loss[row] = crossEntropy(x + at, labels + at, largest, logOf(sum), classes);
  });
}

void runSparse(const KernelContext& context) {
  const float* x = f32(context.inputs[0]);
  const int32_t* labels = i32(context.inputs[1]);
  const int32_t ignoreIndex = attrsOf<SparseAttrs>(context).ignoreIndex;
  float *loss = f32(context.outputs[0]), *p = f32(context.outputs[1]);
  forRows(context, context.inputs[0], 40, [&](int64_t row, int64_t at, int64_t classes) {
    const int64_t label = labels[row];
    const bool valid = label >= 0 && label < classes;
    const float logit = valid ? x[at + label] : 0.0f;
    const float largest = rowMax(x + at, classes);
    const float sum = expRow<true>(x + at, p + at, largest, classes);
    scaleRow(p + at, 1.0f / sum, classes);
    loss[row] = valid ? logOf(sum) - (logit - largest) : __builtin_nanf("");
    if (label == ignoreIndex) loss[row] = 0.0f;
  });
}

// (p sum(labels) - labels) dloss
void runDenseGrad(const KernelContext& context) {
  const float *p = f32(context.inputs[0]), *labels = f32(context.inputs[1]), *dloss = f32(context.inputs[2]);
  float* dlogits = f32(context.outputs[0]);
  forRows(context, context.inputs[0], 16, [&](int64_t row, int64_t at, int64_t classes) {
    const Vec total = broadcast(sumRow(labels + at, classes)), scale = broadcast(dloss[row]);
    forVectors(at, at + classes, [&](int64_t i, auto lanes) {
      store(dlogits + i, mul(sub(mul(load(p + i, lanes), total), load(labels + i, lanes)), scale), lanes);
    });
  });
}

void runSparseGrad(const KernelContext& context) {
  const float *p = f32(context.inputs[0]), *dloss = f32(context.inputs[2]);
  const int32_t* labels = i32(context.inputs[1]);
  const int32_t ignoreIndex = attrsOf<SparseAttrs>(context).ignoreIndex;
  float* dlogits = f32(context.outputs[0]);
  forRows(context, context.inputs[0], 8, [&](int64_t row, int64_t at, int64_t classes) {
    const int64_t label = labels[row];
    if (label == ignoreIndex) {
      forVectors(at, at + classes, [&](int64_t i, auto lanes) { store(dlogits + i, zero(), lanes); });
      return;
    }
    const bool valid = label >= 0 && label < classes;
    const float atLabel = valid ? p[at + label] : 0.0f;
    const float scale = valid ? dloss[row] : __builtin_nanf("");
    const Vec factor = broadcast(scale);
    forVectors(at, at + classes,
               [&](int64_t i, auto lanes) { store(dlogits + i, mul(load(p + i, lanes), factor), lanes); });
    if (valid) dlogits[at + label] = (atLabel - 1.0f) * scale;
  });
}

const char* checkSigmoid(const KernelContext& context) { return checkEqualFloats(context, 2, 1); }
const char* checkSigmoidGrad(const KernelContext& context) { return checkEqualFloats(context, 3, 1); }

// max(x, 0) - x z + ln(1 + e^-|x|), the first two as x ((x > 0) - z), where a label near 1 does not cancel.
void runSigmoid(const KernelContext& context) {
  const float *x = f32(context.inputs[0]), *labels = f32(context.inputs[1]);
  float* loss = f32(context.outputs[0]);
  parallelVectors(context, context.outputs[0].size, 64, [&](int64_t i, auto lanes) {
    const Vec vx = load(x + i, lanes);
    const Vec softplus = log1p(exp(negate(abs(vx))));
    const Vec positive = select(gt(vx, zero()), broadcast(1.0f), zero());
    store(loss + i, fma(vx, sub(positive, load(labels + i, lanes)), softplus), lanes);
  });
}

void runSigmoidGrad(const KernelContext& context) {
  const float *x = f32(context.inputs[0]), *labels = f32(context.inputs[1]), *dloss = f32(context.inputs[2]);
  float* dlogits = f32(context.outputs[0]);
  parallelVectors(context, context.outputs[0].size, 40, [&](int64_t i, auto lanes) {
    const Vec difference = sub(sigmoid(load(x + i, lanes)), load(labels + i, lanes));
    store(dlogits + i, mul(difference, load(dloss + i, lanes)), lanes);
  });
}

const KernelEntry entries[] = {
    {"softmaxCrossEntropy(logits, labels) -> (loss, probabilities) {}", 0, checkDense, nullptr, runDense},
    {"softmaxCrossEntropyGrad(probabilities, labels, dloss) -> (dlogits) {}", 0, checkDenseGrad, nullptr, runDenseGrad},
    {"sparseSoftmaxCrossEntropy(logits, labels) -> (loss, probabilities) {ignoreIndex:i}", sizeof(SparseAttrs),
     checkSparse, nullptr, runSparse},
    {"sparseSoftmaxCrossEntropyGrad(probabilities, labels, dloss) -> (dlogits) {ignoreIndex:i}", sizeof(SparseAttrs),
     checkSparseGrad, nullptr, runSparseGrad},
    {"sigmoidCrossEntropy(logits, labels) -> (loss) {}", 0, checkSigmoid, nullptr, runSigmoid},
    {"sigmoidCrossEntropyGrad(logits, labels, dloss) -> (dlogits) {}", 0, checkSigmoidGrad, nullptr, runSigmoidGrad},
};

}  // namespace

extern const KernelFamily lossFamily;
const KernelFamily lossFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
