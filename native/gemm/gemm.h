// Single-precision matrix product C = op(A) * op(B), the core of matmul, dense and every convolution.
//
// Row-major throughout. A is never packed into another order: the microkernel broadcasts from it where it lies, by rows
// or by columns, and only slices that would be slow to read (a bad pitch, or many passes) are copied. A may also be
// computed: a `fill` callback writes any rectangle of it on demand, which is how im2col is folded in. B is packed into
// panels of columns, once for all threads, when there are enough rows to pay for it, or comes packed.
//
// The order of summation of an element of C depends on k (and on `splits`) alone: not on the number of threads, not on
// m, not on where the element lies.
#pragma once

#include "../kernel.h"

namespace ocellus {

// Columns of a panel of a B that was packed beforehand, for any width of vectors.
constexpr int64_t kPackedColumns = 32;

// Writes rows [row, row + rows) x columns [column, column + columns) of the stored A of batch entry `batch`.
using GemmFill = void (*)(const void* source, int64_t batch, int64_t row, int64_t rows, int64_t column, int64_t columns,
                          float* target, int64_t pitch);

// Receives finished rows [row, row + rows) of C, columns [column, column + columns).
using GemmSink = void (*)(const void* sink, int64_t batch, int64_t row, int64_t rows, int64_t column, int64_t columns,
                          const float* block, int64_t pitch);

struct Gemm {
  int64_t m, n, k;
  int64_t batch;  // independent products, `...BatchStride` floats apart (groups of a convolution)

  const float* a;
  int64_t aPitch;
  int64_t aBatchStride;
  int32_t aTransposed;  // stored as [k, m]
  GemmFill fill;        // when set, `a` is not read
  const void* fillSource;

  // B(k, j). Not transposed: b[k * bPitch + j]. Transposed: b[j * bPitch + k]. A transposed B may be made of taps,
  // pieces of `bSegment` consecutive k each: piece (outer, inner) starts bOuterStride * outer + bInnerStride * inner
  // further.
  const float* b;
  int64_t bPitch;
  int64_t bBatchStride;
  int32_t bTransposed;
  int64_t bSegment;  // 0: one piece of k
  int64_t bInnerCount;
  int64_t bInnerStride;
  int64_t bOuterStride;
  int32_t bPacked;  // `b` is [panel][k][kPackedColumns] with anything behind the last column; one product only

  float* c;
  int64_t cPitch;
  int64_t cBatchStride;
  int32_t accumulate;  // add to C instead of overwriting it
  GemmSink sink;       // when set, `c` is not touched; not together with accumulate or splits
  const void* sinkTarget;

  const float* bias;  // [n] per batch entry, or null; added when the sum is complete
  int64_t biasBatchStride;
  int32_t activation;     // 0 linear, 1 relu, 2 sigmoid, 3 tanh, 4 relu6, applied at the end
  const float* residual;  // added after the bias; laid out as C and apart from it, or null; not together with a sink

  // Independent partial sums over k, added in order at the end. For long k and small m, n (weight gradients). 0 is 1.
  int64_t splits;
};

// What the machine can do at best, to compare with.
struct Diagnostics {
  const char* isa;
  double (*fmaPeakGflops)(double seconds);  // one thread
};

namespace OCELLUS_ISA {

// How many partial sums suit a product whose k is long. Depends on the sizes only.
int64_t gemmSplits(int64_t m, int64_t n, int64_t k, int64_t batch);

// Workspace for a product of these sizes and options; data pointers are not looked at (but fill and sink are).
Workspace gemmWorkspace(const Gemm& gemm);

// Runs on context's threads. `scratch` holds gemmWorkspace().shared bytes, 64-byte aligned; of the context only pool,
// threads and thread scratch are used.
void runGemm(const KernelContext& context, const Gemm& gemm, char* scratch);

// Convenience for tests and benches: C[m, n] = op(A) * op(B), or C += with accumulate.
void sgemm(const KernelContext& context, bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k,
           const float* a, int64_t aPitch, const float* b, int64_t bPitch, float* c, int64_t cPitch, bool accumulate);
Workspace sgemmWorkspace(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k);

extern const Diagnostics diagnostics;

}  // namespace OCELLUS_ISA
}  // namespace ocellus
