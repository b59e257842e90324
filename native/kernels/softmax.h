// Softmax of one row, stable (the maximum is subtracted); shared by the activation and the loss.
#pragma once

#include "../simd/math.h"
#include "common.h"

namespace ocellus {
namespace {

// Largest value of a row; NaN are left out (they come back through the exponentials).
static inline float rowMax(const float* x, int64_t length) {
  Vec best = broadcast(-__builtin_inff());
  int64_t i = 0;
  for (; i + kVecWidth <= length; i += kVecWidth) best = max(load(x + i), best);
  float largest = reduceMax(best);
  for (; i < length; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

// y = exp(x - shift); returns the sum. `keep` false only sums.
template <bool keep>
static inline float expRow(const float* x, float* y, float shift, int64_t length) {
  const Vec vshift = broadcast(shift);
  Vec sum = zero();
  int64_t i = 0;
  for (; i + kVecWidth <= length; i += kVecWidth) {
    const Vec e = exp(sub(load(x + i), vshift));
    if (keep) store(y + i, e);
    sum = add(sum, e);
  }
  if (i < length) {
    float lanes[kVecWidth];
    const Vec e = exp(sub(loadPartial(x + i, length - i), vshift));
    if (keep) storePartial(y + i, e, length - i);
    store(lanes, e);
    sum = add(sum, loadPartial(lanes, length - i));
  }
  return reduceAdd(sum);
}

static inline void scaleRow(float* y, float scale, int64_t length) {
  const Vec factor = broadcast(scale);
  forVectors(0, length, [&](int64_t i, auto lanes) { store(y + i, mul(load(y + i, lanes), factor), lanes); });
}

// ln of one number.
static inline float logOf(float x) {
  float lanes[kVecWidth];
  store(lanes, log(broadcast(x)));
  return lanes[0];
}

// Sum of a row; a partial vector adds zeros.
static inline float sumRow(const float* x, int64_t length) {
  Vec sum = zero();
  forVectors(0, length, [&](int64_t i, auto lanes) { sum = add(sum, load(x + i, lanes)); });
  return reduceAdd(sum);
}

}  // namespace
}  // namespace ocellus
