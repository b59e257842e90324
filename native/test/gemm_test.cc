// The matrix product of the instruction set this file is compiled for, against double-precision loops: every edge size,
// every combination of options, any number of threads, bit for bit.
#include "gemm/gemm.h"

#include "harness.h"

using namespace ocellus;
using namespace ocellus::OCELLUS_ISA;

namespace {

struct Case {
  bool transposeA, transposeB;
  int64_t m, n, k;
  int64_t extraPitch;
  bool accumulate;
  bool bias;
  int32_t activation;
  int64_t splits;
  bool residual = false;
};

std::string nameOf(const Case& c) {
  char text[160];
  snprintf(text, sizeof text, "gemm %dx%dx%d%s%s pitch+%d%s%s%s activation %d splits %d", (int)c.m, (int)c.n, (int)c.k,
           c.transposeA ? " A'" : "", c.transposeB ? " B'" : "", (int)c.extraPitch, c.accumulate ? " accumulate" : "",
           c.bias ? " bias" : "", c.residual ? " residual" : "", c.activation, (int)c.splits);
  return text;
}

double activate(int32_t activation, double x) {
  switch (activation) {
    case 1:
      return x < 0 ? 0 : x;
    case 2:
      return 1 / (1 + ::exp(-x));
    case 3:
      return ::tanh(x);
    case 4:
      return x < 0 ? 0 : x > 6 ? 6 : x;
    default:
      return x;
  }
}

void run(Random& random, const Case& c) {
  const int64_t aRows = c.transposeA ? c.k : c.m, aColumns = c.transposeA ? c.m : c.k;
  const int64_t bRows = c.transposeB ? c.n : c.k, bColumns = c.transposeB ? c.k : c.n;
  Gemm gemm = {};
  gemm.m = c.m;
  gemm.n = c.n;
  gemm.k = c.k;
  gemm.batch = 1;
  gemm.aPitch = aColumns + c.extraPitch;
  gemm.bPitch = bColumns + c.extraPitch;
  gemm.cPitch = c.n + c.extraPitch;
  gemm.aTransposed = c.transposeA;
  gemm.bTransposed = c.transposeB;
  gemm.accumulate = c.accumulate;
  gemm.activation = c.activation;
  gemm.splits = c.splits;
  // The last row has no padding after it: reading past it is an error that sanitizers see.
  const auto floats = [&](int64_t rows, int64_t columns) {
    return randomFloats(random, rows > 0 ? (rows - 1) * (columns + c.extraPitch) + columns : 0);
  };
  const std::vector<float> a = floats(aRows, aColumns), b = floats(bRows, bColumns), bias = randomFloats(random, c.n);
  const int64_t cSize = c.m > 0 ? (c.m - 1) * gemm.cPitch + c.n : 0;
  const std::vector<float> before = randomFloats(random, cSize), residual = randomFloats(random, cSize);
  gemm.a = a.data();
  gemm.b = b.data();
  gemm.bias = c.bias ? bias.data() : nullptr;
  gemm.residual = c.residual ? residual.data() : nullptr;

  std::vector<double> expected;
  std::vector<float> first;
  bool ok = true;
  for (int32_t threads : {1, 2, 3}) {
    Guarded result(cSize);
    for (int64_t i = 0; i < cSize; i++) result.data()[i] = before[i];
    gemm.c = result.data();
    TestContext test(gemmWorkspace(gemm), threads);
    runGemm(test.context, gemm, test.context.scratch);
    ok &= result.intact();
    if (threads == 1) {
      first.assign(result.data(), result.data() + cSize);
      for (int64_t i = 0; i < c.m && ok; i++) {
        for (int64_t j = 0; j < gemm.cPitch; j++) {
          if (i == c.m - 1 && j >= c.n) break;
          double sum = before[i * gemm.cPitch + j];
          if (j < c.n) {
            if (!c.accumulate) sum = 0;
            for (int64_t k = 0; k < c.k; k++)
              sum += (double)a[c.transposeA ? k * gemm.aPitch + i : i * gemm.aPitch + k] *
                     b[c.transposeB ? j * gemm.bPitch + k : k * gemm.bPitch + j];
            if (c.bias) sum += bias[j];
            if (c.residual) sum += residual[i * gemm.cPitch + j];
            sum = activate(c.activation, sum);
          }
          expected.push_back(sum);
        }
      }
      ok &= worstError(first.data(), expected, sqrt((double)c.k)) < 2e-6;
    } else {
      ok &= sameBits(first.data(), result.data(), cSize);
    }
  }
  check(ok, nameOf(c).c_str());
}

// Rows computed alone must equal the same rows computed in company.
void rowsAreIndependent(Random& random, int64_t n, int64_t k, bool transposeB) {
  const int64_t m = 1000;
  const std::vector<float> a = randomFloats(random, m * k), b = randomFloats(random, n * k);
  std::vector<float> all(static_cast<size_t>(m * n)), some(static_cast<size_t>(m * n));
  const auto multiply = [&](int64_t row, int64_t rows, std::vector<float>& c) {
    TestContext test(sgemmWorkspace(false, transposeB, rows, n, k), 2);
    sgemm(test.context, false, transposeB, rows, n, k, a.data() + row * k, k, b.data(), transposeB ? k : n,
          c.data() + row * n, n, false);
  };
  multiply(0, m, all);
  for (int64_t row = 0, rows = 1; row < m; row += rows, rows = rows * 2 < m - row ? rows * 2 : m - row)
    multiply(row, rows, some);
  check(sameBits(all.data(), some.data(), m * n), "rows do not depend on their neighbours");
}

// B in panels that were packed beforehand: the same bits.
void packed(Random& random, int64_t m, int64_t n, int64_t k, bool transposeA) {
  const int64_t panels = (n + kPackedColumns - 1) / kPackedColumns;
  const std::vector<float> a = randomFloats(random, m * k), b = randomFloats(random, n * k);
  std::vector<float> form(static_cast<size_t>(panels * k * kPackedColumns), NAN);
  for (int64_t q = 0; q < k; q++)
    for (int64_t j = 0; j < n; j++)
      form[(j / kPackedColumns * k + q) * kPackedColumns + j % kPackedColumns] = b[q * n + j];
  Gemm gemm = {};
  gemm.m = m;
  gemm.n = n;
  gemm.k = k;
  gemm.batch = 1;
  gemm.a = a.data();
  gemm.aTransposed = transposeA;
  gemm.aPitch = transposeA ? m : k;
  gemm.bPitch = n;
  gemm.cPitch = n;
  std::vector<float> expected;
  for (int32_t threads : {1, 3}) {
    for (bool isPacked : {false, true}) {
      Guarded result(m * n);
      gemm.b = isPacked ? form.data() : b.data();
      gemm.bPacked = isPacked;
      gemm.c = result.data();
      TestContext test(gemmWorkspace(gemm), threads);
      runGemm(test.context, gemm, test.context.scratch);
      if (expected.empty()) expected.assign(result.data(), result.data() + m * n);
      check(result.intact() && sameBits(expected.data(), result.data(), m * n), "packed B");
    }
  }
}

// A computed on demand, C handed to a sink, several products at once.
struct Sunk {
  float* data;
  int64_t m, n;
};

void callbacks(Random& random, int64_t m, int64_t n, int64_t k, bool transposeA, bool useSink, bool taps) {
  const int64_t batch = 3, columns = transposeA ? m : k;
  const std::vector<float> a = randomFloats(random, batch * m * k), b = randomFloats(random, batch * n * k);
  struct Stored {
    const float* data;
    int64_t columns, size;
  } stored = {a.data(), columns, m * k};
  Gemm gemm = {};
  gemm.m = m;
  gemm.n = n;
  gemm.k = k;
  gemm.batch = batch;
  gemm.aTransposed = transposeA;
  gemm.fillSource = &stored;
  gemm.fill = [](const void* source, int64_t entry, int64_t row, int64_t rows, int64_t column, int64_t width,
                 float* target, int64_t pitch) {
    const Stored& from = *static_cast<const Stored*>(source);
    for (int64_t i = 0; i < rows; i++)
      memcpy(target + i * pitch, from.data + entry * from.size + (row + i) * from.columns + column,
             sizeof(float) * static_cast<size_t>(width));
  };
  // Taps: pieces of k that lie in reverse order in memory, two by two.
  const int64_t segment = taps ? k / 4 : k;
  gemm.b = b.data();
  gemm.bPitch = taps ? segment : k;
  gemm.bTransposed = 1;
  gemm.bBatchStride = n * k;
  if (taps) {
    gemm.b += 3 * n * segment;
    gemm.bSegment = segment;
    gemm.bInnerCount = 2;
    gemm.bInnerStride = -n * segment;
    gemm.bOuterStride = -2 * n * segment;
  }
  std::vector<float> result(static_cast<size_t>(batch * m * n), NAN);
  Sunk sunk = {result.data(), m, n};
  gemm.c = result.data();
  gemm.cPitch = n;
  gemm.cBatchStride = m * n;
  if (useSink) {
    gemm.c = nullptr;
    gemm.sinkTarget = &sunk;
    gemm.sink = [](const void* target, int64_t entry, int64_t row, int64_t rows, int64_t column, int64_t width,
                   const float* block, int64_t pitch) {
      const Sunk& to = *static_cast<const Sunk*>(target);
      for (int64_t i = 0; i < rows; i++)
        memcpy(to.data + (entry * to.m + row + i) * to.n + column, block + i * pitch,
               sizeof(float) * static_cast<size_t>(width));
    };
  }
  TestContext test(gemmWorkspace(gemm), 2);
  runGemm(test.context, gemm, test.context.scratch);
  double worst = 0;
  for (int64_t e = 0; e < batch; e++)
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t q = 0; q < k; q++)
          sum += (double)a[e * m * k + (transposeA ? q * m + i : i * k + q)] *
                 b[e * n * k + (taps ? ((3 - q / segment) * n + j) * segment + q % segment : j * k + q)];
        const double error = fabs(sum - result[(e * m + i) * n + j]) / (1 + sqrt((double)k));
        if (!(error <= worst)) worst = error;
      }
  check(worst < 2e-6, "fill, sink, taps and batches");
}

}  // namespace

int main() {
  Random random;
  for (int64_t m = 1; m <= 31; m += 3)
    for (int64_t n = 1; n <= 67; n += 1)
      run(random, {(m & 1) != 0, (n & 1) != 0, m, n, 1 + random.below(40), n % 3, false, m % 2 == 0, (int)(n % 5), 1,
                   n % 4 < 2});
  const int64_t sizes[] = {1, 2, 5, 13, 14, 17, 31, 32, 33, 64, 97, 127, 225, 389, 640};
  for (int i = 0; i < 220; i++) {
    Case c = {};
    c.transposeA = random.below(2);
    c.transposeB = random.below(2);
    c.m = sizes[random.below(15)];
    c.n = sizes[random.below(15)];
    c.k = sizes[random.below(15)] + random.below(3) - 1;
    c.extraPitch = random.below(3) == 0 ? random.below(40) : 0;
    c.accumulate = random.below(3) == 0;
    c.bias = random.below(2);
    c.residual = random.below(3) == 0;
    c.activation = (int)random.below(5);
    c.splits = random.below(3) == 0 ? 1 + random.below(6) : 1;
    run(random, c);
  }
  run(random, {false, false, 0, 5, 7, 0, false, true, 1, 1});
  run(random, {false, false, 5, 0, 7, 0, false, false, 1, 1});
  run(random, {false, false, 500, 40, 0, 0, false, true, 1, 1});
  run(random, {true, true, 5, 40, 0, 0, true, true, 2, 4});
  run(random, {true, false, 25, 6, 5000, 0, false, false, 0, 32});
  run(random, {false, false, 300, 256, 1024, 0, false, true, 1, 1});
  run(random, {false, true, 230, 1024, 256, 0, false, true, 1, 1});
  run(random, {true, false, 256, 512, 300, 0, false, true, 1, 1});
  run(random, {true, false, 16, 512, 256, 0, false, true, 1, 1});
  rowsAreIndependent(random, 37, 801, false);
  rowsAreIndependent(random, 128, 400, true);
  rowsAreIndependent(random, 32, 27, false);
  // Few rows of a large B: the thin path, with both its edges.
  rowsAreIndependent(random, 331, 801, false);
  for (int64_t m = 1; m <= 17; m += 4)
    for (int64_t n : {79, 512, 1031})
      run(random, {false, false, m, n, 843 + m, m == 5 ? 3 : 0, m % 8 == 1, m % 8 == 5, (int)(m / 4), 1});
  for (int64_t m : {1, 14, 15, 49, 196, 300, 700})
    for (int64_t n : {1, 31, 64, 77, 200}) packed(random, m, n, m == 49 ? 1024 : 1 + random.below(500), m % 4 == 0);
  for (int i = 0; i < 24; i++)
    callbacks(random, i % 3 == 0 ? 5 : 300 + i, 1 + random.below(70), 4 * (1 + random.below(120)), i & 1, i & 2, i & 4);
  return finish();
}
