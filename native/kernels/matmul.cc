// matmul and dense: the plain matrix product and the fully connected layer, y = activation(x * weight + bias).
#include "../gemm/epilogue.h"
#include "../gemm/gemm.h"
#include "common.h"

namespace ocellus {
namespace {

struct MatmulAttrs {
  int32_t transposeA, transposeB;
};
struct DenseAttrs {
  int32_t activation;
};

static inline const char* checkMatrices(const TensorView& a, const TensorView& b, const TensorView& y) {
  return a.rank == 2 && b.rank == 2 && y.rank == 2 ? nullptr : "expected matrices (rank 2)";
}

static inline const char* checkProduct(int64_t m, int64_t n, int64_t k) {
  return (double)m * (double)n * (double)k > 1e17 ? "the product is too large" : nullptr;
}

static const char* checkMatmul(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 2, 1)) return error;
  const TensorView &a = context.inputs[0], &b = context.inputs[1], &y = context.outputs[0];
  if (const char* error = checkMatrices(a, b, y)) return error;
  const MatmulAttrs& attrs = attrsOf<MatmulAttrs>(context);
  const int ta = attrs.transposeA != 0, tb = attrs.transposeB != 0;
  if (a.dims[1 - ta] != b.dims[tb]) return "expected inner dimensions that are equal";
  if (y.dims[0] != a.dims[ta] || y.dims[1] != b.dims[1 - tb]) return "expected an output of [rows of a, columns of b]";
  return checkProduct(y.dims[0], y.dims[1], a.dims[1 - ta]);
}

static inline Gemm gemmOfMatmul(const KernelContext& context) {
  const TensorView &a = context.inputs[0], &b = context.inputs[1], &y = context.outputs[0];
  const MatmulAttrs& attrs = attrsOf<MatmulAttrs>(context);
  Gemm gemm = {};
  gemm.m = y.dims[0];
  gemm.n = y.dims[1];
  gemm.k = a.dims[attrs.transposeA ? 0 : 1];
  gemm.batch = 1;
  gemm.a = f32(a);
  gemm.aPitch = a.dims[1];
  gemm.aTransposed = attrs.transposeA != 0;
  gemm.b = f32(b);
  gemm.bPitch = b.dims[1];
  gemm.bTransposed = attrs.transposeB != 0;
  gemm.c = f32(y);
  gemm.cPitch = y.dims[1];
  // With a transposed, k is the batch (a weight gradient): long, and cut in parts that depend on the sizes alone.
  // Without it the rows may be a batch, and the way a row is summed must not depend on their number.
  gemm.splits = attrs.transposeA ? OCELLUS_ISA::gemmSplits(gemm.m, gemm.n, gemm.k, 1) : 1;
  return gemm;
}

static Workspace workspaceOfMatmul(const KernelContext& context) {
  return OCELLUS_ISA::gemmWorkspace(gemmOfMatmul(context));
}

static void runMatmul(const KernelContext& context) {
  OCELLUS_ISA::runGemm(context, gemmOfMatmul(context), context.scratch);
}

static const char* checkDense(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 3, 1, 1u << 2)) return error;
  const TensorView &x = context.inputs[0], &weight = context.inputs[1], &bias = context.inputs[2];
  const TensorView& y = context.outputs[0];
  if (const char* error = checkMatrices(x, weight, y)) return error;
  if (x.dims[1] != weight.dims[0]) return "expected as many inputs as the weight has rows";
  if (y.dims[0] != x.dims[0] || y.dims[1] != weight.dims[1])
    return "expected an output of [rows of x, columns of weight]";
  if (bias.present && (bias.rank != 1 || bias.dims[0] != y.dims[1])) return "expected a bias of one value per output";
  if (const char* error = checkActivation(attrsOf<DenseAttrs>(context).activation)) return error;
  return checkProduct(y.dims[0], y.dims[1], x.dims[1]);
}

static inline Gemm gemmOfDense(const KernelContext& context) {
  const TensorView &x = context.inputs[0], &weight = context.inputs[1], &bias = context.inputs[2];
  Gemm gemm = {};
  gemm.m = x.dims[0];
  gemm.n = weight.dims[1];
  gemm.k = x.dims[1];
  gemm.batch = 1;
  gemm.a = f32(x);
  gemm.aPitch = gemm.k;
  gemm.b = f32(weight);
  gemm.bPitch = gemm.n;
  gemm.c = f32(context.outputs[0]);
  gemm.cPitch = gemm.n;
  gemm.bias = bias.present ? f32(bias) : nullptr;
  gemm.activation = attrsOf<DenseAttrs>(context).activation;
  return gemm;
}

static Workspace workspaceOfDense(const KernelContext& context) {
  return OCELLUS_ISA::gemmWorkspace(gemmOfDense(context));
}

static void runDense(const KernelContext& context) {
  OCELLUS_ISA::runGemm(context, gemmOfDense(context), context.scratch);
}

const KernelEntry kEntries[] = {
    {"matmul(a, b) -> (y) {transposeA:i, transposeB:i}", sizeof(MatmulAttrs), checkMatmul, workspaceOfMatmul,
     runMatmul},
    {"dense(x, weight, bias?) -> (y) {activation:i}", sizeof(DenseAttrs), checkDense, workspaceOfDense, runDense},
};

}  // namespace

namespace OCELLUS_ISA {
extern const KernelFamily matmulFamily;
const KernelFamily matmulFamily = {kEntries, sizeof kEntries / sizeof kEntries[0]};
}  // namespace OCELLUS_ISA

}  // namespace ocellus
