// exp, log, log1p, tanh and sigmoid of a Vec, to 2-3 units in the last place, with the limits of the C functions for
// NaN, infinities, zeros and denormals. Range reduction as in Cody and Waite, "Software Manual for the Elementary
// Functions" (1980); the polynomials are minimax fits (Remez) of the relative error, each below 6e-9.
#pragma once

#include "vec.h"

namespace ocellus {
namespace {

// ln 2 in two parts: the first has 9 bits, so that its product with an exponent is exact.
constexpr float kLn2High = 0.693359375f;
constexpr float kLn2Low = -2.12194440e-4f;

// 2^n for -127 < n < 128.
static inline Vec powerOfTwo(VecInt n) { return asFloat(shiftLeft<23>(add(n, broadcastInt(127)))); }

// e^x = 2^n e^r with |r| <= ln(2)/2. 2^n is applied in two steps: its halves are always normal numbers, the product may
// be denormal, zero or infinite. The clamps put x second, which keeps a NaN.
static inline Vec exp(Vec x) {
  x = max(broadcast(-105.0f), min(broadcast(89.0f), x));
  const Vec n = roundEven(mul(x, broadcast(1.44269504f)));
  Vec r = fma(n, broadcast(-kLn2High), x);
  r = fma(n, broadcast(-kLn2Low), r);
  Vec p = fma(broadcast(1.381431744e-3f), r, broadcast(8.368851036e-3f));
  p = fma(p, r, broadcast(4.166840113e-2f));
  p = fma(p, r, broadcast(1.666651952e-1f));
  p = fma(p, r, broadcast(4.999999337e-1f));
  p = fma(mul(p, r), r, r);
  const VecInt exponent = roundToInt(n);
  const VecInt half = sub(shiftRight<1>(add(exponent, broadcastInt(400))), broadcastInt(200));
  p = mul(add(p, broadcast(1.0f)), powerOfTwo(half));
  return mul(p, powerOfTwo(sub(exponent, half)));
}

// ln(2^e m) = e ln 2 + ln m with m in [sqrt(1/2), sqrt(2)).
static inline Vec log(Vec x) {
  const Vec tiny = broadcast(1.17549435e-38f);
  const VecMask denormal = lt(x, tiny);
  const Vec scaled = select(denormal, mul(x, broadcast(8388608.0f)), x);
  // Subtracting the bits of sqrt(1/2) makes the exponent field count from there.
  const VecInt bits = sub(asInt(scaled), broadcastInt(0x3f3504f3));
  const VecInt whole = sub(shiftRight<23>(add(bits, broadcastInt(0x40000000))), broadcastInt(128));
  const Vec m = asFloat(sub(asInt(scaled), shiftLeft<23>(whole)));
  const Vec e = sub(toFloat(whole), select(denormal, broadcast(23.0f), zero()));
  const Vec f = sub(m, broadcast(1.0f));
  Vec p = fma(broadcast(-7.634386204e-2f), f, broadcast(1.276542611e-1f));
  p = fma(p, f, broadcast(-1.316200385e-1f));
  p = fma(p, f, broadcast(1.420136891e-1f));
  p = fma(p, f, broadcast(-1.662314453e-1f));
  p = fma(p, f, broadcast(2.000123587e-1f));
  p = fma(p, f, broadcast(-2.500082677e-1f));
  p = fma(p, f, broadcast(3.333333168e-1f));
  const Vec square = mul(f, f);
  p = mul(mul(p, f), square);
  p = fma(e, broadcast(kLn2Low), p);
  p = fma(square, broadcast(-0.5f), p);
  Vec y = fma(e, broadcast(kLn2High), add(f, p));
  y = select(eq(x, broadcast(__builtin_inff())), x, y);
  y = select(eq(x, zero()), broadcast(-__builtin_inff()), y);
  return select(ge(x, zero()), y, broadcast(__builtin_nanf("")));
}

// ln(1 + x) = ln(w) + (what rounding took from w) / w, where w = 1 + x in floats.
static inline Vec log1p(Vec x) {
  const Vec w = add(broadcast(1.0f), x);
  const Vec lost = sub(x, sub(w, broadcast(1.0f)));
  const VecMask exact = maskOr(eq(w, x), eq(w, zero()));
  return add(log(w), select(exact, zero(), div(lost, w)));
}

// An odd polynomial near zero, where 1 - 2 / (e^2x + 1) would cancel.
static inline Vec tanh(Vec x) {
  const Vec magnitude = abs(x);
  const Vec square = mul(x, x);
  Vec p = fma(broadcast(-5.717045068e-3f), square, broadcast(2.065058713e-2f));
  p = fma(p, square, broadcast(-5.374349794e-2f));
  p = fma(p, square, broadcast(1.333149128e-1f));
  p = fma(p, square, broadcast(-3.333328393e-1f));
  p = fma(mul(p, square), x, x);
  const Vec e = exp(add(magnitude, magnitude));
  const Vec far = sub(broadcast(1.0f), div(broadcast(2.0f), add(e, broadcast(1.0f))));
  const VecInt sign = bitAnd(asInt(x), broadcastInt(INT32_MIN));
  return asFloat(bitOr(asInt(select(lt(magnitude, broadcast(0.625f)), p, far)), sign));
}

// e^-|x| never overflows, and 1 / (1 + e^x) for negative x would lose the small values.
static inline Vec sigmoid(Vec x) {
  const Vec e = exp(negate(abs(x)));
  const Vec upper = div(broadcast(1.0f), add(broadcast(1.0f), e));
  return select(lt(x, zero()), mul(e, upper), upper);
}

}  // namespace
}  // namespace ocellus
