// exp, expm1, log, log1p, tanh, sigmoid and erf of a Vec, to 2-3 units in the last place, erfc and the normal
// distribution function to 6, with the limits of the C functions for NaN, infinities, zeros and denormals. Range
// reduction as in Cody and Waite, "Software Manual for the Elementary Functions" (1980); the polynomials are minimax
// fits (Remez) of the relative error, each below 6e-9.
#pragma once

#include "vec.h"

namespace ocellus {
namespace {

// ln 2 in two parts: the first has 9 bits, so that its product with an exponent is exact.
constexpr float kLn2High = 0.693359375f;
constexpr float kLn2Low = -2.12194440e-4f;

// 2^n for -127 < n < 128.
static inline Vec powerOfTwo(VecInt n) { return asFloat(shiftLeft<23>(add(n, broadcastInt(127)))); }

// r = x - n ln(2) for whole n, |r| <= ln(2)/2.
static inline Vec reduceExp(Vec x, Vec& n) {
  n = roundEven(mul(x, broadcast(1.44269504f)));
  return fma(n, broadcast(-kLn2Low), fma(n, broadcast(-kLn2High), x));
}

// e^r - 1 for |r| <= ln(2)/2.
static inline Vec expm1Near(Vec r) {
  Vec p = fma(broadcast(1.381431744e-3f), r, broadcast(8.368851036e-3f));
  p = fma(p, r, broadcast(4.166840113e-2f));
  p = fma(p, r, broadcast(1.666651952e-1f));
  p = fma(p, r, broadcast(4.999999337e-1f));
  return fma(mul(p, r), r, r);
}

// p 2^n in two steps: the halves of 2^n are always normal numbers, the product may be denormal, zero or infinite.
static inline Vec scaleByPower(Vec p, VecInt n) {
  const VecInt half = sub(shiftRight<1>(add(n, broadcastInt(400))), broadcastInt(200));
  return mul(mul(p, powerOfTwo(half)), powerOfTwo(sub(n, half)));
}

// e^x = 2^n e^r. The clamps put x second, which keeps a NaN.
static inline Vec exp(Vec x) {
  Vec n;
  const Vec r = reduceExp(max(broadcast(-105.0f), min(broadcast(89.0f), x)), n);
  return scaleByPower(add(expm1Near(r), broadcast(1.0f)), roundToInt(n));
}

// e^x - 1 = 2^n ((e^r - 1) + (1 - 2^-n)), where the sum in brackets does not cancel.
static inline Vec expm1(Vec x) {
  Vec n;
  const Vec r = reduceExp(max(broadcast(-25.0f), min(broadcast(89.0f), x)), n);
  const VecInt whole = roundToInt(n);
  const Vec shift = sub(broadcast(1.0f), powerOfTwo(roundToInt(negate(min(broadcast(126.0f), n)))));
  return scaleByPower(add(expm1Near(r), shift), whole);
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

// e^(-f a^2) for f of 1 or 1/2 and 0 <= a. The square of the first 12 bits of a is exact; what it lacks is added to the
// reduced argument, or the rounding of a^2 would be a relative error of the result.
template <bool halved>
static inline Vec squareExp(Vec a) {
  const Vec scale = broadcast(halved ? -0.5f : -1.0f);
  // Far out the result is 0, and the squares stay finite.
  const Vec limited = min(broadcast(halved ? 15.0f : 11.0f), a);
  const Vec high = asFloat(bitAnd(add(asInt(limited), broadcastInt(0x800)), broadcastInt(~0xfff)));
  const Vec rest = mul(mul(sub(limited, high), add(limited, high)), scale);
  Vec n;
  const Vec r = reduceExp(mul(mul(high, high), scale), n);
  return scaleByPower(add(expm1Near(add(r, rest)), broadcast(1.0f)), roundToInt(n));
}
static inline Vec halfSquareExp(Vec a) { return squareExp<true>(a); }

// e^(t^2) erfc(t) for 0 <= t <= 11, by a polynomial in (t - 3) / (t + 3) over 1 + 2t (fit below 2e-9).
static inline Vec scaledErfc(Vec t) {
  const Vec q = div(sub(t, broadcast(3.0f)), add(t, broadcast(3.0f)));
  Vec p = fma(broadcast(-2.671785447e-4f), q, broadcast(-7.751160054e-4f));
  p = fma(p, q, broadcast(2.003352694e-3f));
  p = fma(p, q, broadcast(2.56655947e-3f));
  p = fma(p, q, broadcast(-2.379853895e-2f));
  p = fma(p, q, broadcast(6.829575056e-2f));
  p = fma(p, q, broadcast(-1.192707953e-1f));
  p = fma(p, q, broadcast(1.296464336e-1f));
  p = fma(p, q, broadcast(-4.756240967e-2f));
  p = fma(p, q, broadcast(-1.356211401e-1f));
  p = fma(p, q, broadcast(1.253008059f));
  return div(p, fma(broadcast(2.0f), t, broadcast(1.0f)));
}

// 1 - erf(x), accurate where it is small.
static inline Vec erfc(Vec x) {
  const Vec magnitude = min(broadcast(11.0f), abs(x));
  const Vec tail = mul(squareExp<false>(magnitude), scaledErfc(magnitude));
  return select(lt(x, zero()), sub(broadcast(2.0f), tail), tail);
}

// An odd polynomial up to 1, where 1 - erfc would cancel.
static inline Vec erf(Vec x) {
  const Vec magnitude = abs(x), square = mul(x, x);
  Vec p = fma(broadcast(7.88912314e-5f), square, broadcast(-8.02084236e-4f));
  p = fma(p, square, broadcast(5.189535461e-3f));
  p = fma(p, square, broadcast(-2.685444465e-2f));
  p = fma(p, square, broadcast(1.128360018e-1f));
  p = fma(p, square, broadcast(-3.761262714e-1f));
  p = mul(fma(p, square, broadcast(1.128379166f)), x);
  const Vec far = sub(broadcast(1.0f), erfc(magnitude));
  const VecInt sign = bitAnd(asInt(x), broadcastInt(INT32_MIN));
  return asFloat(bitOr(asInt(select(lt(magnitude, broadcast(1.0f)), p, far)), sign));
}

// The normal distribution function, and the same where e^(-x^2/2) is at hand.
static inline Vec normalCdf(Vec x, Vec bell) {
  const Vec magnitude = min(broadcast(11.0f), mul(abs(x), broadcast(0.707106781f)));
  const Vec tail = mul(mul(broadcast(0.5f), bell), scaledErfc(magnitude));
  return select(lt(x, zero()), tail, sub(broadcast(1.0f), tail));
}
static inline Vec normalCdf(Vec x) { return normalCdf(x, halfSquareExp(abs(x))); }

}  // namespace
}  // namespace ocellus
