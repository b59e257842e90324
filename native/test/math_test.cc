// simd/math.h against the C library in double: every 1009th float of the whole range, and the special values.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "simd/math.h"

using namespace ocellus;

namespace {

using VecFunction = Vec (*)(Vec);

float apply(VecFunction function, float x) {
  float lanes[kVecWidth];
  store(lanes, function(broadcast(x)));
  for (int i = 1; i < kVecWidth; i++)
    if (memcmp(&lanes[i], &lanes[0], sizeof(float)) != 0) check(false, "all lanes equal");
  return lanes[0];
}

// Distance in units of the last place of the correct result; denormal results count in units of the smallest number.
double unitsOff(float got, double want) {
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : 1e9;
  const float nearest = (float)want;
  if (isinf(nearest) || isinf(got)) return nearest == got ? 0 : 1e9;
  int exponent;
  frexp(want, &exponent);
  return fabs(got - want) / ldexp(1.0, exponent - 24 < -149 ? -149 : exponent - 24);
}

void compare(const char* name, VecFunction function, double (*reference)(double), double allowed) {
  double worst = 0;
  float where = 0;
  for (uint64_t bits = 0; bits < (1ull << 32); bits += 1009) {
    const uint32_t word = (uint32_t)bits;
    float x;
    memcpy(&x, &word, sizeof x);
    const double off = unitsOff(apply(function, x), reference((double)x));
    if (off > worst) worst = off, where = x;
  }
  const float special[] = {0.0f,        -0.0f,       1.0f,    -1.0f,           INFINITY,      -INFINITY,
                           (float)NAN,  1e-45f,      -1e-45f, 1.17549435e-38f, 3.4028235e38f, -3.4028235e38f,
                           88.7228f,    88.7229f,    88.73f,  -87.33f,         -87.34f,       -103.97f,
                           -103.98f,    -104.0f,     0.625f,  -0.625f,         0.70710678f,   0.70710677f,
                           1.41421354f, 1.41421366f, 10.05f,  10.06f,          14.17f,        14.2f,
                           11.0f,       15.0f,       -10.05f, 0.99999994f};
  for (float x : special) {
    const double off = unitsOff(apply(function, x), reference((double)x));
    if (off > worst) worst = off, where = x;
  }
  char text[128];
  snprintf(text, sizeof text, "%s within %g units in the last place (worst %.2f at %.9g)", name, allowed, worst, where);
  check(worst <= allowed, text);
}

double logistic(double x) { return 1 / (1 + ::exp(-x)); }
double normal(double x) { return 0.5 * ::erfc(-x * sqrt(0.5)); }

}  // namespace

int main() {
  compare("exp", ocellus::exp, ::exp, 2);
  compare("log", ocellus::log, ::log, 2);
  compare("log1p", ocellus::log1p, ::log1p, 3);
  compare("tanh", ocellus::tanh, ::tanh, 3);
  compare("sigmoid", ocellus::sigmoid, logistic, 3);
  compare("expm1", ocellus::expm1, ::expm1, 3);
  compare("erf", ocellus::erf, ::erf, 3);
  compare("erfc", ocellus::erfc, ::erfc, 6);
  compare("normalCdf", ocellus::normalCdf, normal, 6);
  check(signbit(apply(ocellus::tanh, -0.0f)), "tanh keeps the sign of zero");
  return finish();
}
