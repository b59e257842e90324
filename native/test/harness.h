// What the kernel tests share: guarded buffers, random numbers, a context with its own scratch memory.
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "check.h"
#include "kernel.h"

namespace {

struct Random {
  uint64_t state = 1;
  uint32_t next() {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<uint32_t>(state >> 33);
  }
  int64_t below(int64_t limit) { return next() % limit; }
  float real() { return static_cast<float>(next()) / 1073741824.0f - 1.0f; }
};

inline std::vector<float> randomFloats(Random& random, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = random.real();
  return values;
}

// Floats with guard values around them; fresh ones are NaN, so an element that nobody writes is seen.
struct Guarded {
  static constexpr int kGuard = 64;
  std::vector<float> memory;
  explicit Guarded(int64_t count) : memory(static_cast<size_t>(count) + 2 * kGuard, NAN) {
    for (int i = 0; i < kGuard; i++) memory[i] = memory[memory.size() - 1 - i] = 12345.0f;
  }
  float* data() { return memory.data() + kGuard; }
  int64_t size() const { return static_cast<int64_t>(memory.size()) - 2 * kGuard; }
  bool intact() const {
    for (int i = 0; i < kGuard; i++)
      if (memory[i] != 12345.0f || memory[memory.size() - 1 - i] != 12345.0f) return false;
    return true;
  }
};

inline int64_t align64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// A context whose scratch is exactly as large as asked for, aligned to 64 bytes and filled with garbage. Bytes behind
// it are watched.
struct TestContext {
  static constexpr int64_t kWatched = 4096;
  static constexpr char kPattern = 0x5a;
  ocellus::KernelContext context = {};
  void* shared = nullptr;
  void* perThread = nullptr;
  int64_t sharedBytes = 0, perThreadBytes = 0;

  TestContext(ocellus::Workspace workspace, int32_t threads) {
    const int64_t stride = align64(workspace.perThread);
    sharedBytes = align64(workspace.shared);
    perThreadBytes = stride * threads;
    shared = allocate(sharedBytes);
    perThread = allocate(perThreadBytes);
    context.scratch = static_cast<char*>(shared);
    context.threadScratch = static_cast<char*>(perThread);
    context.threadScratchStride = stride;
    context.pool = ocellus::threadPool();
    context.threads = threads;
  }
  TestContext(const TestContext&) = delete;
  ~TestContext() {
    check(intact(shared, sharedBytes) && intact(perThread, perThreadBytes), "nothing is written behind scratch memory");
    free(shared);
    free(perThread);
  }
  static void* allocate(int64_t bytes) {
    char* memory = static_cast<char*>(aligned_alloc(64, static_cast<size_t>(bytes + kWatched)));
    memset(memory, 0xff, static_cast<size_t>(bytes));
    memset(memory + bytes, kPattern, kWatched);
    return memory;
  }
  static bool intact(const void* memory, int64_t bytes) {
    for (int64_t i = 0; i < kWatched; i++)
      if (static_cast<const char*>(memory)[bytes + i] != kPattern) return false;
    return true;
  }
};

// Largest difference relative to the size of the terms: |got - expected| / (1 + scale).
inline double worstError(const float* got, const std::vector<double>& expected, double scale) {
  double worst = 0;
  for (size_t i = 0; i < expected.size(); i++) {
    const double error = fabs(got[i] - expected[i]) / (1 + scale);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

inline bool sameBits(const float* a, const float* b, int64_t count) {
  return count == 0 || memcmp(a, b, static_cast<size_t>(count) * sizeof(float)) == 0;
}

}  // namespace
