// What ends a product: a residual and an activation. Activations that cut values off cost the microkernel an
// instruction or two; others, and residuals, have a loop over finished rows while they are in cache. The microkernel
// would read a residual in pieces as small as its tile and wait for each: a 1x1 convolution took up to 1.2 times as
// long as with a separate addition.
#pragma once

#include "../simd/math.h"

namespace ocellus {
namespace {

constexpr int32_t kActivationLinear = 0;
constexpr int32_t kActivationRelu = 1;
constexpr int32_t kActivationSigmoid = 2;
constexpr int32_t kActivationTanh = 3;
constexpr int32_t kActivationRelu6 = 4;

static inline const char* checkActivation(int32_t activation) {
  return activation < kActivationLinear || activation > kActivationRelu6 ? "expected an activation from 0 to 4"
                                                                         : nullptr;
}

static inline bool cutsOff(int32_t activation) {
  return activation == kActivationRelu || activation == kActivationRelu6;
}

// Where an activation cuts values off; infinite where it does not, and where it has to wait for a residual.
struct Limits {
  float floor, ceiling;
};

static inline Limits limitsOf(int32_t activation, const float* residual) {
  if (residual != nullptr || !cutsOff(activation)) return {-__builtin_inff(), __builtin_inff()};
  return {0.0f, activation == kActivationRelu6 ? 6.0f : __builtin_inff()};
}

// body(function) with the activation as a function of a vector. NaN stays NaN. Functions without captures: numbers that
// a loop had to load again for every vector would cost it several percent.
template <class F>
static inline void withActivation(int32_t activation, const F& body) {
  switch (activation) {
    case kActivationRelu:
      return body([](Vec x) { return max(zero(), x); });
    case kActivationRelu6:
      return body([](Vec x) { return min(broadcast(6.0f), max(zero(), x)); });
    case kActivationSigmoid:
      return body([](Vec x) { return sigmoid(x); });
    case kActivationTanh:
      return body([](Vec x) { return tanh(x); });
    default:
      return body([](Vec x) { return x; });
  }
}

// What limits cannot do, on finished rows: adds a residual (or null) of the same pitch, then applies the activation.
static inline void finishRows(int32_t activation, const float* residual, float* c, int64_t pitch, int64_t rows,
                              int64_t columns) {
  if (residual == nullptr && (activation == kActivationLinear || cutsOff(activation))) return;
  withActivation(activation, [&](const auto& function) {
    for (int64_t i = 0; i < rows; i++) {
      float* row = c + i * pitch;
      const float* other = residual == nullptr ? nullptr : residual + i * pitch;
      int64_t j = 0;
      for (; j + kVecWidth <= columns; j += kVecWidth) {
        const Vec x = load(row + j);
        store(row + j, function(other == nullptr ? x : add(x, load(other + j))));
      }
      if (j == columns) continue;
      const Vec x = loadPartial(row + j, columns - j);
      storePartial(row + j, function(other == nullptr ? x : add(x, loadPartial(other + j, columns - j))), columns - j);
    }
  });
}

}  // namespace
}  // namespace ocellus
