// Padding by a constant, or by the tensor's own values (mirrored, repeated, or continued from the other end), of any
// axes and types, and the gradient of the latter. Rows are moved whole; only their borders go piece by piece.
#include "rows.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

enum BorderMode : int32_t { kReflect = 0, kReplicate = 1, kCircular = 2 };
constexpr int32_t kBorderModes = 3;

const char* checkSides(const ShapeAttr& before, const ShapeAttr& after, const TensorView& inner,
                       const TensorView& padded) {
  if (before.length != inner.rank || after.length != inner.rank || padded.rank != inner.rank)
    return "expected one padding before and after each axis";
  for (int i = 0; i < inner.rank; i++) {
    const int64_t low = before.dims[i], high = after.dims[i];
    if (low < 0 || high < 0) return "expected paddings of at least 0";
    if (padded.dims[i] != low + inner.dims[i] + high) return "expected tensors that differ by the paddings";
  }
  return nullptr;
}

const char* checkBorders(const TensorView& inner, const TensorView& padded) {
  for (int i = 0; i < inner.rank; i++)
    if (inner.dims[i] == 0 && padded.dims[i] > 0) return "expected axes with elements to fill borders from";
  return nullptr;
}

// Position in [0, size) that `position`, anywhere, shows.
inline int64_t sourceOf(int32_t mode, int64_t position, int64_t size) {
  if (position >= 0 && position < size) return position;
  if (mode == kReplicate || size == 1) return position < 0 ? 0 : size - 1;
  const int64_t period = mode == kCircular ? size : 2 * (size - 1);
  const int64_t rest = (position % period + period) % period;
  return rest < size ? rest : period - rest;
}

// The padded positions that show one inner position, in rising order: `firsts` of them, each repeated every `step`.
struct Shown {
  int64_t count, firsts, first[2], step;
  inline int64_t at(int64_t k) const { return first[k % firsts] + k / firsts * step; }
};

inline Shown shownOf(int32_t mode, int64_t inner, int64_t size, int64_t before, int64_t padded) {
  if (mode == kReplicate || size == 1) {
    const int64_t low = inner == 0 ? 0 : before + inner, high = inner == size - 1 ? padded : before + inner + 1;
    return {high - low, 1, {low, low}, 1};
  }
  const int64_t period = mode == kCircular ? size : 2 * (size - 1);
  const int64_t a = (before + inner) % period,
                b = mode == kCircular ? a : ((before - inner) % period + period) % period;
  const int64_t low = minOf(a, b), high = maxOf(a, b);
  int64_t count = ceilDiv(maxOf(0, padded - low), period);
  if (low != high) count += ceilDiv(maxOf(0, padded - high), period);
  return {count, low == high ? 1 : 2, {low, high}, period};
}

// Axes from `outer` + 1 on are not padded and make up pieces of `piece` elements; `outer` is the axis of the rows.
struct Rows {
  int outer;
  int64_t piece, size, padded, before;  // of the axis of the rows, in pieces
};

Rows rowsOf(const TensorView& inner, const TensorView& padded, const ShapeAttr& before) {
  int rank = inner.rank;
  int64_t piece = 1;
  while (rank > 0 && inner.dims[rank - 1] == padded.dims[rank - 1]) piece *= inner.dims[--rank];
  if (rank == 0) return {0, piece, 1, 1, 0};
  return {rank - 1, piece, inner.dims[rank - 1], padded.dims[rank - 1], before.dims[rank - 1]};
}

// Calls body(i) for the padded pieces of a row outside its middle.
template <class F>
inline void forBorder(const Rows& rows, const F& body) {
  for (int64_t i = 0; i < rows.before; i++) body(i);
  for (int64_t i = rows.before + rows.size; i < rows.padded; i++) body(i);
}

// ---- pad -----------------------------------------------------------------------------------------------------------

struct PadAttrs {
  ShapeAttr before, after;
  int32_t mode;  // 0: the value, else 1 + BorderMode
  float value;
};
static_assert(sizeof(PadAttrs) == 80, "slots");

const char* checkPad(const KernelContext& context) {
  if (const char* wrong = checkOneToOne(context)) return wrong;
  const TensorView &x = context.inputs[0], &y = context.outputs[0];
  const PadAttrs& attrs = attrsOf<PadAttrs>(context);
  if (const char* wrong = checkSides(attrs.before, attrs.after, x, y)) return wrong;
  if (attrs.mode < 0 || attrs.mode > kBorderModes) return "expected a known mode";
  if (attrs.mode != 0) return checkBorders(x, y);
  if (x.dtype == kInt32 && !(attrs.value >= -2147483648.0f && attrs.value < 2147483648.0f))
    return "expected a value that an int32 holds";
  if (x.dtype == kUint8 && !(attrs.value > -1.0f && attrs.value < 256.0f)) return "expected a value that a uint8 holds";
  return nullptr;
}

template <class T>
void fillRow(char* to, int64_t count, T value) {
  T* row = reinterpret_cast<T*>(to);
  for (int64_t i = 0; i < count; i++) row[i] = value;
}

void runConstant(const KernelContext& context) {
  const TensorView &x = context.inputs[0], &y = context.outputs[0];
  const PadAttrs& attrs = attrsOf<PadAttrs>(context);
  if (y.size == 0) return;
  const int64_t width = elementBytes(y);
  char* to = static_cast<char*>(y.data);
  const char* from = bytesOf(x);
  auto fill = [&](char* at, int64_t count) {
    if (y.dtype == kFloat32) {
      fillRow(at, count, attrs.value);
    } else if (y.dtype == kInt32) {
      fillRow(at, count, static_cast<int32_t>(attrs.value));
    } else {
      fillRow(at, count, static_cast<uint8_t>(attrs.value));
    }
  };
  // Axes from `rank` on are not padded: with the last padded axis they make up one row.
  int rank = y.rank;
  int64_t inner = 1;
  while (rank > 0 && attrs.before.dims[rank - 1] == 0 && attrs.after.dims[rank - 1] == 0) inner *= y.dims[--rank];
  const int outer = rank > 0 ? rank - 1 : 0;
  const int64_t before = rank > 0 ? attrs.before.dims[outer] * inner : 0;
  const int64_t middle = rank > 0 ? x.dims[outer] * inner : inner;
  const int64_t length = rank > 0 ? y.dims[outer] * inner : inner;
  parallelFor(context, y.size / length, grainFor(2 * length * width), [&](int64_t begin, int64_t end, int32_t) {
    int64_t index[kMaxRank];
    unravel(begin, y.dims, outer, index);
    for (int64_t row = begin; row < end; row++) {
      char* at = to + row * length * width;
      int64_t source = 0;
      bool inside = true;
      for (int i = 0; i < outer; i++) {
        const int64_t position = index[i] - attrs.before.dims[i];
        inside = inside && position >= 0 && position < x.dims[i];
        source = source * x.dims[i] + position;
      }
      if (inside) {
        fill(at, before);
        copyBytes(at + before * width, from + source * middle * width, middle * width);
        fill(at + (before + middle) * width, length - before - middle);
      } else {
        fill(at, length);
      }
      increment(y.dims, outer, index);
    }
  });
}

void runBorders(const KernelContext& context) {
  const TensorView &x = context.inputs[0], &y = context.outputs[0];
  const PadAttrs& attrs = attrsOf<PadAttrs>(context);
  if (y.size == 0) return;
  const int32_t mode = attrs.mode - 1;
  const Rows rows = rowsOf(x, y, attrs.before);
  const int64_t width = rows.piece * elementBytes(y), length = rows.padded * width;
  char* to = static_cast<char*>(y.data);
  const char* from = bytesOf(x);
  const int64_t count = y.size / (rows.padded * rows.piece);
  parallelFor(context, count, grainFor(2 * length), [&](int64_t begin, int64_t end, int32_t) {
    int64_t index[kMaxRank];
    unravel(begin, y.dims, rows.outer, index);
    for (int64_t row = begin; row < end; row++) {
      int64_t source = 0;
      for (int i = 0; i < rows.outer; i++)
        source = source * x.dims[i] + sourceOf(mode, index[i] - attrs.before.dims[i], x.dims[i]);
      char* at = to + row * length;
      const char* own = from + source * rows.size * width;
      copyBytes(at + rows.before * width, own, rows.size * width);
      forBorder(rows, [=](int64_t i) {
        copyBytes(at + i * width, own + sourceOf(mode, i - rows.before, rows.size) * width, width);
      });
      increment(y.dims, rows.outer, index);
    }
  });
}

void runPad(const KernelContext& context) {
  attrsOf<PadAttrs>(context).mode == 0 ? runConstant(context) : runBorders(context);
}

// ---- padGrad: what is shown several times adds up -------------------------------------------------------------------

struct PadGradAttrs {
  ShapeAttr before, after;
  int32_t mode;
};
static_assert(sizeof(PadGradAttrs) == 76, "slots");

const char* checkPadGrad(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  const TensorView &dy = context.inputs[0], &dx = context.outputs[0];
  const PadGradAttrs& attrs = attrsOf<PadGradAttrs>(context);
  if (const char* wrong = checkSides(attrs.before, attrs.after, dx, dy)) return wrong;
  if (attrs.mode < 0 || attrs.mode >= kBorderModes) return "expected a known mode";
  return checkBorders(dx, dy);
}

inline void addTo(float* to, const float* from, int64_t count) {
  forVectors(0, count,
             [=](int64_t i, auto lanes) { store(to + i, add(load(to + i, lanes), load(from + i, lanes)), lanes); });
}

// dx of one row = or += what one row of dy shows of it.
inline void gatherRow(const Rows& rows, int32_t mode, const float* dy, float* dx, bool first) {
  const int64_t width = rows.piece;
  if (first) {
    copyBytes(reinterpret_cast<char*>(dx), reinterpret_cast<const char*>(dy + rows.before * width),
              4 * rows.size * width);
  } else {
    addTo(dx, dy + rows.before * width, rows.size * width);
  }
  forBorder(rows,
            [=](int64_t i) { addTo(dx + sourceOf(mode, i - rows.before, rows.size) * width, dy + i * width, width); });
}

void runPadGrad(const KernelContext& context) {
  const TensorView &dy = context.inputs[0], &dx = context.outputs[0];
  const PadGradAttrs& attrs = attrsOf<PadGradAttrs>(context);
  if (dx.size == 0) return;
  const Rows rows = rowsOf(dx, dy, attrs.before);
  const int64_t length = rows.size * rows.piece, padded = rows.padded * rows.piece;
  parallelFor(context, dx.size / length, grainFor(8 * padded), [&](int64_t begin, int64_t end, int32_t) {
    int64_t index[kMaxRank];
    unravel(begin, dx.dims, rows.outer, index);
    for (int64_t row = begin; row < end; row++) {
      // All rows of dy that show this one: every combination of the outer axes' positions.
      Shown shown[kMaxRank];
      int64_t counts[kMaxRank], at[kMaxRank], total = 1;
      for (int i = 0; i < rows.outer; i++) {
        shown[i] = shownOf(attrs.mode, index[i], dx.dims[i], attrs.before.dims[i], dy.dims[i]);
        total *= counts[i] = shown[i].count;
        at[i] = 0;
      }
      for (int64_t k = 0; k < total; k++) {
        int64_t source = 0;
        for (int i = 0; i < rows.outer; i++) source = source * dy.dims[i] + shown[i].at(at[i]);
        gatherRow(rows, attrs.mode, f32(dy) + source * padded, f32(dx) + row * length, k == 0);
        increment(counts, rows.outer, at);
      }
      increment(dx.dims, rows.outer, index);
    }
  });
}

const KernelEntry entries[] = {
    {"pad(x) -> (y) {before:i9, after:i9, mode:i, value:f}", sizeof(PadAttrs), checkPad, nullptr, runPad},
    {"padGrad(dy) -> (dx) {before:i9, after:i9, mode:i}", sizeof(PadGradAttrs), checkPadGrad, nullptr, runPadGrad},
};

}  // namespace

extern const KernelFamily paddingFamily;
const KernelFamily paddingFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
