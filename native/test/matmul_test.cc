// The rows matmul and dense against loops in double precision, and what their checks must reject.
#include "ops.h"

using namespace ocellus;

namespace ocellus {
namespace OCELLUS_ISA {
extern const KernelFamily matmulFamily;
}
}  // namespace ocellus

namespace {

const KernelFamily& family = ocellus::OCELLUS_ISA::matmulFamily;

void matmul(Random& source, int64_t m, int64_t n, int64_t k, bool transposeA, bool transposeB) {
  const Tensor a = random(source, transposeA ? Shape{k, m} : Shape{m, k});
  const Tensor b = random(source, transposeB ? Shape{n, k} : Shape{k, n});
  std::vector<Tensor> out = {empty({m, n})};
  std::vector<double> want(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      for (int64_t q = 0; q < k; q++)
        want[i * n + j] += a[transposeA ? q * m + i : i * k + q] * b[transposeB ? j * k + q : q * n + j];
  Attrs attrs;
  if (run(family, "matmul", {a, b}, out, attrs.i(transposeA).i(transposeB)))
    close(out[0], want, 1e-5 * sqrt(1.0 + (double)k), "matmul");
}

void dense(Random& source, int64_t rows, int64_t inputs, int64_t outputs, int64_t activation, bool withBias) {
  const Tensor x = random(source, {rows, inputs}), weight = random(source, {inputs, outputs});
  const Tensor bias = withBias ? random(source, {outputs}) : absent();
  std::vector<Tensor> out = {empty({rows, outputs})};
  std::vector<double> want(static_cast<size_t>(rows * outputs));
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < outputs; j++) {
      double sum = withBias ? bias[j] : 0;
      for (int64_t q = 0; q < inputs; q++) sum += x[i * inputs + q] * weight[q * outputs + j];
      want[i * outputs + j] = activation == 1   ? (sum < 0 ? 0 : sum)
                              : activation == 2 ? 1 / (1 + ::exp(-sum))
                              : activation == 3 ? ::tanh(sum)
                              : activation == 4 ? (sum < 0   ? 0
                                                   : sum > 6 ? 6
                                                             : sum)
                                                : sum;
    }
  Attrs attrs;
  if (run(family, "dense", {x, weight, bias}, out, attrs.i(activation)))
    close(out[0], want, 1e-5 * sqrt(1.0 + (double)inputs), "dense");
}

void rejections() {
  Attrs plain, transposed, linear, unknown;
  plain.i(0).i(0);
  transposed.i(1).i(0);
  linear.i(0);
  unknown.i(7);
  rejects(family, "matmul", {empty({2, 3}), empty({4, 5})}, {empty({2, 5})}, plain, "unequal inner dimensions");
  rejects(family, "matmul", {empty({2, 3}), empty({3, 5})}, {empty({2, 5})}, transposed, "a transposed wrongly");
  rejects(family, "matmul", {empty({2, 3}), empty({3, 5})}, {empty({5, 2})}, plain, "an output of another shape");
  rejects(family, "matmul", {empty({2, 3, 1}), empty({3, 5})}, {empty({2, 5})}, plain, "rank 3");
  rejects(family, "dense", {empty({2, 3}), empty({4, 5}), absent()}, {empty({2, 5})}, linear,
          "unequal inner dimensions");
  rejects(family, "dense", {empty({2, 3}), empty({3, 5}), empty({4})}, {empty({2, 5})}, linear, "a short bias");
  rejects(family, "dense", {empty({2, 3}), empty({3, 5}), absent()}, {empty({2, 4})}, linear, "a narrow output");
  rejects(family, "dense", {empty({2, 3}), empty({3, 5}), absent()}, {empty({2, 5})}, unknown, "an unknown activation");
}

}  // namespace

int main() {
  Random source;
  const int64_t sizes[] = {1, 2, 3, 10, 16, 31, 64, 84, 120, 257};
  for (int i = 0; i < 60; i++)
    matmul(source, sizes[source.below(10)], sizes[source.below(10)], sizes[source.below(10)], i & 1, i & 2);
  matmul(source, 0, 3, 4, false, false);
  matmul(source, 3, 0, 4, true, false);
  matmul(source, 3, 4, 0, false, true);
  matmul(source, 300, 40, 2000, true, false);
  for (int i = 0; i < 40; i++)
    dense(source, sizes[source.below(10)], sizes[source.below(10)], sizes[source.below(10)], i % 5, i % 3 != 0);
  dense(source, 0, 5, 6, 1, true);
  dense(source, 64, 400, 120, 1, true);
  dense(source, 1, 1152, 128, 0, true);
  rejections();
  return finish();
}
