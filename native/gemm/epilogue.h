// Activations that end a product. Those that cut values off cost the microkernel an instruction or two; others are
// applied to finished rows while they are in cache.
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

// Where an activation cuts values off; infinite where it does not.
struct Limits {
  float floor, ceiling;
};

static inline Limits limitsOf(int32_t activation) {
  const bool cuts = activation == kActivationRelu || activation == kActivationRelu6;
  return {cuts ? 0.0f : -__builtin_inff(), activation == kActivationRelu6 ? 6.0f : __builtin_inff()};
}

static inline bool cutsOff(int32_t activation) { return limitsOf(activation).floor == 0; }

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

template <class F>
static inline void applyToRows(float* c, int64_t pitch, int64_t rows, int64_t columns, const F& function) {
  for (int64_t i = 0; i < rows; i++) {
    float* row = c + i * pitch;
    int64_t j = 0;
    for (; j + kVecWidth <= columns; j += kVecWidth) store(row + j, function(load(row + j)));
    if (j < columns) storePartial(row + j, function(loadPartial(row + j, columns - j)), columns - j);
  }
}

// What limits do not do.
static inline void applyActivation(int32_t activation, float* c, int64_t pitch, int64_t rows, int64_t columns) {
  if (activation == kActivationSigmoid) {
    applyToRows(c, pitch, rows, columns, [](Vec x) { return sigmoid(x); });
  } else if (activation == kActivationTanh) {
    applyToRows(c, pitch, rows, columns, [](Vec x) { return tanh(x); });
  }
}

}  // namespace
}  // namespace ocellus
