// One-dimensional Winograd transforms F(tile, kernel), for correlation, by Cook-Toom interpolation at the points 0,
// +-p for each p of a list, and infinity (Winograd 1980; Lavin & Gray 2016). Two points (5/8, 3/2) serve F(4, 3) and
// F(2, 5): with them a float32 result is about twice as exact as with the usual 1 and 2. Three (1, 2, 1/2) serve F(6,
// 3).
//
// With B' (input), G (filter) and A' (output) as matrices: y = A' [(G g) * (B' d)]. Rows of a +-p pair of B' differ in
// the sign of their odd part, and so do the columns of A': that halves the work.
#pragma once

#include "../simd/vec.h"

namespace ocellus {
namespace {

#define OCELLUS_UNROLL _Pragma("GCC unroll 16")
#define OCELLUS_INLINE static inline __attribute__((always_inline))

template <int kTile, int kKernel>
struct WinogradScheme {
  static constexpr int tile = kTile;
  static constexpr int kernel = kKernel;
  static constexpr int alpha = kTile + kKernel - 1;
  static constexpr int pairs = alpha / 2 - 1;
  static_assert(pairs == 2 || pairs == 3, "points are given for tiles of 6 and 8");

  static constexpr char name[] = {'w', 'i', 'n', 'o',         'g', 'r',           'a', 'd',
                                  ' ', 'F', '(', '0' + kTile, ',', '0' + kKernel, ')', '\0'};

  static constexpr double point(int pair) {
    return pairs == 2 ? (pair == 0 ? 0.625 : 1.5) : (pair == 0 ? 1.0 : pair == 1 ? 2.0 : 0.5);
  }

  static constexpr double power(double base, int exponent) {
    return exponent == 0 ? 1.0 : base * power(base, exponent - 1);
  }

  // Coefficient of t^degree in the product of (t - p^2) over all pairs but `skip` (-1: over all).
  static constexpr double coefficient(int degree, int skip, int pair = 0) {
    if (pair == pairs) return degree == 0 ? 1.0 : 0.0;
    if (pair == skip) return coefficient(degree, skip, pair + 1);
    const double higher = degree > 0 ? coefficient(degree - 1, skip, pair + 1) : 0.0;
    return higher - point(pair) * point(pair) * coefficient(degree, skip, pair + 1);
  }

  // G[row][k]. Rows: 0, +p0, -p0, +p1, -p1, ..., infinity.
  static constexpr double filterMatrix(int row, int k) {
    if (row == alpha - 1) return k == kKernel - 1 ? 1.0 : 0.0;
    if (row == 0) return k == 0 ? 1.0 / coefficient(0, -1) : 0.0;
    const int pair = (row - 1) / 2;
    const double p = row % 2 == 1 ? point(pair) : -point(pair);
    double divisor = 2.0 * p * p;
    for (int other = 0; other < pairs; other++)
      if (other != pair) divisor *= p * p - point(other) * point(other);
    return power(p, k) / divisor;
  }

  // The matrices as floats, so that unrolled loops read constants.
  struct Constants {
    float point[pairs];
    float all[pairs];           // coefficient(degree, -1)
    float other[pairs][pairs];  // coefficient(degree, pair)
    float power[pairs][kTile];  // point(pair) to the j
    float filter[alpha][kKernel];
  };
  static constexpr Constants makeConstants() {
    Constants c{};
    for (int pair = 0; pair < pairs; pair++) {
      c.point[pair] = static_cast<float>(point(pair));
      c.all[pair] = static_cast<float>(coefficient(pair, -1));
      for (int degree = 0; degree < pairs; degree++)
        c.other[pair][degree] = static_cast<float>(coefficient(degree, pair));
      for (int j = 0; j < kTile; j++) c.power[pair][j] = static_cast<float>(power(point(pair), j));
    }
    for (int row = 0; row < alpha; row++)
      for (int k = 0; k < kKernel; k++) c.filter[row][k] = static_cast<float>(filterMatrix(row, k));
    return c;
  }
  static constexpr Constants constants = makeConstants();

  // o = B' d, alpha values each.
  OCELLUS_INLINE void input(const Vec* d, Vec* o) {
    o[0] = d[alpha - 2];
    o[alpha - 1] = d[alpha - 1];
    OCELLUS_UNROLL
    for (int degree = 0; degree < pairs; degree++) {
      const Vec c = broadcast(constants.all[degree]);
      o[0] = fma(c, d[2 * degree], o[0]);
      o[alpha - 1] = fma(c, d[2 * degree + 1], o[alpha - 1]);
    }
    OCELLUS_UNROLL
    for (int pair = 0; pair < pairs; pair++) {
      Vec even = d[alpha - 2], odd = d[alpha - 3];
      OCELLUS_UNROLL
      for (int degree = 0; degree < pairs - 1; degree++) {
        const Vec c = broadcast(constants.other[pair][degree]);
        even = fma(c, d[2 * degree + 2], even);
        odd = fma(c, d[2 * degree + 1], odd);
      }
      const Vec p = broadcast(constants.point[pair]);
      o[2 * pair + 1] = fma(p, odd, even);
      o[2 * pair + 2] = fma(negate(p), odd, even);
    }
  }

  // y = A' m: alpha values in, tile values out.
  OCELLUS_INLINE void output(const Vec* m, Vec* y) {
    Vec sum[pairs], difference[pairs];
    OCELLUS_UNROLL
    for (int pair = 0; pair < pairs; pair++) {
      sum[pair] = add(m[2 * pair + 1], m[2 * pair + 2]);
      difference[pair] = sub(m[2 * pair + 1], m[2 * pair + 2]);
    }
    OCELLUS_UNROLL
    for (int j = 0; j < kTile; j++) {
      Vec value = j == 0 ? m[0] : j == kTile - 1 ? m[alpha - 1] : zero();
      OCELLUS_UNROLL
      for (int pair = 0; pair < pairs; pair++) {
        const Vec c = broadcast(constants.power[pair][j]);
        value = fma(c, j % 2 == 0 ? sum[pair] : difference[pair], value);
      }
      y[j] = value;
    }
  }

  // o = A y: tile values in, alpha values out (the output transform of the gradient).
  OCELLUS_INLINE void outputTransposed(const Vec* y, Vec* o) {
    o[0] = y[0];
    o[alpha - 1] = y[kTile - 1];
    OCELLUS_UNROLL
    for (int pair = 0; pair < pairs; pair++) {
      Vec even = y[0], odd = zero();
      OCELLUS_UNROLL
      for (int j = 1; j < kTile; j++) {
        const Vec c = broadcast(constants.power[pair][j]);
        if (j % 2 == 0) {
          even = fma(c, y[j], even);
        } else {
          odd = fma(c, y[j], odd);
        }
      }
      o[2 * pair + 1] = add(even, odd);
      o[2 * pair + 2] = sub(even, odd);
    }
  }

  // o = G g: kernel values in, alpha values out.
  OCELLUS_INLINE void filter(const Vec* g, Vec* o) {
    OCELLUS_UNROLL
    for (int row = 0; row < alpha; row++) {
      Vec value = mul(broadcast(constants.filter[row][0]), g[0]);
      OCELLUS_UNROLL
      for (int k = 1; k < kKernel; k++) value = fma(broadcast(constants.filter[row][k]), g[k], value);
      o[row] = value;
    }
  }

  // g = G' u: alpha values in, kernel values out (the gradient's way back to the filter).
  OCELLUS_INLINE void filterTransposed(const Vec* u, Vec* g) {
    OCELLUS_UNROLL
    for (int k = 0; k < kKernel; k++) {
      Vec value = mul(broadcast(constants.filter[0][k]), u[0]);
      OCELLUS_UNROLL
      for (int row = 1; row < alpha; row++) value = fma(broadcast(constants.filter[row][k]), u[row], value);
      g[k] = value;
    }
  }
};

}  // namespace
}  // namespace ocellus
