// The C++ half of the op contract: what a kernel receives, and the row that declares it.
// This header is included by files that are built once per instruction set. Such files must not emit weak symbols
// (the linker could keep a copy with too wide instructions), so: no member functions, no std::, `static inline` only.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace ocellus {

enum DType : int32_t { kFloat32 = 0, kInt32 = 1, kUint8 = 2 };

constexpr int kMaxRank = 8;

// A dense, row-major view. `present` is 0 for an optional input that was left out (then everything else is 0 too).
// While a plan is checked or its workspace is asked for, `data` is null but shapes are set.
struct TensorView {
  void* data;
  int64_t size;  // elements
  int64_t dims[kMaxRank];
  int32_t rank;
  DType dtype;
  int32_t present;
};

struct ThreadPool;

struct KernelContext {
  const TensorView* inputs;
  const TensorView* outputs;
  int32_t numInputs;
  int32_t numOutputs;
  const void* attrs;    // the kernel's own struct of 4-byte slots (int32_t or float), in the order of its signature
  char* scratch;        // Workspace::shared bytes, 64-byte aligned
  char* threadScratch;  // Workspace::perThread bytes per worker, 64-byte aligned, stride below
  int64_t threadScratchStride;
  ThreadPool* pool;
  int32_t threads;      // workers that may take part; results must not depend on it
  int64_t streamBytes;  // outputs of this size and more do not stay in the caches anyway; 0: not known
};

// Bytes of workspace a kernel needs for given shapes. Must not depend on the number of threads.
struct Workspace {
  int64_t shared;
  int64_t perThread;
};

// One row per op. `signature` is the whole declaration, equal to the TypeScript row's to the letter:
//   conv2d(x, weight, bias?) -> (y) {strides:i2, padding:i4, dilation:i2, groups:i, activation:i}
// `?` marks an optional input, a leading `...` a last input that repeats; i and f are 4-byte slots.
struct KernelEntry {
  const char* signature;
  int32_t attrBytes;                             // sizeof the attribute struct, compared with the signature at load
  const char* (*check)(const KernelContext&);    // at plan load: null, or what is wrong with shapes and attributes
  Workspace (*workspace)(const KernelContext&);  // may be null: none
  void (*run)(const KernelContext&);             // no allocation, no exceptions, no checks
  // The name of the algorithm that `run` takes for these shapes, a constant; null where there is no choice.
  const char* (*algorithm)(const KernelContext&) = nullptr;
};

// The rows of one file (one op family).
struct KernelFamily {
  const KernelEntry* entries;
  int32_t count;
};

struct Diagnostics;  // gemm/gemm.h

// Everything one instruction set offers. Pointers, so that the table is a constant: filling it in when the library is
// loaded would run code built for an instruction set the processor may not have.
struct KernelTable {
  const char* isa;
  const Diagnostics* diagnostics;
  const KernelFamily* const* families;
  int32_t count;
};

// Splits [0, count) into chunks of `grain` (the last may be short) and hands them to the pool's threads as they become
// free. The partition depends on count and grain alone, so sums taken per chunk do not depend on the thread count.
// One chunk runs on the calling thread without waking anybody. Defined in base/thread_pool.cc.
using ChunkFunction = void (*)(void* argument, int64_t begin, int64_t end, int32_t worker);
void parallelChunks(const KernelContext& context, int64_t count, int64_t grain, ChunkFunction function, void* argument);

}  // namespace ocellus

// Files built per instruction set put everything that has a name outside into this namespace.
#ifndef OCELLUS_ISA
#define OCELLUS_ISA scalar
#endif

namespace ocellus {
namespace {

template <class F>
static inline void parallelFor(const KernelContext& context, int64_t count, int64_t grain, const F& body) {
  struct Call {
    static void run(void* argument, int64_t begin, int64_t end, int32_t worker) {
      (*static_cast<const F*>(argument))(begin, end, worker);
    }
  };
  parallelChunks(context, count, grain < 1 ? 1 : grain, &Call::run, const_cast<F*>(&body));
}

template <class T>
static inline const T& attrsOf(const KernelContext& context) {
  return *static_cast<const T*>(context.attrs);
}

static inline float* f32(const TensorView& view) { return static_cast<float*>(view.data); }
static inline int32_t* i32(const TensorView& view) { return static_cast<int32_t*>(view.data); }
static inline uint8_t* u8(const TensorView& view) { return static_cast<uint8_t*>(view.data); }

static inline bool sameShape(const TensorView& a, const TensorView& b) {
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; i++)
    if (a.dims[i] != b.dims[i]) return false;
  return true;
}

static inline int64_t minOf(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t maxOf(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace
}  // namespace ocellus
