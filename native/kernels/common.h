// What every kernel file of pointwise and memory-bound ops shares: checks of views, loops over vectors with a tail, and
// how finely work is cut. Included by files built per instruction set.
#pragma once

#include <string.h>

#include "../kernel.h"
#include "../simd/vec.h"

namespace ocellus {
namespace {

// ---- checks: null, or an English sentence --------------------------------------------------------------------------

struct ShapeAttr {
  int32_t length;
  int32_t dims[kMaxRank];
};
static_assert(sizeof(ShapeAttr) == 36, "a shape attribute takes nine slots");

static inline bool wellFormed(const TensorView& view) {
  if (view.rank < 0 || view.rank > kMaxRank) return false;
  if (view.dtype != kFloat32 && view.dtype != kInt32 && view.dtype != kUint8) return false;
  int64_t size = 1;
  for (int i = 0; i < view.rank; i++) {
    if (view.dims[i] < 0 || view.dims[i] > INT32_MAX) return false;
    if (__builtin_mul_overflow(size, view.dims[i], &size)) return false;
  }
  return size == view.size && size < (static_cast<int64_t>(1) << 48);
}

// Counts, presence and form of all views. Bit i of `optional`: input i may be left out.
static inline const char* checkViews(const KernelContext& context, int inputs, int outputs, uint32_t optional = 0) {
  if (context.numInputs != inputs) return "wrong number of inputs";
  if (context.numOutputs != outputs) return "wrong number of outputs";
  for (int i = 0; i < inputs; i++) {
    const TensorView& view = context.inputs[i];
    if (!view.present && !(optional >> i & 1)) return "a required input is missing";
    if (view.present && !wellFormed(view)) return "an input has an invalid shape or type";
  }
  for (int i = 0; i < outputs; i++) {
    if (!context.outputs[i].present) return "an output is missing";
    if (!wellFormed(context.outputs[i])) return "an output has an invalid shape or type";
  }
  return nullptr;
}

// The same, and every view that is there holds floats.
static inline const char* checkFloatViews(const KernelContext& context, int inputs, int outputs,
                                          uint32_t optional = 0) {
  if (const char* wrong = checkViews(context, inputs, outputs, optional)) return wrong;
  for (int i = 0; i < inputs; i++)
    if (context.inputs[i].present && context.inputs[i].dtype != kFloat32) return "expected float32 inputs";
  for (int i = 0; i < outputs; i++)
    if (context.outputs[i].dtype != kFloat32) return "expected float32 outputs";
  return nullptr;
}

// The same, and all shapes are equal.
static inline const char* checkEqualFloats(const KernelContext& context, int inputs, int outputs) {
  if (const char* wrong = checkFloatViews(context, inputs, outputs)) return wrong;
  for (int i = 0; i < inputs; i++)
    if (!sameShape(context.inputs[i], context.outputs[0])) return "expected inputs of the shape of the output";
  for (int i = 1; i < outputs; i++)
    if (!sameShape(context.outputs[i], context.outputs[0])) return "expected outputs of equal shapes";
  return nullptr;
}

static inline bool isVector(const TensorView& view, int64_t length) { return view.rank == 1 && view.dims[0] == length; }

// A number such as 0.999 that came as a float, as it was meant: in floats it is 0.99900001, and 1 minus that is wrong
// in the fifth digit. Rounding to seven decimals moves no number by more than 5e-8.
static inline double asMeant(float value) { return __builtin_rint(static_cast<double>(value) * 1e7) / 1e7; }

static inline bool isFlag(int32_t value) { return value == 0 || value == 1; }

// The attribute is exactly the shape of the view.
static inline bool matches(const ShapeAttr& shape, const TensorView& view) {
  if (shape.length != view.rank) return false;
  for (int i = 0; i < view.rank; i++)
    if (shape.dims[i] != view.dims[i]) return false;
  return true;
}

static inline int64_t elementBytes(const TensorView& view) { return view.dtype == kUint8 ? 1 : 4; }

// ---- loops ---------------------------------------------------------------------------------------------------------

// How many lanes of a vector are meant: all, or the first n of the last vector of a row.
struct AllLanes {};
struct FirstLanes {
  int64_t n;
};

static inline Vec load(const float* p, AllLanes) { return load(p); }
static inline Vec load(const float* p, FirstLanes lanes) { return loadPartial(p, lanes.n); }
static inline void store(float* p, Vec v, AllLanes) { store(p, v); }
static inline void store(float* p, Vec v, FirstLanes lanes) { storePartial(p, v, lanes.n); }

// Calls body(i, lanes) for the vectors that cover [begin, end).
template <class F>
static inline __attribute__((always_inline)) void forVectors(int64_t begin, int64_t end, const F& body) {
  int64_t i = begin;
  for (; i + kVecWidth <= end; i += kVecWidth) body(i, AllLanes{});
  if (i < end) body(i, FirstLanes{end - i});
}

// How an output is written: as usual, or around the caches, which spares reading what is overwritten and does not drive
// out what is needed soon. `done` ends a chunk.
struct Stored {
  static constexpr bool kThroughCaches = true;
  template <class Lanes>
  static inline void write(float* p, Vec v, Lanes lanes) {
    store(p, v, lanes);
  }
  static inline void done() {}
};
struct Streamed {
  static constexpr bool kThroughCaches = false;
  static inline void write(float* p, Vec v, AllLanes) { stream(p, v); }
  static inline void write(float* p, Vec v, FirstLanes lanes) { store(p, v, lanes); }
  static inline void done() { streamFence(); }
};

// Runs body(Streamed()) for a first output that is too large for the caches, else body(Stored()). In place, the lines
// are in the caches already. Rows of `width` floats must be whole vectors: every vector is aligned then.
template <class F>
static inline void withWriter(const KernelContext& context, int64_t width, const F& body) {
  const TensorView& y = context.outputs[0];
  bool streams = context.streamBytes > 0 && y.size * 4 >= context.streamBytes && width % kVecWidth == 0 &&
                 reinterpret_cast<uintptr_t>(y.data) % (4 * kVecWidth) == 0;
  for (int32_t i = 0; i < context.numInputs; i++) streams = streams && context.inputs[i].data != y.data;
  streams ? body(Streamed()) : body(Stored());
}

// Bytes a chunk should move: some 8 us from the caches, 25 us from memory. Less work than that runs on one thread.
constexpr int64_t kChunkBytes = 768 * 1024;

// Items per chunk when each moves `bytes` (or computes for as long as moving them would take).
static inline int64_t grainFor(int64_t bytes) { return maxOf(1, kChunkBytes / maxOf(1, bytes)); }

// body(i, lanes) for all vectors of [0, count), in parallel. `bytes`: cost of an element as above.
template <class F>
static inline void parallelVectors(const KernelContext& context, int64_t count, int64_t bytes, const F& body) {
  // Whole cache lines, so that two threads never write to one.
  const int64_t grain = ceilDiv(grainFor(bytes), 64) * 64;
  parallelFor(context, count, grain, [&](int64_t begin, int64_t end, int32_t) { forVectors(begin, end, body); });
}

// Writes value(i, lanes) to all of the first output.
template <class F>
static inline void writeVectors(const KernelContext& context, int64_t bytes, const F& value) {
  float* y = f32(context.outputs[0]);
  const int64_t count = context.outputs[0].size, grain = ceilDiv(grainFor(bytes), 64) * 64;
  withWriter(context, kVecWidth, [&](auto writer) {
    parallelFor(context, count, grain, [&](int64_t begin, int64_t end, int32_t) {
      forVectors(begin, end, [&](int64_t i, auto lanes) { writer.write(y + i, value(i, lanes), lanes); });
      writer.done();
    });
  });
}

}  // namespace
}  // namespace ocellus
