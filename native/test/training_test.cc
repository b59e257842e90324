// Losses and optimizer steps against plain loops in double: extreme logits, labels out of range, every option.
#include "ops.h"

namespace ocellus {
namespace OCELLUS_ISA {
extern const KernelFamily layerwiseFamily, lossFamily, optimizerFamily;
}
}  // namespace ocellus

namespace {

// As the op's own default: no row is left out.
constexpr int32_t kNoLabel = -2147483647;

const KernelFamily& loss = ocellus::OCELLUS_ISA::lossFamily;
const KernelFamily& layerwise = ocellus::OCELLUS_ISA::layerwiseFamily;
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
  if (run(loss, "sparseSoftmaxCrossEntropy", {x, sparse}, got, Attrs().i(kNoLabel))) {
    close(got[0], wantSparse, 1e-6, "sparseSoftmaxCrossEntropy");
    close(got[1], p, 1e-6, "sparseSoftmaxCrossEntropy, probabilities");
  }
  if (run(loss, "softmaxCrossEntropyGrad", {got[1], labels, dloss}, gradient, Attrs()))
    close(gradient[0], dx, 2e-6, "softmaxCrossEntropyGrad");
  if (run(loss, "sparseSoftmaxCrossEntropyGrad", {got[1], sparse, dloss}, gradient, Attrs().i(kNoLabel)))
    close(gradient[0], dSparse, 1e-6, "sparseSoftmaxCrossEntropyGrad");
  if (rows == 0) return;
  const int32_t left = static_cast<int32_t>(sparse[0]);
  for (int64_t row = 0; row < rows; row++) {
    if (static_cast<int32_t>(sparse[row]) != left) continue;
    wantSparse[row] = 0;
    for (int64_t i = row * classes; i < (row + 1) * classes; i++) dSparse[i] = 0;
  }
  if (run(loss, "sparseSoftmaxCrossEntropy", {x, sparse}, got, Attrs().i(left)))
    close(got[0], wantSparse, 1e-6, "sparseSoftmaxCrossEntropy, rows left out");
  if (run(loss, "sparseSoftmaxCrossEntropyGrad", {got[1], sparse, dloss}, gradient, Attrs().i(left)))
    close(gradient[0], dSparse, 1e-6, "sparseSoftmaxCrossEntropyGrad, rows left out");
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

const Tensor none = absent();
constexpr float kNoClip = INFINITY;

Attrs shared(double decay, int64_t decoupled) { return Attrs().f(static_cast<float>(decay)).i(decoupled).f(kNoClip); }

void steps(Random& source, const Shape& shape) {
  const Tensor w = random(source, shape), g = random(source, shape), m = random(source, shape);
  const Tensor v = random(source, shape, 0.5, 0.5), rate = list({0.01f}), correction = list({0.1f, 0.001f});
  const size_t size = w.values.size();
  const double lr = rate[0];
  for (const double decay : {0.0, 0.05}) {
    for (int64_t decoupled = 0; decoupled < 2; decoupled++) {
      std::vector<Tensor> one = {empty(shape)}, two = {empty(shape), empty(shape)}, three = {two[0], two[0], two[0]};
      std::vector<double> wantW(size), wantV(size), wantM(size), kept(size), along(size);
      for (size_t i = 0; i < size; i++) {
        along[i] = g.values[i] + (decoupled ? 0 : decay * w.values[i]);
        kept[i] = w.values[i] - (decoupled ? lr * decay * w.values[i] : 0);
        wantW[i] = kept[i] - lr * along[i];
      }
      if (run(optimizer, "sgd", {w, g, rate, none, none, none}, one, shared(decay, decoupled)))
        close(one[0], wantW, 3e-7, "sgd");
      for (int64_t nesterov = 0; nesterov < 2; nesterov++) {
        for (size_t i = 0; i < size; i++) {
          wantV[i] = 0.9 * m.values[i] - lr * along[i];
          wantW[i] = kept[i] + (nesterov ? 0.9 * wantV[i] - lr * along[i] : wantV[i]);
        }
        const Attrs attrs = shared(decay, decoupled).f(0.9f).i(nesterov);
        if (!run(optimizer, "sgdMomentum", {w, g, m, rate, none, none, none}, two, attrs)) continue;
        close(two[0], wantW, 3e-7, "sgdMomentum");
        close(two[1], wantV, 3e-7, "sgdMomentum, momentum");
      }
      for (size_t i = 0; i < size; i++) {
        wantM[i] = 0.9 * m.values[i] + (1 - 0.9) * along[i];
        wantV[i] = 0.999 * v.values[i] + (1 - 0.999) * along[i] * along[i];
        wantW[i] = kept[i] - lr * ::sqrt(correction[1]) / correction[0] * wantM[i] / (::sqrt(wantV[i]) + 1e-8);
      }
      const Attrs attrs = shared(decay, decoupled).f(0.9f).f(0.999f).f(1e-8f);
      if (!run(optimizer, "adam", {w, g, m, v, rate, correction, none, none, none}, three, attrs)) continue;
      close(three[0], wantW, 5e-7, "adam");
      close(three[1], wantM, 3e-7, "adam, m");
      close(three[2], wantV, 3e-7, "adam, v");
    }
  }
}

// Ends in any order and of any size must not lead out of the vector.
void wildSegments(Random& source) {
  for (int round = 0; round < 50; round++) {
    const int64_t size = 1 + source.below(70000), segments = 1 + source.below(9);
    Tensor ends = randomIntegers(source, {segments}, 2 * size, ocellus::kInt32);
    for (double& end : ends.values) end -= static_cast<double>(size) / 2;
    const Tensor x = random(source, {size}), factors = random(source, {segments, 2});
    std::vector<Tensor> w = {empty({size})}, squares = {empty({segments})};
    run(optimizer, "sgd", {x, x, list({0.1f}), ends, factors, none}, w, shared(0.1, 1));
    run(layerwise, "segmentSquares", {x, ends}, squares, Attrs());
  }
}

void hostile() {
  const Tensor x = empty({2, 3}), two = empty({2}), one = empty({1}), ids = empty({2}, ocellus::kInt32);
  rejects(loss, "softmaxCrossEntropy", {x, empty({3, 2})}, {two, x}, Attrs(), "labels of another shape");
  rejects(loss, "softmaxCrossEntropy", {x, x}, {one, x}, Attrs(), "few losses");
  rejects(loss, "softmaxCrossEntropy", {x, x}, {two, empty({2, 2})}, Attrs(), "few probabilities");
  rejects(loss, "sparseSoftmaxCrossEntropy", {x, two}, {two, x}, Attrs().i(kNoLabel), "float labels");
  rejects(loss, "sparseSoftmaxCrossEntropy", {x, empty({3}, ocellus::kInt32)}, {two, x}, Attrs().i(kNoLabel),
          "many labels");
  rejects(loss, "sparseSoftmaxCrossEntropy", {empty({2, 3, 1}), ids}, {two, empty({2, 3, 1})}, Attrs().i(kNoLabel),
          "rank 3");
  rejects(loss, "sparseSoftmaxCrossEntropyGrad", {x, ids, one}, {x}, Attrs().i(kNoLabel), "a short dloss");
  rejects(loss, "sigmoidCrossEntropy", {x, two}, {x}, Attrs(), "unequal shapes");
  const Attrs plain = shared(0, 1), momentum = shared(0, 1).f(0).i(0), adam = shared(0, 1).f(0).f(0).f(0);
  rejects(optimizer, "sgd", {x, x, two, none, none, none}, {x}, plain, "two learning rates");
  rejects(optimizer, "sgd", {x, two, one, none, none, none}, {x}, plain, "a short gradient");
  rejects(optimizer, "sgd", {x, x, one, two, none, none}, {x}, plain, "segments of floats");
  rejects(optimizer, "sgd", {x, x, one, ids, one, none}, {x}, plain, "few factors");
  rejects(optimizer, "sgd", {x, x, one, none, none, two}, {x}, plain, "many scales");
  rejects(optimizer, "sgd", {x, x, one, none, none, none}, {x}, shared(0, 2), "a flag of 2");
  rejects(optimizer, "sgdMomentum", {x, x, x, one, none, none, none}, {x, two}, momentum, "a short momentum");
  rejects(optimizer, "sgdMomentum", {x, x, x, one, none, none, none}, {x, x}, shared(0, 1).f(0).i(2), "nesterov 2");
  rejects(optimizer, "adam", {x, x, x, x, one, one, none, none, none}, {x, x, x}, adam, "a short correction");
  rejects(layerwise, "segmentSquares", {x, ids}, {one}, Attrs(), "few sums");
  rejects(layerwise, "clipScale", {two, two}, {two}, Attrs().f(1).i(0), "two inputs apart");
  rejects(layerwise, "trustRatio", {two, two, one, one}, {two}, Attrs().f(0), "few factors of ratios");
  rejects(layerwise, "averageWeights", {x, x, two}, {x, x}, Attrs(), "a short control");
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
  wildSegments(source);
  hostile();
  return finish();
}
