// Every function of simd/vec.h and simd/narrow.h against plain loops, for the instruction set this file is compiled
// for.
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "simd/narrow.h"

using namespace ocellus;

namespace {

constexpr int kW = kVecWidth;
const float kValues[] = {0.0f,  -0.0f, 1.0f,  -1.5f,    2.5f,   3.5f,     -2.5f,     0.5f,       1e-30f, -1e30f,
                         7.25f, 1e6f,  -4e6f, 123.456f, -0.49f, INFINITY, -INFINITY, (float)NAN, 4.5f,   -3.5f};
constexpr int kValueCount = sizeof kValues / sizeof kValues[0];

bool same(float a, float b) { return a == b || (isnan(a) && isnan(b)); }

template <class F, class G>
void binary(const char* name, F vector, G scalar) {
  bool ok = true;
  for (int s = 0; s < kValueCount; s++) {
    float a[kW], b[kW], c[kW];
    for (int i = 0; i < kW; i++) a[i] = kValues[(i + s) % kValueCount], b[i] = kValues[(i * 7 + s * 3) % kValueCount];
    store(c, vector(load(a), load(b)));
    for (int i = 0; i < kW; i++) ok &= same(c[i], scalar(a[i], b[i]));
  }
  check(ok, name);
}

template <class F, class G>
void unary(const char* name, F vector, G scalar) {
  binary(name, [&](Vec a, Vec) { return vector(a); }, [&](float a, float) { return scalar(a); });
}

template <class F, class G>
void comparison(const char* name, F vector, G scalar) {
  binary(
      name, [&](Vec a, Vec b) { return select(vector(a, b), broadcast(1), broadcast(2)); },
      [&](float a, float b) { return scalar(a, b) ? 1.0f : 2.0f; });
}

void memory() {
  bool ok = true;
  for (int n = 1; n <= kW; n++) {
    // Exactly n floats on the heap: a sanitizer sees any lane too many.
    float* p = static_cast<float*>(malloc(sizeof(float) * n));
    int32_t* q = static_cast<int32_t*>(malloc(sizeof(int32_t) * n));
    for (int i = 0; i < n; i++) p[i] = (float)i + 1, q[i] = i + 1;
    float all[kW];
    int32_t allInt[kW];
    store(all, loadPartial(p, n));
    storeInt(allInt, loadIntPartial(q, n));
    for (int i = 0; i < kW; i++) ok &= all[i] == (i < n ? i + 1 : 0) && allInt[i] == (i < n ? i + 1 : 0);
    storePartial(p, broadcast(9), n);
    storeIntPartial(q, broadcastInt(9), n);
    for (int i = 0; i < n; i++) ok &= p[i] == 9 && q[i] == 9;
    free(p);
    free(q);
  }
  check(ok, "partial loads and stores");
  alignas(64) float lanes[kW];
  stream(lanes, broadcast(3));
  streamFence();
  check(lanes[0] == 3 && lanes[kW - 1] == 3, "stream");
}

void integers() {
  bool ok = true;
  int32_t a[kW], b[kW], r[kW];
  for (int i = 0; i < kW; i++) a[i] = (int32_t)(0x9e3779b9u * (unsigned)(i + 1)), b[i] = 77 - 13 * i;
  const VecInt x = loadInt(a), y = loadInt(b);
  auto each = [&](VecInt v, auto f) {
    storeInt(r, v);
    for (int i = 0; i < kW; i++) ok &= (uint32_t)r[i] == f((uint32_t)a[i], (uint32_t)b[i]);
  };
  each(add(x, y), [](uint32_t p, uint32_t q) { return p + q; });
  each(sub(x, y), [](uint32_t p, uint32_t q) { return p - q; });
  each(mul(x, y), [](uint32_t p, uint32_t q) { return p * q; });
  each(bitAnd(x, y), [](uint32_t p, uint32_t q) { return p & q; });
  each(bitOr(x, y), [](uint32_t p, uint32_t q) { return p | q; });
  each(bitXor(x, y), [](uint32_t p, uint32_t q) { return p ^ q; });
  each(shiftLeft<23>(x), [](uint32_t p, uint32_t) { return p << 23; });
  each(shiftRight<9>(x), [](uint32_t p, uint32_t) { return p >> 9; });
  each(select(gt(x, y), x, y), [](uint32_t p, uint32_t q) { return (int32_t)p > (int32_t)q ? p : q; });
  each(select(eq(x, x), y, x), [](uint32_t, uint32_t q) { return q; });
  each(asInt(asFloat(x)), [](uint32_t p, uint32_t) { return p; });
  check(ok, "integers");
  ok = true;
  const float values[] = {0.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.51f, 100.49f, 4194304.0f, -4194304.0f, -4194303.5f};
  for (float v : values) {
    storeInt(r, roundToInt(broadcast(v)));
    float back[kW];
    store(back, toFloat(roundToInt(broadcast(v))));
    ok &= r[0] == (int32_t)nearbyintf(v) && r[kW - 1] == r[0] && back[kW - 1] == nearbyintf(v);
  }
  check(ok, "roundToInt and toFloat");
}

void reductions() {
  float a[kW];
  float sum = 0, high = -INFINITY, low = INFINITY;
  for (int i = 0; i < kW; i++) {
    a[i] = (float)((i * 5) % kW) - 2;
    sum += a[i];
    high = fmaxf(high, a[i]);
    low = fminf(low, a[i]);
  }
  check(reduceAdd(load(a)) == sum, "reduceAdd");
  check(reduceMax(load(a)) == high, "reduceMax");
  check(reduceMin(load(a)) == low, "reduceMin");
}

void transposition() {
  Vec rows[kW];
  for (int i = 0; i < kW; i++) {
    float a[kW];
    for (int j = 0; j < kW; j++) a[j] = (float)(i * kW + j);
    rows[i] = load(a);
  }
  transpose(rows);
  bool ok = true;
  for (int i = 0; i < kW; i++) {
    float a[kW];
    store(a, rows[i]);
    for (int j = 0; j < kW; j++) ok &= a[j] == (float)(j * kW + i);
  }
  check(ok, "transpose");
}

template <int n>
void narrow() {
  float a[2 * kW], b[2 * kW];
  bool ok = true;
  for (int i = 0; i < 2 * kW; i++) a[i] = (float)(i + 1);
  for (int lanes = 1; lanes <= n; lanes++) {
    store(b, loadNarrow<n>(a, lanes));
    for (int i = 0; i < kW; i++) ok &= b[i] == (i < lanes ? a[i] : 0);
  }
  store(b, loadNarrow<n>(a));
  for (int i = 0; i < n; i++) ok &= b[i] == a[i];
  check(ok, "loadNarrow");
  for (float& x : b) x = 0;
  storeNarrow<n>(b, load(a));
  for (int i = 0; i < 2 * kW; i++) ok &= i < n ? b[i] == a[i] : i < kW ? b[i] == a[i] || b[i] == 0 : b[i] == 0;
  check(ok, "storeNarrow");
  Vec few[kW], all[kW];
  for (int i = 0; i < kW; i++) {
    all[i] = add(broadcast((float)(100 * i)), load(a));
    few[i] = i < n ? all[i] : zero();
  }
  transposeFrom<n>(few);
  transposeTo<n>(all);
  for (int i = 0; i < kW; i++) {
    store(b, few[i]);
    for (int j = 0; j < n; j++) ok &= b[j] == (float)(100 * j + i + 1);
    store(b, all[i]);
    for (int j = 0; j < kW && i < n; j++) ok &= b[j] == (float)(100 * j + i + 1);
  }
  check(ok, "transposeFrom and transposeTo");
}

}  // namespace

int main() {
  memory();
  binary("add", [](Vec a, Vec b) { return add(a, b); }, [](float a, float b) { return a + b; });
  binary("sub", [](Vec a, Vec b) { return sub(a, b); }, [](float a, float b) { return a - b; });
  binary("mul", [](Vec a, Vec b) { return mul(a, b); }, [](float a, float b) { return a * b; });
  binary("div", [](Vec a, Vec b) { return div(a, b); }, [](float a, float b) { return a / b; });
  binary("min", [](Vec a, Vec b) { return min(a, b); }, [](float a, float b) { return a < b ? a : b; });
  binary("max", [](Vec a, Vec b) { return max(a, b); }, [](float a, float b) { return a > b ? a : b; });
  binary("fma", [](Vec a, Vec b) { return fma(a, broadcast(2), b); }, [](float a, float b) { return a * 2 + b; });
  unary("negate", [](Vec a) { return negate(a); }, [](float a) { return -a; });
  unary("abs", [](Vec a) { return abs(a); }, [](float a) { return fabsf(a); });
  unary("sqrt", [](Vec a) { return sqrt(a); }, [](float a) { return sqrtf(a); });
  unary("roundEven", [](Vec a) { return roundEven(a); }, [](float a) { return nearbyintf(a); });
  comparison("lt", [](Vec a, Vec b) { return lt(a, b); }, [](float a, float b) { return a < b; });
  comparison("le", [](Vec a, Vec b) { return le(a, b); }, [](float a, float b) { return a <= b; });
  comparison("gt", [](Vec a, Vec b) { return gt(a, b); }, [](float a, float b) { return a > b; });
  comparison("ge", [](Vec a, Vec b) { return ge(a, b); }, [](float a, float b) { return a >= b; });
  comparison("eq", [](Vec a, Vec b) { return eq(a, b); }, [](float a, float b) { return a == b; });
  comparison("isNan", [](Vec a, Vec) { return isNan(a); }, [](float a, float) { return a != a; });
  comparison(
      "masks", [](Vec a, Vec b) { return maskOr(maskAnd(lt(a, b), maskNot(isNan(a))), isNan(b)); },
      [](float a, float b) { return a < b || b != b; });
  check(anyOf(lt(zero(), broadcast(1))) && !anyOf(lt(broadcast(1), zero())), "anyOf");
  integers();
  reductions();
  transposition();
  for (int lanes = 1; lanes <= kW; lanes++) {
    withNarrow(lanes, [&](auto most) {
      constexpr int kMost = decltype(most)::kMost;
      check(lanes <= kMost && kMost <= kW, "withNarrow");
      narrow<kMost>();
    });
  }
  return finish();
}
