// Pooling kernels against plain loops in double: windows that overlap, leave gaps, hang over the edge; few and many
// channels; NaN and infinities; plans that must not run.
#include "ops.h"

namespace ocellus {
namespace OCELLUS_ISA {
extern const KernelFamily poolingFamily;
}
}  // namespace ocellus

namespace {

const KernelFamily& family = ocellus::OCELLUS_ISA::poolingFamily;

struct Case {
  int64_t n, h, w, c;
  int64_t pool[2], stride[2], pad[4];
  int64_t out(int axis) const {
    return ((axis ? w : h) + pad[2 * axis] + pad[2 * axis + 1] - pool[axis]) / stride[axis] + 1;
  }
  Attrs window() const {
    Attrs attrs;
    attrs.i(pool[0]).i(pool[1]).i(stride[0]).i(stride[1]);
    for (int64_t side : pad) attrs.i(side);
    return attrs;
  }
  std::string name() const {
    char text[160];
    snprintf(text, sizeof text, "%dx%dx%dx%d pool %dx%d stride %dx%d padding %d,%d,%d,%d", (int)n, (int)h, (int)w,
             (int)c, (int)pool[0], (int)pool[1], (int)stride[0], (int)stride[1], (int)pad[0], (int)pad[1], (int)pad[2],
             (int)pad[3]);
    return text;
  }
};

Attrs sized(const Case& c) {
  Attrs attrs;
  attrs.i(c.h).i(c.w);
  for (int32_t word : c.window().words) attrs.i(word);
  return attrs;
}

// visit(pooled position, input position, index in the window, real cells of the window)
template <class F>
void cells(const Case& c, const F& visit) {
  for (int64_t n = 0; n < c.n; n++)
    for (int64_t oy = 0; oy < c.out(0); oy++)
      for (int64_t ox = 0; ox < c.out(1); ox++)
        for (int64_t ch = 0; ch < c.c; ch++) {
          int64_t real = 0;
          for (int pass = 0; pass < 2; pass++)
            for (int64_t ky = 0; ky < c.pool[0]; ky++)
              for (int64_t kx = 0; kx < c.pool[1]; kx++) {
                const int64_t y = oy * c.stride[0] - c.pad[0] + ky, x = ox * c.stride[1] - c.pad[2] + kx;
                if (y < 0 || y >= c.h || x < 0 || x >= c.w) continue;
                if (pass == 0) {
                  real++;
                } else {
                  visit(((n * c.out(0) + oy) * c.out(1) + ox) * c.c + ch, ((n * c.h + y) * c.w + x) * c.c + ch,
                        ky * c.pool[1] + kx, real);
                }
              }
        }
}

void maximum(Random& source, const Case& c, bool special) {
  const DType type = c.pool[0] * c.pool[1] <= 256 ? ocellus::kUint8 : ocellus::kInt32;
  const Shape pooled = {c.n, c.out(0), c.out(1), c.c};
  Tensor x = random(source, {c.n, c.h, c.w, c.c});
  if (special)
    for (double& value : x.values) {
      const int64_t dice = source.below(6);
      if (dice == 0) value = NAN;
      if (dice == 1) value = -INFINITY;
      if (dice == 2) value = INFINITY;
      if (dice == 3) value = 0.5;
    }
  std::vector<Tensor> got = {empty(pooled), empty(pooled, type)};
  if (!run(family, "maxPool2d", {x}, got, c.window())) return;
  std::vector<double> y(got[0].values.size()), index(y.size(), -1);
  cells(c, [&](int64_t o, int64_t i, int64_t k, int64_t) {
    if (index[o] >= 0 && !(x[i] > y[o] || (std::isnan(x[i]) && !std::isnan(y[o])))) return;
    y[o] = x[i];
    index[o] = static_cast<double>(k);
  });
  close(got[0], y, 0, "maxPool2d " + c.name());
  close(got[1], index, 0, "maxPool2d indices " + c.name());

  const Tensor dy = random(source, pooled);
  std::vector<Tensor> dx = {empty(x.shape)};
  if (!run(family, "maxPool2dGrad", {got[1], dy}, dx, sized(c))) return;
  std::vector<double> want(x.values.size());
  cells(c, [&](int64_t o, int64_t i, int64_t k, int64_t) {
    if (index[o] == static_cast<double>(k)) want[i] += dy[o];
  });
  close(dx[0], want, 5e-6, "maxPool2dGrad " + c.name());
}

void average(Random& source, const Case& c, int64_t includePad) {
  const Shape pooled = {c.n, c.out(0), c.out(1), c.c};
  const Tensor x = random(source, {c.n, c.h, c.w, c.c}), dy = random(source, pooled);
  std::vector<Tensor> y = {empty(pooled)}, dx = {empty(x.shape)};
  std::vector<double> wantY(dy.values.size()), wantX(x.values.size());
  cells(c, [&](int64_t o, int64_t i, int64_t, int64_t real) {
    const double count = static_cast<double>(includePad ? c.pool[0] * c.pool[1] : real);
    wantY[o] += x[i] / count;
    wantX[i] += dy[o] / count;
  });
  Attrs attrs = c.window(), gradAttrs = sized(c);
  if (run(family, "averagePool2d", {x}, y, attrs.i(includePad))) close(y[0], wantY, 1e-6, "averagePool2d " + c.name());
  if (run(family, "averagePool2dGrad", {dy}, dx, gradAttrs.i(includePad)))
    close(dx[0], wantX, 1e-6, "averagePool2dGrad " + c.name());
}

// Few and many channels, rows of several vectors, windows that overlap, touch or leave gaps.
Case anyCase(Random& source) {
  static const int64_t channels[] = {1, 2, 3, 5, 6, 8, 12, 16, 17, 24};
  Case c = {};
  do {
    c.n = 1 + source.below(3);
    c.h = 1 + source.below(7);
    c.w = 1 + source.below(40);
    c.c = channels[source.below(10)];
    const int64_t side = 1 + source.below(4);
    for (int axis = 0; axis < 2; axis++) {
      c.pool[axis] = source.below(3) > 0 ? side : 1 + source.below(4);
      c.stride[axis] = source.below(2) > 0 ? c.pool[axis] : 1 + source.below(5);
      for (int64_t* pad = c.pad + 2 * axis; pad < c.pad + 2 * axis + 2; pad++)
        *pad = source.below(2) * source.below(c.pool[axis]);
    }
  } while (c.h + c.pad[0] + c.pad[1] < c.pool[0] || c.w + c.pad[2] + c.pad[3] < c.pool[1]);
  return c;
}

void hostile() {
  const Case c = {1, 4, 4, 3, {2, 2}, {2, 2}, {0, 0, 0, 0}};
  const Tensor x = empty({1, 4, 4, 3}), y = empty({1, 2, 2, 3}), bytes = empty({1, 2, 2, 3}, ocellus::kUint8);
  check(verdict(family, "maxPool2d", {x}, {y, bytes}, c.window()) == nullptr, "maxPool2d accepts what fits");
  rejects(family, "maxPool2d", {x}, {empty({1, 3, 2, 3}), empty({1, 3, 2, 3}, ocellus::kUint8)}, c.window(), "a size");
  rejects(family, "maxPool2d", {x}, {y, empty({1, 2, 2, 3}, ocellus::kInt32)}, c.window(), "wide indices");
  rejects(family, "maxPool2d", {x}, {y, empty({1, 2, 2, 2}, ocellus::kUint8)}, c.window(), "few indices");
  rejects(family, "maxPool2d", {empty({4, 4, 3})}, {y, bytes}, c.window(), "rank 3");
  rejects(family, "maxPool2d", {x}, {y}, c.window(), "a missing output");
  rejects(family, "maxPool2d", {absent()}, {y, bytes}, c.window(), "a missing input");
  for (size_t slot = 0; slot < 8; slot++)
    for (int32_t value : {-1, 7, INT32_MAX, INT32_MIN}) {
      Attrs attrs = c.window(), grad = sized(c);
      attrs.words[slot] = grad.words[slot + 2] = value;
      // A stride may be long when there is one window only, which is not so here.
      rejects(family, "maxPool2d", {x}, {y, bytes}, attrs, "a wrong attribute");
      rejects(family, "maxPool2dGrad", {bytes, y}, {x}, grad, "a wrong attribute");
    }
  Attrs grad = sized(c);
  grad.words[0] = 5;
  rejects(family, "maxPool2dGrad", {bytes, y}, {x}, grad, "another inputSize");
  Attrs flag = c.window();
  rejects(family, "averagePool2d", {x}, {y}, flag.i(2), "a flag of 2");
  // Indices that point nowhere choose nothing.
  Tensor wild = bytes;
  for (double& value : wild.values) value = 255;
  std::vector<Tensor> dx = {x};
  if (run(family, "maxPool2dGrad", {wild, y}, dx, sized(c)))
    close(dx[0], std::vector<double>(x.values.size()), 0, "wild indices give zeros");
}

}  // namespace

int main() {
  Random source;
  const Case cases[] = {
      {2, 4, 6, 16, {2, 2}, {2, 2}, {0, 0, 0, 0}},   {1, 5, 7, 3, {2, 2}, {2, 2}, {0, 0, 0, 0}},
      {2, 5, 5, 17, {3, 3}, {2, 2}, {1, 1, 1, 1}},   {1, 7, 7, 31, {3, 3}, {1, 1}, {1, 1, 1, 1}},
      {1, 7, 9, 1, {3, 2}, {1, 3}, {2, 0, 0, 1}},    {2, 9, 9, 5, {2, 2}, {3, 3}, {1, 1, 1, 0}},
      {1, 6, 6, 33, {2, 3}, {3, 4}, {0, 1, 2, 2}},   {1, 1, 1, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}},
      {3, 8, 8, 4, {8, 8}, {8, 8}, {0, 0, 0, 0}},    {1, 18, 18, 2, {17, 17}, {1, 1}, {16, 16, 16, 16}},
      {0, 4, 4, 3, {2, 2}, {2, 2}, {0, 0, 0, 0}},    {1, 4, 4, 0, {2, 2}, {2, 2}, {0, 0, 0, 0}},
      {1, 3, 3, 8, {5, 5}, {1, 1}, {2, 2, 2, 2}},    {1, 10, 10, 20, {1, 1}, {3, 3}, {0, 0, 0, 0}},
      {3, 64, 62, 32, {2, 2}, {2, 2}, {0, 0, 0, 0}}, {2, 65, 67, 19, {3, 3}, {2, 2}, {0, 1, 1, 0}},
      {2, 64, 64, 48, {3, 3}, {1, 1}, {1, 1, 1, 1}}, {64, 24, 24, 6, {2, 2}, {2, 2}, {0, 0, 0, 0}},
      {1, 5, 5, 24, {2, 2}, {2, 2}, {1, 1, 1, 1}},   {1, 6, 5, 7, {3, 1}, {1, 2}, {0, 2, 0, 0}},
  };
  for (const Case& c : cases) {
    maximum(source, c, false);
    maximum(source, c, true);
    average(source, c, 0);
    average(source, c, 1);
  }
  for (int i = 0; i < 300; i++) maximum(source, anyCase(source), i % 2 == 0);
  hostile();
  return finish();
}
