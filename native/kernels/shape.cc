// Ops that only move elements, of any type: reshape, slice, concat, transpose, reverse. Whole runs are copied where
// rows stay together; a transposition that breaks them up goes through small square tiles.
#include "rows.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

// ---- reshape -------------------------------------------------------------------------------------------------------

struct ReshapeAttrs {
  ShapeAttr shape;
};

const char* checkReshape(const KernelContext& context) {
  if (const char* wrong = checkOneToOne(context)) return wrong;
  const TensorView& y = context.outputs[0];
  const ShapeAttr& shape = attrsOf<ReshapeAttrs>(context).shape;
  if (context.inputs[0].size != y.size) return "expected an output of the size of the input";
  if (shape.length != y.rank) return "expected an output of the given rank";
  int open = 0;
  for (int i = 0; i < y.rank; i++) {
    if (shape.dims[i] == -1) {
      open++;
    } else if (shape.dims[i] != y.dims[i]) {
      return "expected an output of the given shape";
    }
  }
  return open <= 1 ? nullptr : "expected at most one -1 in the shape";
}

void runReshape(const KernelContext& context) {
  const char* x = bytesOf(context.inputs[0]);
  char* y = static_cast<char*>(context.outputs[0].data);
  if (x == y) return;
  const int64_t bytes = context.outputs[0].size * elementBytes(context.outputs[0]);
  parallelFor(context, bytes, kChunkBytes / 2, [&](int64_t begin, int64_t end, int32_t) {
    memmove(y + begin, x + begin, static_cast<size_t>(end - begin));
  });
}

// ---- slice ----------------------------------------------------------------------------------------------------------

struct SliceAttrs {
  ShapeAttr begin, size;
};
static_assert(sizeof(SliceAttrs) == 72, "slots");

const char* checkSlice(const KernelContext& context) {
  if (const char* wrong = checkOneToOne(context)) return wrong;
  const TensorView &x = context.inputs[0], &y = context.outputs[0];
  const SliceAttrs& attrs = attrsOf<SliceAttrs>(context);
  if (attrs.begin.length != x.rank || attrs.size.length != x.rank || y.rank != x.rank)
    return "expected one begin and size for each axis";
  for (int i = 0; i < x.rank; i++) {
    const int64_t begin = attrs.begin.dims[i], size = attrs.size.dims[i];
    if (begin < 0 || size < 0 || begin + size > x.dims[i]) return "expected a slice inside the input";
    if (y.dims[i] != size) return "expected an output of the given size";
  }
  return nullptr;
}

void runSlice(const KernelContext& context) {
  const TensorView &x = context.inputs[0], &y = context.outputs[0];
  const SliceAttrs& attrs = attrsOf<SliceAttrs>(context);
  if (y.size == 0) return;
  const int64_t width = elementBytes(y);
  char* to = static_cast<char*>(y.data);
  const char* from = bytesOf(x);
  int rank = y.rank;
  int64_t inner = 1;
  while (rank > 0 && y.dims[rank - 1] == x.dims[rank - 1]) inner *= y.dims[--rank];
  const int outer = rank > 0 ? rank - 1 : 0;
  const int64_t skipped = rank > 0 ? attrs.begin.dims[outer] * inner : 0;
  const int64_t stride = rank > 0 ? x.dims[outer] * inner : inner;
  const int64_t length = rank > 0 ? y.dims[outer] * inner : inner;
  parallelFor(context, y.size / length, grainFor(2 * length * width), [&](int64_t begin, int64_t end, int32_t) {
    int64_t index[kMaxRank];
    unravel(begin, y.dims, outer, index);
    for (int64_t row = begin; row < end; row++) {
      int64_t source = 0;
      for (int i = 0; i < outer; i++) source = source * x.dims[i] + attrs.begin.dims[i] + index[i];
      copyBytes(to + row * length * width, from + (source * stride + skipped) * width, length * width);
      increment(y.dims, outer, index);
    }
  });
}

// ---- concat --------------------------------------------------------------------------------------------------------

struct ConcatAttrs {
  int32_t axis;
};
static_assert(sizeof(ConcatAttrs) == 4, "slots");

const char* checkConcat(const KernelContext& context) {
  if (context.numInputs < 1) return "expected at least one input";
  if (const char* wrong = checkViews(context, context.numInputs, 1)) return wrong;
  const TensorView& y = context.outputs[0];
  const int32_t axis = attrsOf<ConcatAttrs>(context).axis;
  if (axis < 0 || axis >= y.rank) return "expected an axis of the output";
  int64_t total = 0;
  for (int i = 0; i < context.numInputs; i++) {
    const TensorView& x = context.inputs[i];
    if (x.dtype != y.dtype) return "expected inputs of the type of the output";
    if (x.rank != y.rank) return "expected inputs of the rank of the output";
    for (int d = 0; d < y.rank; d++)
      if (d != axis && x.dims[d] != y.dims[d]) return "expected inputs that differ along the axis only";
    total += x.dims[axis];
  }
  return total == y.dims[axis] ? nullptr : "expected an output as long as the inputs together";
}

void runConcat(const KernelContext& context) {
  const TensorView& y = context.outputs[0];
  const int32_t axis = attrsOf<ConcatAttrs>(context).axis;
  if (y.size == 0) return;
  int64_t rows = 1, inner = elementBytes(y);
  for (int i = 0; i < axis; i++) rows *= y.dims[i];
  for (int i = axis + 1; i < y.rank; i++) inner *= y.dims[i];
  const int64_t stride = y.dims[axis] * inner;
  // Long rows are cut into pieces, so that a few of them keep all threads busy too.
  const int64_t pieceBytes = kChunkBytes / 2;
  const int64_t pieces = ceilDiv(stride, pieceBytes);
  char* to = static_cast<char*>(y.data);
  parallelFor(
      context, rows * pieces, grainFor(2 * minOf(stride, pieceBytes)), [&](int64_t begin, int64_t end, int32_t) {
        const int64_t firstRow = begin / pieces, lastRow = ceilDiv(end, pieces);
        int64_t offset = 0;
        for (int i = 0; i < context.numInputs; i++) {
          const char* from = bytesOf(context.inputs[i]);
          const int64_t length = context.inputs[i].dims[axis] * inner;
          for (int64_t row = firstRow; row < lastRow; row++) {
            // What of this row belongs to the units [begin, end).
            const int64_t low = maxOf(offset, (maxOf(begin, row * pieces) - row * pieces) * pieceBytes);
            const int64_t high = minOf(offset + length, (minOf(end, (row + 1) * pieces) - row * pieces) * pieceBytes);
            if (low < high) copyBytes(to + row * stride + low, from + row * length + low - offset, high - low);
          }
          offset += length;
        }
      });
}

// ---- transpose -----------------------------------------------------------------------------------------------------

struct TransposeAttrs {
  ShapeAttr permutation;
};

const char* checkTranspose(const KernelContext& context) {
  if (const char* wrong = checkOneToOne(context)) return wrong;
  const TensorView &x = context.inputs[0], &y = context.outputs[0];
  const ShapeAttr& permutation = attrsOf<TransposeAttrs>(context).permutation;
  if (permutation.length != x.rank || y.rank != x.rank) return "expected a permutation of all axes";
  uint32_t seen = 0;
  for (int i = 0; i < x.rank; i++) {
    const int32_t axis = permutation.dims[i];
    if (axis < 0 || axis >= x.rank || (seen >> axis & 1)) return "expected a permutation of all axes";
    seen |= 1u << axis;
    if (y.dims[i] != x.dims[axis]) return "expected an output of the permuted shape";
  }
  return nullptr;
}

// Output axes with the stride each has in the input, without axes of length 1, neighbours merged where they stay
// neighbours.
struct Permuted {
  int rank;
  int64_t dims[kMaxRank], strides[kMaxRank];
};

Permuted permutedOf(const TensorView& x, const ShapeAttr& permutation) {
  int64_t own[kMaxRank], stride = 1;
  for (int i = x.rank - 1; i >= 0; i--) {
    own[i] = stride;
    stride *= x.dims[i];
  }
  Permuted result;
  result.rank = 0;
  for (int i = 0; i < x.rank; i++) {
    const int axis = permutation.dims[i];
    if (x.dims[axis] == 1) continue;
    const int last = result.rank - 1;
    if (last >= 0 && result.strides[last] == own[axis] * x.dims[axis]) {
      result.dims[last] *= x.dims[axis];
      result.strides[last] = own[axis];
    } else {
      result.dims[result.rank] = x.dims[axis];
      result.strides[result.rank++] = own[axis];
    }
  }
  return result;
}

// A square of floats that fits the vectors; bytes go in squares of the same size.
constexpr int64_t kTile = kVecWidth;

// y[i][j] = x[j][i] for a whole tile. Words of any type travel as floats: loads and stores do not change bits.
inline void transposeSquare(const uint32_t* x, uint32_t* y, int64_t strideX, int64_t strideY) {
  Vec rows[kTile];
  for (int64_t j = 0; j < kTile; j++) rows[j] = asFloat(loadInt(reinterpret_cast<const int32_t*>(x + j * strideX)));
  transpose(rows);
  for (int64_t i = 0; i < kTile; i++) storeInt(reinterpret_cast<int32_t*>(y + i * strideY), asInt(rows[i]));
}

inline void transposeSquare(const uint8_t* x, uint8_t* y, int64_t strideX, int64_t strideY) {
  for (int64_t i = 0; i < kTile; i++)
    for (int64_t j = 0; j < kTile; j++) y[i * strideY + j] = x[j * strideX + i];
}

// The same for rows x columns of y: whole tiles, then what is left at the edges.
template <class T>
inline void transposeBlock(const T* x, T* y, int64_t strideX, int64_t strideY, int64_t rows, int64_t columns) {
  const int64_t wholeRows = rows / kTile * kTile, wholeColumns = columns / kTile * kTile;
  for (int64_t j = 0; j < wholeColumns; j += kTile)
    for (int64_t i = 0; i < wholeRows; i += kTile)
      transposeSquare(x + j * strideX + i, y + i * strideY + j, strideX, strideY);
  for (int64_t i = 0; i < wholeRows; i++)
    for (int64_t j = wholeColumns; j < columns; j++) y[i * strideY + j] = x[j * strideX + i];
  for (int64_t j = 0; j < columns; j++)
    for (int64_t i = wholeRows; i < rows; i++) y[i * strideY + j] = x[j * strideX + i];
}

// Rows and columns of y that are done together: whole cache lines on either side, all of them in the second cache.
constexpr int64_t kBlockRows = 64, kBlockColumns = 256;

template <class T>
void transposeAs(const KernelContext& context) {
  const TensorView& view = context.outputs[0];
  const T* x = static_cast<const T*>(context.inputs[0].data);
  T* y = static_cast<T*>(view.data);
  const Permuted p = permutedOf(context.inputs[0], attrsOf<TransposeAttrs>(context).permutation);
  const int last = p.rank - 1;
  if (p.rank <= 1 || p.strides[last] == 1) {
    // Rows stay together.
    const int outer = p.rank <= 1 ? 0 : last;
    const int64_t length = p.rank == 0 ? 1 : p.dims[last];
    parallelFor(context, view.size / length, grainFor(2 * length * sizeof(T)),
                [&](int64_t begin, int64_t end, int32_t) {
                  int64_t index[kMaxRank];
                  unravel(begin, p.dims, outer, index);
                  for (int64_t row = begin; row < end; row++) {
                    int64_t source = 0;
                    for (int i = 0; i < outer; i++) source += index[i] * p.strides[i];
                    copyBytes(reinterpret_cast<char*>(y + row * length), reinterpret_cast<const char*>(x + source),
                              length * static_cast<int64_t>(sizeof(T)));
                    increment(p.dims, outer, index);
                  }
                });
    return;
  }
  // The axis that is contiguous in the input, against the last one of the output; the others form the outer loop.
  int unit = 0;
  while (p.strides[unit] != 1) unit++;
  int64_t outerDims[kMaxRank], outerX[kMaxRank], outerY[kMaxRank], strideY[kMaxRank], blocks = 1;
  int64_t stride = 1;
  for (int i = last; i >= 0; i--) {
    strideY[i] = stride;
    stride *= p.dims[i];
  }
  int outer = 0;
  for (int i = 0; i < last; i++) {
    if (i == unit) continue;
    outerDims[outer] = p.dims[i];
    outerX[outer] = p.strides[i];
    outerY[outer++] = strideY[i];
    blocks *= p.dims[i];
  }
  const int64_t rows = p.dims[unit], columns = p.dims[last];
  const int64_t strips = ceilDiv(rows, kBlockRows), parts = ceilDiv(columns, kBlockColumns);
  const int64_t unitBytes =
      4 * minOf(rows, kBlockRows) * minOf(columns, kBlockColumns) * static_cast<int64_t>(sizeof(T));
  parallelFor(context, blocks * strips * parts, grainFor(unitBytes), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t at = begin; at < end; at++) {
      int64_t index[kMaxRank];
      unravel(at / (strips * parts), outerDims, outer, index);
      const int64_t row = at / parts % strips * kBlockRows, column = at % parts * kBlockColumns;
      const T* from = x + row + column * p.strides[last];
      T* to = y + row * strideY[unit] + column;
      for (int i = 0; i < outer; i++) {
        from += index[i] * outerX[i];
        to += index[i] * outerY[i];
      }
      transposeBlock(from, to, p.strides[last], strideY[unit], minOf(kBlockRows, rows - row),
                     minOf(kBlockColumns, columns - column));
    }
  });
}

void runTranspose(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  if (context.outputs[0].dtype == kUint8) {
    transposeAs<uint8_t>(context);
  } else {
    transposeAs<uint32_t>(context);
  }
}

// ---- reverse -------------------------------------------------------------------------------------------------------

struct ReverseAttrs {
  ShapeAttr axes;
};

const char* checkReverse(const KernelContext& context) {
  if (const char* wrong = checkOneToOne(context)) return wrong;
  const TensorView& x = context.inputs[0];
  if (!sameShape(x, context.outputs[0])) return "expected an output of the shape of the input";
  const ShapeAttr& axes = attrsOf<ReverseAttrs>(context).axes;
  if (axes.length < 0 || axes.length > x.rank) return "expected axes of the input";
  uint32_t seen = 0;
  for (int i = 0; i < axes.length; i++) {
    const int32_t axis = axes.dims[i];
    if (axis < 0 || axis >= x.rank || (seen >> axis & 1)) return "expected axes of the input, each once";
    seen |= 1u << axis;
  }
  return nullptr;
}

template <class T>
inline void reverseRow(const char* from, char* to, int64_t count) {
  const T* x = reinterpret_cast<const T*>(from);
  T* y = reinterpret_cast<T*>(to);
  for (int64_t i = 0; i < count; i++) y[i] = x[count - 1 - i];
}

void runReverse(const KernelContext& context) {
  const TensorView &x = context.inputs[0], &y = context.outputs[0];
  const ShapeAttr& axes = attrsOf<ReverseAttrs>(context).axes;
  if (y.size == 0) return;
  bool backwards[kMaxRank + 1] = {};
  for (int i = 0; i < axes.length; i++) backwards[axes.dims[i]] = true;
  // Axes after the last reversed one make up the rows; where that is the last axis, rows are turned element by element.
  int outer = y.rank;
  int64_t length = 1;
  while (outer > 0 && !backwards[outer - 1]) length *= y.dims[--outer];
  const bool turned = outer > 0 && outer == y.rank;
  if (turned) length = y.dims[--outer];
  const int64_t width = elementBytes(y), bytes = length * width;
  char* to = static_cast<char*>(y.data);
  const char* from = bytesOf(x);
  parallelFor(context, y.size / length, grainFor(2 * bytes), [&](int64_t begin, int64_t end, int32_t) {
    int64_t index[kMaxRank];
    unravel(begin, y.dims, outer, index);
    for (int64_t row = begin; row < end; row++) {
      int64_t source = 0;
      for (int i = 0; i < outer; i++)
        source = source * y.dims[i] + (backwards[i] ? y.dims[i] - 1 - index[i] : index[i]);
      if (!turned) {
        copyBytes(to + row * bytes, from + source * bytes, bytes);
      } else if (width == 1) {
        reverseRow<uint8_t>(from + source * bytes, to + row * bytes, length);
      } else {
        reverseRow<uint32_t>(from + source * bytes, to + row * bytes, length);
      }
      increment(y.dims, outer, index);
    }
  });
}

const KernelEntry entries[] = {
    {"reshape(x) -> (y) {shape:i9}", sizeof(ReshapeAttrs), checkReshape, nullptr, runReshape},
    {"slice(x) -> (y) {begin:i9, size:i9}", sizeof(SliceAttrs), checkSlice, nullptr, runSlice},
    {"concat(...xs) -> (y) {axis:i}", sizeof(ConcatAttrs), checkConcat, nullptr, runConcat},
    {"transpose(x) -> (y) {permutation:i9}", sizeof(TransposeAttrs), checkTranspose, nullptr, runTranspose},
    {"reverse(x) -> (y) {axes:i9}", sizeof(ReverseAttrs), checkReverse, nullptr, runReverse},
};

}  // namespace

extern const KernelFamily shapeFamily;
const KernelFamily shapeFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
