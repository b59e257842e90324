// Elementwise arithmetic: binary ops with NumPy broadcasting, unary ops, rescale, copy, fill and oneHot.
#include "../simd/math.h"
#include "broadcast.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

// ---- binary: y = a op b --------------------------------------------------------------------------------------------

struct Add {
  static inline Vec apply(Vec a, Vec b) { return add(a, b); }
};
struct AddRelu {
  static inline Vec apply(Vec a, Vec b) { return max(zero(), add(a, b)); }
};
struct AddRelu6 {
  static inline Vec apply(Vec a, Vec b) { return min(broadcast(6.0f), max(zero(), add(a, b))); }
};
struct Subtract {
  static inline Vec apply(Vec a, Vec b) { return sub(a, b); }
};
struct Multiply {
  static inline Vec apply(Vec a, Vec b) { return mul(a, b); }
};
struct Divide {
  static inline Vec apply(Vec a, Vec b) { return div(a, b); }
};
// min and max of Vec give b when either side is NaN: what is left is a NaN in a.
struct Maximum {
  static inline Vec apply(Vec a, Vec b) { return select(isNan(a), a, max(a, b)); }
};
struct Minimum {
  static inline Vec apply(Vec a, Vec b) { return select(isNan(a), a, min(a, b)); }
};
struct Compare {
  static inline Vec apply(Vec a, Vec b) {
    return select(gt(a, b), broadcast(1.0f), select(eq(a, b), broadcast(0.5f), zero()));
  }
};
struct Prelu {
  static inline Vec apply(Vec a, Vec b) { return select(gt(a, zero()), a, mul(a, b)); }
};
struct PreluSlope {
  static inline Vec apply(Vec a, Vec b) {
    return select(gt(a, zero()), broadcast(1.0f), select(lt(a, zero()), b, zero()));
  }
};

const char* checkBinary(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 2, 1)) return wrong;
  const TensorView &a = context.inputs[0], &b = context.inputs[1], &y = context.outputs[0];
  if (!broadcastsTo(a, y) || !broadcastsTo(b, y)) return "expected inputs that broadcast to the output";
  if (y.rank != maxOf(a.rank, b.rank)) return "expected an output of the larger rank";
  for (int axis = 0; axis < y.rank; axis++) {
    const int i = axis - (y.rank - a.rank), j = axis - (y.rank - b.rank);
    const bool fromA = i >= 0 && a.dims[i] == y.dims[axis], fromB = j >= 0 && b.dims[j] == y.dims[axis];
    if (!fromA && !fromB) return "expected the broadcast shape of the inputs as output";
  }
  return nullptr;
}

// Longest run that is repeated in a small buffer to fill vectors.
constexpr int64_t kShortRun = 4 * kVecWidth;

// y[i] = x[i] op pattern[i % run], the pattern repeated to a whole number of vectors (swapped: pattern op x).
template <class Op, bool swapped>
void runRepeated(const KernelContext& context, const float* x, const float* pattern, float* y, int64_t run,
                 int64_t size) {
  float repeated[kShortRun * kVecWidth];
  const int64_t period = run * kVecWidth;
  for (int64_t i = 0; i < period; i++) repeated[i] = pattern[i % run];
  parallelFor(context, ceilDiv(size, period), grainFor(8 * period), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t p = begin; p < end; p++) {
      const int64_t base = p * period;
      forVectors(0, minOf(period, size - base), [&](int64_t i, auto lanes) {
        const Vec vx = load(x + base + i, lanes), vp = load(repeated + i, lanes);
        store(y + base + i, swapped ? Op::apply(vp, vx) : Op::apply(vx, vp), lanes);
      });
    }
  });
}

template <class Op>
void runBinary(const KernelContext& context) {
  const float *a = f32(context.inputs[0]), *b = f32(context.inputs[1]);
  float* y = f32(context.outputs[0]);
  const Broadcast plan = broadcastOf(context.inputs[0], context.inputs[1], context.outputs[0]);
  if (plan.rows == 1 && plan.advance[0] && plan.advance[1])
    return writeVectors(context, 12,
                        [&](int64_t i, auto lanes) { return Op::apply(load(a + i, lanes), load(b + i, lanes)); });
  if (plan.rank == 1 && plan.run < kShortRun && plan.advance[0] == 1 && plan.advance[1] == 1) {
    const int64_t size = plan.rows * plan.run;
    if (plan.strides[1][0] == 0) return runRepeated<Op, false>(context, a, b, y, plan.run, size);
    if (plan.strides[0][0] == 0) return runRepeated<Op, true>(context, b, a, y, plan.run, size);
  }
  parallelRows(context, plan, 12, [&](int64_t atA, int64_t atB, int64_t atY, int64_t length) {
    const float *rowA = a + atA, *rowB = b + atB;
    float* rowY = y + atY;
    if (plan.advance[0] && plan.advance[1]) {
      forVectors(0, length, [&](int64_t i, auto lanes) {
        store(rowY + i, Op::apply(load(rowA + i, lanes), load(rowB + i, lanes)), lanes);
      });
    } else if (plan.advance[0]) {
      const Vec vb = broadcast(*rowB);
      forVectors(0, length,
                 [&](int64_t i, auto lanes) { store(rowY + i, Op::apply(load(rowA + i, lanes), vb), lanes); });
    } else {
      const Vec va = broadcast(*rowA);
      // Both stand still only when the output is a single element.
      forVectors(0, length,
                 [&](int64_t i, auto lanes) { store(rowY + i, Op::apply(va, load(rowB + i, lanes)), lanes); });
    }
  });
}

struct AddAttrs {
  int32_t activation;  // 0: linear, 1: relu, 2: relu6
};
static_assert(sizeof(AddAttrs) == 4, "slots");

const char* checkAdd(const KernelContext& context) {
  if (const char* wrong = checkBinary(context)) return wrong;
  const int32_t activation = attrsOf<AddAttrs>(context).activation;
  return activation < 0 || activation > 2 ? "expected a known activation" : nullptr;
}

void runAdd(const KernelContext& context) {
  const int32_t activation = attrsOf<AddAttrs>(context).activation;
  if (activation == 1) return runBinary<AddRelu>(context);
  if (activation == 2) return runBinary<AddRelu6>(context);
  runBinary<Add>(context);
}

// ---- unary: y = op(x) ----------------------------------------------------------------------------------------------

// kBytes: what an element costs, in bytes moved in the same time.
struct Negate {
  static constexpr int64_t kBytes = 8;
  static inline Vec apply(Vec x) { return negate(x); }
};
struct Abs {
  static constexpr int64_t kBytes = 8;
  static inline Vec apply(Vec x) { return abs(x); }
};
// Zeros and NaN stay as they are.
struct Sign {
  static constexpr int64_t kBytes = 8;
  static inline Vec apply(Vec x) {
    return select(gt(x, zero()), broadcast(1.0f), select(lt(x, zero()), broadcast(-1.0f), x));
  }
};
struct Square {
  static constexpr int64_t kBytes = 8;
  static inline Vec apply(Vec x) { return mul(x, x); }
};
struct Sqrt {
  static constexpr int64_t kBytes = 12;
  static inline Vec apply(Vec x) { return sqrt(x); }
};
struct Exp {
  static constexpr int64_t kBytes = 24;
  static inline Vec apply(Vec x) { return exp(x); }
};
struct Log {
  static constexpr int64_t kBytes = 24;
  static inline Vec apply(Vec x) { return log(x); }
};

const char* checkUnary(const KernelContext& context) { return checkEqualFloats(context, 1, 1); }

template <class Op>
void runUnary(const KernelContext& context) {
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  parallelVectors(context, context.outputs[0].size, Op::kBytes,
                  [&](int64_t i, auto lanes) { store(y + i, Op::apply(load(x + i, lanes)), lanes); });
}

// ---- rescale, copy, fill, oneHot -----------------------------------------------------------------------------------

struct RescaleAttrs {
  float scale, offset;
};
static_assert(sizeof(RescaleAttrs) == 8, "slots");

const char* checkRescale(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 1, 1)) return wrong;
  if (context.outputs[0].dtype != kFloat32) return "expected a float32 output";
  if (!sameShape(context.inputs[0], context.outputs[0])) return "expected an output of the shape of the input";
  return nullptr;
}

template <class T>
void rescaleFrom(const KernelContext& context, const T* x) {
  const RescaleAttrs attrs = attrsOf<RescaleAttrs>(context);
  float* y = f32(context.outputs[0]);
  parallelFor(context, context.outputs[0].size, grainFor(8), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t i = begin; i < end; i++) y[i] = static_cast<float>(x[i]) * attrs.scale + attrs.offset;
  });
}

void runRescale(const KernelContext& context) {
  const TensorView& x = context.inputs[0];
  if (x.dtype == kUint8) {
    rescaleFrom(context, u8(x));
  } else if (x.dtype == kInt32) {
    rescaleFrom(context, i32(x));
  } else {
    rescaleFrom(context, f32(x));
  }
}

const char* checkCopy(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 1, 1)) return wrong;
  if (context.inputs[0].dtype != context.outputs[0].dtype) return "expected an output of the type of the input";
  if (!sameShape(context.inputs[0], context.outputs[0])) return "expected an output of the shape of the input";
  return nullptr;
}

void runCopy(const KernelContext& context) {
  const char* from = static_cast<const char*>(context.inputs[0].data);
  char* to = static_cast<char*>(context.outputs[0].data);
  if (from == to) return;
  const int64_t bytes = context.outputs[0].size * elementBytes(context.outputs[0]);
  parallelFor(context, bytes, kChunkBytes / 2, [&](int64_t begin, int64_t end, int32_t) {
    memmove(to + begin, from + begin, static_cast<size_t>(end - begin));
  });
}

struct FillAttrs {
  float value;
  ShapeAttr shape;
};
static_assert(sizeof(FillAttrs) == 40, "slots");

const char* checkFill(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 0, 1)) return wrong;
  if (!matches(attrsOf<FillAttrs>(context).shape, context.outputs[0])) return "expected an output of the given shape";
  return nullptr;
}

void runFill(const KernelContext& context) {
  const Vec value = broadcast(attrsOf<FillAttrs>(context).value);
  float* y = f32(context.outputs[0]);
  parallelVectors(context, context.outputs[0].size, 4, [&](int64_t i, auto lanes) { store(y + i, value, lanes); });
}

struct OneHotAttrs {
  int32_t depth;
};
static_assert(sizeof(OneHotAttrs) == 4, "slots");

const char* checkOneHot(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 1, 1)) return wrong;
  const TensorView &labels = context.inputs[0], &y = context.outputs[0];
  if (labels.dtype != kInt32) return "expected int32 labels";
  if (y.dtype != kFloat32) return "expected a float32 output";
  if (y.rank != labels.rank + 1 || y.dims[y.rank - 1] != attrsOf<OneHotAttrs>(context).depth)
    return "expected an output with a last axis of the given depth";
  for (int i = 0; i < labels.rank; i++)
    if (labels.dims[i] != y.dims[i]) return "expected an output that begins with the shape of the labels";
  return nullptr;
}

void runOneHot(const KernelContext& context) {
  const int32_t* labels = i32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const int64_t depth = attrsOf<OneHotAttrs>(context).depth;
  if (depth == 0) return;
  parallelFor(context, context.inputs[0].size, grainFor(4 * depth), [&](int64_t begin, int64_t end, int32_t) {
    memset(y + begin * depth, 0, static_cast<size_t>((end - begin) * depth) * sizeof(float));
    for (int64_t i = begin; i < end; i++) {
      const int64_t label = labels[i];
      if (label >= 0 && label < depth) y[i * depth + label] = 1.0f;
    }
  });
}

const KernelEntry entries[] = {
    {"add(a, b) -> (y) {activation:i}", sizeof(AddAttrs), checkAdd, nullptr, runAdd},
    {"subtract(a, b) -> (y) {}", 0, checkBinary, nullptr, runBinary<Subtract>},
    {"multiply(a, b) -> (y) {}", 0, checkBinary, nullptr, runBinary<Multiply>},
    {"divide(a, b) -> (y) {}", 0, checkBinary, nullptr, runBinary<Divide>},
    {"maximum(a, b) -> (y) {}", 0, checkBinary, nullptr, runBinary<Maximum>},
    {"minimum(a, b) -> (y) {}", 0, checkBinary, nullptr, runBinary<Minimum>},
    {"compare(a, b) -> (y) {}", 0, checkBinary, nullptr, runBinary<Compare>},
    {"prelu(a, b) -> (y) {}", 0, checkBinary, nullptr, runBinary<Prelu>},
    {"preluSlope(a, b) -> (y) {}", 0, checkBinary, nullptr, runBinary<PreluSlope>},
    {"negate(x) -> (y) {}", 0, checkUnary, nullptr, runUnary<Negate>},
    {"abs(x) -> (y) {}", 0, checkUnary, nullptr, runUnary<Abs>},
    {"sign(x) -> (y) {}", 0, checkUnary, nullptr, runUnary<Sign>},
    {"square(x) -> (y) {}", 0, checkUnary, nullptr, runUnary<Square>},
    {"sqrt(x) -> (y) {}", 0, checkUnary, nullptr, runUnary<Sqrt>},
    {"exp(x) -> (y) {}", 0, checkUnary, nullptr, runUnary<Exp>},
    {"log(x) -> (y) {}", 0, checkUnary, nullptr, runUnary<Log>},
    {"rescale(x) -> (y) {scale:f, offset:f}", sizeof(RescaleAttrs), checkRescale, nullptr, runRescale},
    {"copy(x) -> (y) {}", 0, checkCopy, nullptr, runCopy},
    {"fill() -> (y) {value:f, shape:i9}", sizeof(FillAttrs), checkFill, nullptr, runFill},
    {"oneHot(labels) -> (y) {depth:i}", sizeof(OneHotAttrs), checkOneHot, nullptr, runOneHot},
};

}  // namespace

extern const KernelFamily elementwiseFamily;
const KernelFamily elementwiseFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
