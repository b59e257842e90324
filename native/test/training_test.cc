// Losses and optimizer steps against plain loops in double: extreme logits, labels out of range, every option.
#include "ops.h"

namespace ocellus {
namespace OCELLUS_ISA {
extern const KernelFamily lossFamily, optimizerFamily;
}
}  // namespace ocellus

namespace {

const KernelFamily& loss = ocellus::OCELLUS_ISA::lossFamily;
const KernelFamily& optimizer = ocellus::OCELLUS_ISA::optimizerFamily;

void crossEntropy(Random& source, int64_t rows, int64_t classes, double scale) {
  const Tensor x = random(source, {rows, classes}, scale), dloss = random(source, {rows});
  Tensor labels = random(source, {rows, classes}, 0.5, 0.5);
  Tensor sparse = randomIntegers(source, {rows}, classes + 2, ocellus::kInt32);
  for (double& value : sparse.values) value -= 1;
  for (double& value : labels.values)
    if (source.below(3) == 0) value = 0;
  std::vector<double> p(x.values.size()), want(rows), wantSparse(rows), dx(p.size()), dSparse(p.size());
  for (int64_t row = 0; row < rows; row++) {
    const int64_t at = row * classes;
    const int64_t label = static_cast<int64_t>(sparse[row]);
    const bool valid = label >= 0 && label < classes;
    double largest = -INFINITY, sum = 0, total = 0;
    for (int64_t i = at; i < at + classes; i++) largest = std::max(largest, x[i]);
    for (int64_t i = at; i < at + classes; i++) sum += ::exp(x[i] - largest), total += labels[i];
    for (int64_t i = at; i < at + classes; i++) {
      p[i] = ::exp(x[i] - largest) / sum;
      want[row] -= labels[i] * (x[i] - largest - ::log(sum));
      dx[i] = (p[i] * total - labels[i]) * dloss[row];
      dSparse[i] = valid ? (p[i] - (i - at == label ? 1 : 0)) * dloss[row] : NAN;
    }
    wantSparse[row] = valid ? ::log(sum) - (x[at + label] - largest) : NAN;
  }
  std::vector<Tensor> got = {empty({rows}), empty(x.shape)}, gradient = {empty(x.shape)};
  if (run(loss, "softmaxCrossEntropy", {x, labels}, got, Attrs())) {
    close(got[0], want, 3e-6, "softmaxCrossEntropy");
    close(got[1], p, 1e-6, "softmaxCrossEntropy, probabilities");
  }
  if (run(loss, "sparseSoftmaxCrossEntropy", {x, sparse}, got, Attrs().i(-1))) {
    close(got[0], wantSparse, 1e-6, "sparseSoftmaxCrossEntropy");
    close(got[1], p, 1e-6, "sparseSoftmaxCrossEntropy, probabilities");
  }
  if (run(loss, "softmaxCrossEntropyGrad", {got[1], labels, dloss}, gradient, Attrs()))
    close(gradient[0], dx, 2e-6, "softmaxCrossEntropyGrad");
  if (run(loss, "sparseSoftmaxCrossEntropyGrad", {got[1], sparse, dloss}, gradient, Attrs().i(-1)))
    close(gradient[0], dSparse, 1e-6, "sparseSoftmaxCrossEntropyGrad");
}

void binaryCrossEntropy(Random& source, const Shape& shape, double scale) {
  const Tensor x = random(source, shape, scale), labels = random(source, shape, 0.5, 0.5),
               dloss = random(source, shape);
  std::vector<Tensor> got = {empty(shape)}, gradient = {empty(shape)};
  std::vector<double> want, dx;
  for (int64_t i = 0; i < x.size(); i++) {
    want.push_back(std::max(x[i], 0.0) - x[i] * labels[i] + ::log1p(::exp(-fabs(x[i]))));
    dx.push_back((1 / (1 + ::exp(-x[i])) - labels[i]) * dloss[i]);
  }
  if (run(loss, "sigmoidCrossEntropy", {x, labels}, got, Attrs())) close(got[0], want, 1e-6, "sigmoidCrossEntropy");
  if (run(loss, "sigmoidCrossEntropyGrad", {x, labels, dloss}, gradient, Attrs()))
    close(gradient[0], dx, 1e-6, "sigmoidCrossEntropyGrad");
}

void steps(Random& source, const Shape& shape) {
  const Tensor w = random(source, shape), g = random(source, shape), m = random(source, shape);
  const Tensor v = random(source, shape, 0.5, 0.5), rate = list({0.01f}), correction = list({0.1f, 0.001f});
  const size_t size = w.values.size();
  const double lr = rate[0];
  for (const double decay : {0.0, 0.05}) {
    std::vector<Tensor> one = {empty(shape)}, two = {empty(shape), empty(shape)}, three = {two[0], two[0], two[0]};
    std::vector<double> wantW(size), wantV(size), wantM(size);
    for (size_t i = 0; i < size; i++) wantW[i] = w.values[i] - lr * (g.values[i] + decay * w.values[i]);
    if (run(optimizer, "sgd", {w, g, rate}, one, Attrs().f((float)decay))) close(one[0], wantW, 3e-7, "sgd");
    for (int64_t nesterov = 0; nesterov < 2; nesterov++) {
      for (size_t i = 0; i < size; i++) {
        const double gradient = g.values[i] + decay * w.values[i];
        wantV[i] = 0.9 * m.values[i] + gradient;
        wantW[i] = w.values[i] - lr * (nesterov ? gradient + 0.9 * wantV[i] : wantV[i]);
      }
      if (!run(optimizer, "sgdMomentum", {w, g, m, rate}, two, Attrs().f(0.9f).i(nesterov).f((float)decay))) continue;
      close(two[0], wantW, 3e-7, "sgdMomentum");
      close(two[1], wantV, 3e-7, "sgdMomentum, velocity");
    }
    for (int64_t decoupled = 0; decoupled < 2; decoupled++) {
      for (size_t i = 0; i < size; i++) {
        const double gradient = g.values[i] + (decoupled ? 0 : decay * w.values[i]);
        wantM[i] = 0.9 * m.values[i] + (1 - 0.9) * gradient;
        wantV[i] = 0.999 * v.values[i] + (1 - 0.999) * gradient * gradient;
        wantW[i] = w.values[i] - (decoupled ? lr * decay * w.values[i] : 0) -
                   lr * (wantM[i] / correction[0]) / (::sqrt(wantV[i] / correction[1]) + 1e-8);
      }
      const Attrs attrs = Attrs().f(0.9f).f(0.999f).f(1e-8f).f((float)decay).i(decoupled);
      if (!run(optimizer, "adam", {w, g, m, v, rate, correction}, three, attrs)) continue;
      close(three[0], wantW, 5e-7, "adam");
      close(three[1], wantM, 3e-7, "adam, m");
      close(three[2], wantV, 3e-7, "adam, v");
    }
  }
}

void hostile() {
  const Tensor x = empty({2, 3}), two = empty({2}), one = empty({1}), ids = empty({2}, ocellus::kInt32);
  rejects(loss, "softmaxCrossEntropy", {x, empty({3, 2})}, {two, x}, Attrs(), "labels of another shape");
  rejects(loss, "softmaxCrossEntropy", {x, x}, {one, x}, Attrs(), "few losses");
  rejects(loss, "softmaxCrossEntropy", {x, x}, {two, empty({2, 2})}, Attrs(), "few probabilities");
  rejects(loss, "sparseSoftmaxCrossEntropy", {x, two}, {two, x}, Attrs().i(-1), "float labels");
  rejects(loss, "sparseSoftmaxCrossEntropy", {x, empty({3}, ocellus::kInt32)}, {two, x}, Attrs().i(-1), "many labels");
  rejects(loss, "sparseSoftmaxCrossEntropy", {empty({2, 3, 1}), ids}, {two, empty({2, 3, 1})}, Attrs().i(-1), "rank 3");
  rejects(loss, "sparseSoftmaxCrossEntropyGrad", {x, ids, one}, {x}, Attrs().i(-1), "a short dloss");
  rejects(loss, "sigmoidCrossEntropy", {x, two}, {x}, Attrs(), "unequal shapes");
  rejects(optimizer, "sgd", {x, x, two}, {x}, Attrs().f(0), "two learning rates");
  rejects(optimizer, "sgd", {x, two, one}, {x}, Attrs().f(0), "a short gradient");
  rejects(optimizer, "sgdMomentum", {x, x, x, one}, {x, two}, Attrs().f(0).i(0).f(0), "a short velocity");
  rejects(optimizer, "sgdMomentum", {x, x, x, one}, {x, x}, Attrs().f(0).i(2).f(0), "a flag of 2");
  rejects(optimizer, "adam", {x, x, x, x, one, one}, {x, x, x}, Attrs().f(0).f(0).f(0).f(0).i(0), "a short correction");
}

}  // namespace

int main() {
  Random source;
  const std::pair<int64_t, int64_t> sizes[] = {{1, 1}, {7, 10}, {3, 16},    {5, 17},
                                               {0, 4}, {4, 0},  {30000, 3}, {40, 1000}};
  for (const auto& size : sizes)
    for (const double scale : {1.0, 50.0, 1000.0}) crossEntropy(source, size.first, size.second, scale);
  for (const Shape& shape : {Shape{}, {0}, {5, 7}, {100003}})
    for (const double scale : {1.0, 100.0}) binaryCrossEntropy(source, shape, scale);
  for (const Shape& shape : {Shape{1}, {7, 11}, {0}, {100003}}) steps(source, shape);
  hostile();
  return finish();
}
