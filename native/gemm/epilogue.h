// Activations that need more than the microkernel's one instruction: applied to finished rows while they are in cache.
#pragma once

#include "../simd/math.h"

namespace ocellus {
namespace {

constexpr int32_t kActivationLinear = 0;
constexpr int32_t kActivationRelu = 1;
constexpr int32_t kActivationSigmoid = 2;
constexpr int32_t kActivationTanh = 3;

template <class F>
static inline void applyToRows(float* c, int64_t pitch, int64_t rows, int64_t columns, const F& function) {
  for (int64_t i = 0; i < rows; i++) {
    float* row = c + i * pitch;
    int64_t j = 0;
    for (; j + kVecWidth <= columns; j += kVecWidth) store(row + j, function(load(row + j)));
    if (j < columns) storePartial(row + j, function(loadPartial(row + j, columns - j)), columns - j);
  }
}

static inline void applyActivation(int32_t activation, float* c, int64_t pitch, int64_t rows, int64_t columns) {
  if (activation == kActivationSigmoid) {
    applyToRows(c, pitch, rows, columns, [](Vec x) { return sigmoid(x); });
  } else if (activation == kActivationTanh) {
    applyToRows(c, pitch, rows, columns, [](Vec x) { return tanh(x); });
  }
}

}  // namespace
}  // namespace ocellus
