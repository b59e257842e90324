// Matrix products, of two matrices and of a batch of pairs, and the fully connected layer,
// y = activation(x * weight + bias).
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

inline const char* checkProduct(double size, double depth) {
  return size * depth > 1e17 ? "the product is too large" : nullptr;
}

// `kLead` axes come before the two of a matrix: none, or the one of a batch.
template <int kLead>
const char* checkMatmul(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 2, 1)) return error;
  const TensorView &a = context.inputs[0], &b = context.inputs[1], &y = context.outputs[0];
  if (a.rank != kLead + 2 || b.rank != kLead + 2 || y.rank != kLead + 2)
    return kLead ? "expected batches of matrices (rank 3)" : "expected matrices (rank 2)";
  if (kLead && (a.dims[0] != b.dims[0] || a.dims[0] != y.dims[0])) return "expected equal batches";
  const MatmulAttrs& attrs = attrsOf<MatmulAttrs>(context);
  const int ta = attrs.transposeA != 0, tb = attrs.transposeB != 0;
  const int64_t depth = a.dims[kLead + 1 - ta];
  if (depth != b.dims[kLead + tb]) return "expected inner dimensions that are equal";
  if (y.dims[kLead] != a.dims[kLead + ta] || y.dims[kLead + 1] != b.dims[kLead + 1 - tb])
    return "expected outputs of [rows of a, columns of b]";
  return checkProduct(static_cast<double>(y.size), static_cast<double>(depth));
}

template <int kLead>
Gemm gemmOfMatmul(const KernelContext& context) {
  const TensorView &a = context.inputs[0], &b = context.inputs[1], &y = context.outputs[0];
  const MatmulAttrs& attrs = attrsOf<MatmulAttrs>(context);
  Gemm gemm = {};
  gemm.m = y.dims[kLead];
  gemm.n = y.dims[kLead + 1];
  gemm.k = a.dims[kLead + (attrs.transposeA ? 0 : 1)];
  gemm.batch = kLead ? y.dims[0] : 1;
  gemm.a = f32(a);
  gemm.aPitch = a.dims[kLead + 1];
  gemm.aBatchStride = gemm.m * gemm.k;
  gemm.aTransposed = attrs.transposeA != 0;
  gemm.b = f32(b);
  gemm.bPitch = b.dims[kLead + 1];
  gemm.bBatchStride = gemm.k * gemm.n;
  gemm.bTransposed = attrs.transposeB != 0;
  gemm.c = f32(y);
  gemm.cPitch = gemm.n;
  gemm.cBatchStride = gemm.m * gemm.n;
  // With a transposed, k is the batch (a weight gradient): long, and cut in parts that depend on the sizes alone.
  // Without it the rows may be a batch, and the way a row is summed must not depend on their number.
  const bool isLong = attrs.transposeA && !kLead;
  gemm.splits = isLong ? OCELLUS_ISA::gemmSplits(gemm.m, gemm.n, gemm.k, 1) : 1;
  return gemm;
}

template <int kLead>
Workspace workspaceOfMatmul(const KernelContext& context) {
  return OCELLUS_ISA::gemmWorkspace(gemmOfMatmul<kLead>(context));
}

template <int kLead>
void runMatmul(const KernelContext& context) {
  if (context.outputs[0].size > 0) OCELLUS_ISA::runGemm(context, gemmOfMatmul<kLead>(context), context.scratch);
}

static const char* checkDense(const KernelContext& context) {
  if (const char* error = checkFloatViews(context, 3, 1, 1u << 2)) return error;
  const TensorView &x = context.inputs[0], &weight = context.inputs[1], &bias = context.inputs[2];
  const TensorView& y = context.outputs[0];
  if (x.rank != 2 || weight.rank != 2 || y.rank != 2) return "expected matrices (rank 2)";
  if (x.dims[1] != weight.dims[0]) return "expected as many inputs as the weight has rows";
  if (y.dims[0] != x.dims[0] || y.dims[1] != weight.dims[1])
    return "expected an output of [rows of x, columns of weight]";
  if (bias.present && (bias.rank != 1 || bias.dims[0] != y.dims[1])) return "expected a bias of one value per output";
  if (const char* error = checkActivation(attrsOf<DenseAttrs>(context).activation)) return error;
  return checkProduct(static_cast<double>(y.size), static_cast<double>(x.dims[1]));
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
    {"matmul(a, b) -> (y) {transposeA:i, transposeB:i}", sizeof(MatmulAttrs), checkMatmul<0>, workspaceOfMatmul<0>,
     runMatmul<0>},
    {"batchMatmul(a, b) -> (y) {transposeA:i, transposeB:i}", sizeof(MatmulAttrs), checkMatmul<1>, workspaceOfMatmul<1>,
     runMatmul<1>},
    {"dense(x, weight, bias?) -> (y) {activation:i}", sizeof(DenseAttrs), checkDense, workspaceOfDense, runDense},
};

}  // namespace

namespace OCELLUS_ISA {
extern const KernelFamily matmulFamily;
const KernelFamily matmulFamily = {kEntries, sizeof kEntries / sizeof kEntries[0]};
}  // namespace OCELLUS_ISA

}  // namespace ocellus
