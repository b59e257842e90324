// Local response normalization along the last axis. A row of squares stands between zeros, so that the sum around each
// channel is a sum of shifted vectors.
#include "../simd/math.h"
#include "common.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct LocalResponseAttrs {
  int32_t depthRadius;
  float bias, alpha, beta;
};
static_assert(sizeof(LocalResponseAttrs) == 16, "slots");

template <int inputs>
const char* checkLocalResponse(const KernelContext& context) {
  if (const char* wrong = checkEqualFloats(context, inputs, 1)) return wrong;
  if (context.outputs[0].rank < 1) return "expected at least one axis";
  return attrsOf<LocalResponseAttrs>(context).depthRadius >= 0 ? nullptr : "expected a radius of at least 0";
}

struct Rows {
  int64_t count, channels;
  int64_t radius;  // no wider than the row
};

Rows rowsOf(const KernelContext& context) {
  const TensorView& y = context.outputs[0];
  const int64_t channels = y.dims[y.rank - 1];
  return {channels ? y.size / channels : 0, channels,
          minOf(attrsOf<LocalResponseAttrs>(context).depthRadius, maxOf(0, channels - 1))};
}

// A row between zeros, and a row of divisors.
int64_t rowFloats(const Rows& rows) { return 2 * rows.channels + 2 * rows.radius; }

Workspace workspaceOfRows(const KernelContext& context) {
  return {0, rowFloats(rowsOf(context)) * static_cast<int64_t>(sizeof(float))};
}

// s^-beta; common powers by square roots.
static inline Vec inversePower(Vec s, float beta) {
  if (beta == 0.5f) return div(broadcast(1.0f), sqrt(s));
  if (beta == 0.75f) return div(broadcast(1.0f), mul(sqrt(s), sqrt(sqrt(s))));
  if (beta == 1.0f) return div(broadcast(1.0f), s);
  return exp(mul(broadcast(-beta), log(s)));
}

// The sum of the 2 radius + 1 values around channel c; `padded` begins with radius zeros.
template <class Lanes>
static inline Vec sumAround(const float* padded, int64_t c, int64_t radius, Lanes lanes) {
  Vec sum = load(padded + c, lanes);
  for (int64_t k = 1; k <= 2 * radius; k++) sum = add(sum, load(padded + c + k, lanes));
  return sum;
}

// body(row start, padded, divisors) for every row, with the divisors s of the row written.
template <class F>
void forDivisors(const KernelContext& context, int64_t bytes, const F& body) {
  const LocalResponseAttrs& attrs = attrsOf<LocalResponseAttrs>(context);
  const Rows rows = rowsOf(context);
  const float* x = f32(context.inputs[0]);
  const int64_t cost = (bytes + 4 * (2 * rows.radius + 1)) * maxOf(rows.channels, kVecWidth);
  parallelFor(context, rows.count, grainFor(cost), [&](int64_t begin, int64_t end, int32_t worker) {
    float* padded = reinterpret_cast<float*>(context.threadScratch + worker * context.threadScratchStride);
    float* divisors = padded + rows.channels + 2 * rows.radius;
    memset(padded, 0, static_cast<size_t>(rows.channels + 2 * rows.radius) * sizeof(float));
    for (int64_t row = begin; row < end; row++) {
      const int64_t at = row * rows.channels;
      forVectors(0, rows.channels, [&](int64_t c, auto lanes) {
        const Vec v = load(x + at + c, lanes);
        store(padded + rows.radius + c, mul(v, v), lanes);
      });
      forVectors(0, rows.channels, [&](int64_t c, auto lanes) {
        const Vec sum = sumAround(padded, c, rows.radius, lanes);
        store(divisors + c, fma(broadcast(attrs.alpha), sum, broadcast(attrs.bias)), lanes);
      });
      body(rows, at, padded, divisors);
    }
  });
}

void runForward(const KernelContext& context) {
  const float beta = attrsOf<LocalResponseAttrs>(context).beta;
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  forDivisors(context, 32, [&](const Rows& rows, int64_t at, float*, const float* divisors) {
    forVectors(0, rows.channels, [&](int64_t c, auto lanes) {
      store(y + at + c, mul(load(x + at + c, lanes), inversePower(load(divisors + c, lanes), beta)), lanes);
    });
  });
}

// dx = dy s^-beta - 2 alpha beta x (sum around of dy x s^(-beta - 1)).
void runGrad(const KernelContext& context) {
  const LocalResponseAttrs& attrs = attrsOf<LocalResponseAttrs>(context);
  const float *x = f32(context.inputs[0]), *dy = f32(context.inputs[1]);
  float* dx = f32(context.outputs[0]);
  const Vec factor = broadcast(-2.0f * attrs.alpha * attrs.beta);
  forDivisors(context, 64, [&](const Rows& rows, int64_t at, float* padded, float* divisors) {
    forVectors(0, rows.channels, [&](int64_t c, auto lanes) {
      const Vec s = load(divisors + c, lanes), power = inversePower(s, attrs.beta);
      const Vec product = mul(load(dy + at + c, lanes), load(x + at + c, lanes));
      store(padded + rows.radius + c, div(mul(product, power), s), lanes);
      store(divisors + c, power, lanes);
    });
    forVectors(0, rows.channels, [&](int64_t c, auto lanes) {
      const Vec inner = mul(mul(factor, load(x + at + c, lanes)), sumAround(padded, c, rows.radius, lanes));
      store(dx + at + c, fma(load(dy + at + c, lanes), load(divisors + c, lanes), inner), lanes);
    });
  });
}

const KernelEntry entries[] = {
    {"localResponseNorm(x) -> (y) {depthRadius:i, bias:f, alpha:f, beta:f}", sizeof(LocalResponseAttrs),
     checkLocalResponse<1>, workspaceOfRows, runForward},
    {"localResponseNormGrad(x, dy) -> (dx) {depthRadius:i, bias:f, alpha:f, beta:f}", sizeof(LocalResponseAttrs),
     checkLocalResponse<2>, workspaceOfRows, runGrad},
};

}  // namespace

extern const KernelFamily localResponseFamily;
const KernelFamily localResponseFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
