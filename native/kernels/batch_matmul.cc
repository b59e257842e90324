// Matrix products of a whole batch, y[n] = a[n] * b[n]: one batched gemm.
#include "../gemm/gemm.h"
#include "common.h"

namespace ocellus {
namespace {

struct BatchMatmulAttrs {
  int32_t transposeA, transposeB;
};
static_assert(sizeof(BatchMatmulAttrs) == 8, "slots");

const char* checkBatchMatmul(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 2, 1)) return wrong;
  const TensorView &a = context.inputs[0], &b = context.inputs[1], &y = context.outputs[0];
  if (a.rank != 3 || b.rank != 3 || y.rank != 3) return "expected batches of matrices (rank 3)";
  if (a.dims[0] != b.dims[0] || a.dims[0] != y.dims[0]) return "expected equal batches";
  const BatchMatmulAttrs& attrs = attrsOf<BatchMatmulAttrs>(context);
  const int ta = attrs.transposeA != 0, tb = attrs.transposeB != 0;
  const int64_t k = a.dims[2 - ta];
  if (k != b.dims[1 + tb]) return "expected inner dimensions that are equal";
  if (y.dims[1] != a.dims[1 + ta] || y.dims[2] != b.dims[2 - tb])
    return "expected outputs of [rows of a, columns of b]";
  const double work = static_cast<double>(y.size) * static_cast<double>(k);
  return work > 1e17 ? "the product is too large" : nullptr;
}

Gemm gemmOf(const KernelContext& context) {
  const TensorView &a = context.inputs[0], &b = context.inputs[1], &y = context.outputs[0];
  const BatchMatmulAttrs& attrs = attrsOf<BatchMatmulAttrs>(context);
  Gemm gemm = {};
  gemm.m = y.dims[1];
  gemm.n = y.dims[2];
  gemm.k = a.dims[attrs.transposeA ? 1 : 2];
  gemm.batch = y.dims[0];
  gemm.a = f32(a);
  gemm.aPitch = a.dims[2];
  gemm.aBatchStride = a.dims[1] * a.dims[2];
  gemm.aTransposed = attrs.transposeA != 0;
  gemm.b = f32(b);
  gemm.bPitch = b.dims[2];
  gemm.bBatchStride = b.dims[1] * b.dims[2];
  gemm.bTransposed = attrs.transposeB != 0;
  gemm.c = f32(y);
  gemm.cPitch = y.dims[2];
  gemm.cBatchStride = gemm.m * gemm.n;
  gemm.splits = 1;
  return gemm;
}

Workspace workspaceOfBatchMatmul(const KernelContext& context) { return OCELLUS_ISA::gemmWorkspace(gemmOf(context)); }

void runBatchMatmul(const KernelContext& context) {
  if (context.outputs[0].size > 0) OCELLUS_ISA::runGemm(context, gemmOf(context), context.scratch);
}

const KernelEntry entries[] = {
    {"batchMatmul(a, b) -> (y) {transposeA:i, transposeB:i}", sizeof(BatchMatmulAttrs), checkBatchMatmul,
     workspaceOfBatchMatmul, runBatchMatmul},
};

}  // namespace

namespace OCELLUS_ISA {
extern const KernelFamily batchMatmulFamily;
const KernelFamily batchMatmulFamily = {entries, sizeof entries / sizeof entries[0]};
}  // namespace OCELLUS_ISA

}  // namespace ocellus
