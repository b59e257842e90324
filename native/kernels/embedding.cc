// Rows of a table by their numbers. The gradient is shared out by rows of the table: every part looks at all numbers
// and adds up what is its own, in their order, so that the sums depend on nothing else.
#include "common.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct EmbeddingGradAttrs {
  int32_t inputDim;
};
static_assert(sizeof(EmbeddingGradAttrs) == 4, "slots");

// `found` is x with one more axis, as long as a row of the table.
const char* checkFound(const TensorView& x, const TensorView& found, const TensorView& table) {
  if (table.rank != 2) return "expected a table of rank 2";
  if (found.rank != x.rank + 1 || found.dims[x.rank] != table.dims[1]) return "expected a row for every number";
  for (int i = 0; i < x.rank; i++)
    if (found.dims[i] != x.dims[i]) return "expected a row for every number";
  return nullptr;
}

const char* checkEmbedding(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 2, 1)) return wrong;
  const TensorView &table = context.inputs[1], &y = context.outputs[0];
  if (table.dtype != kFloat32 || y.dtype != kFloat32) return "expected a float32 table and output";
  return checkFound(context.inputs[0], y, table);
}

const char* checkGrad(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 2, 1)) return wrong;
  const TensorView &dy = context.inputs[1], &dtable = context.outputs[0];
  if (dy.dtype != kFloat32 || dtable.dtype != kFloat32) return "expected float32 gradients";
  if (const char* wrong = checkFound(context.inputs[0], dy, dtable)) return wrong;
  return dtable.dims[0] == attrsOf<EmbeddingGradAttrs>(context).inputDim ? nullptr : "expected inputDim rows";
}

// The row that a number stands for; -1 when there is none. The comparison comes before the conversion, which floats
// out of range must not see.
template <class T>
inline int64_t rowOf(T value, int64_t rows) {
  const double number = static_cast<double>(value);
  return number >= 0 && number < static_cast<double>(rows) ? static_cast<int64_t>(number) : -1;
}

// Calls body with the numbers under their own type.
template <class F>
void withNumbers(const TensorView& x, const F& body) {
  if (x.dtype == kInt32) return body(static_cast<const int32_t*>(x.data));
  if (x.dtype == kUint8) return body(static_cast<const uint8_t*>(x.data));
  body(static_cast<const float*>(x.data));
}

void runEmbedding(const KernelContext& context) {
  const int64_t rows = context.inputs[1].dims[0], length = context.inputs[1].dims[1];
  const float* table = f32(context.inputs[1]);
  float* y = f32(context.outputs[0]);
  withNumbers(context.inputs[0], [&](const auto* x) {
    parallelFor(context, context.inputs[0].size, grainFor(8 * length), [&](int64_t begin, int64_t end, int32_t) {
      for (int64_t i = begin; i < end; i++) {
        const int64_t row = rowOf(x[i], rows);
        const Vec none = broadcast(__builtin_nanf(""));
        forVectors(0, length, [&](int64_t j, auto lanes) {
          store(y + i * length + j, row < 0 ? none : load(table + row * length + j, lanes), lanes);
        });
      }
    });
  });
}

// Parts of the table; each costs a look at all numbers.
constexpr int64_t kMostParts = 16;

void runGrad(const KernelContext& context) {
  const int64_t rows = context.outputs[0].dims[0], length = context.outputs[0].dims[1];
  const int64_t count = context.inputs[0].size;
  const float* dy = f32(context.inputs[1]);
  float* dtable = f32(context.outputs[0]);
  const int64_t bytes = 4 * rows * length + 12 * count * length;
  const int64_t perPart = ceilDiv(rows, maxOf(1, minOf(kMostParts, bytes / kChunkBytes)));
  withNumbers(context.inputs[0], [&](const auto* x) {
    parallelFor(context, rows, perPart, [&](int64_t begin, int64_t end, int32_t) {
      memset(dtable + begin * length, 0, static_cast<size_t>((end - begin) * length) * sizeof(float));
      for (int64_t i = 0; i < count; i++) {
        const int64_t row = rowOf(x[i], rows);
        if (row < begin || row >= end) continue;
        float* sum = dtable + row * length;
        forVectors(0, length, [&](int64_t j, auto lanes) {
          store(sum + j, add(load(sum + j, lanes), load(dy + i * length + j, lanes)), lanes);
        });
      }
    });
  });
}

const KernelEntry entries[] = {
    {"embedding(x, table) -> (y) {}", 0, checkEmbedding, nullptr, runEmbedding},
    {"embeddingGrad(x, dy) -> (dtable) {inputDim:i}", sizeof(EmbeddingGradAttrs), checkGrad, nullptr, runGrad},
};

}  // namespace

extern const KernelFamily embeddingFamily;
const KernelFamily embeddingFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
