// Poolings of volumes, unpooling and resampling against plain loops in double: dilated, padded and adaptive windows,
// few and many channels, indices from anywhere, and plans that must not run.
#include "ops.h"

namespace ocellus {
namespace OCELLUS_ISA {
extern const KernelFamily pooling3dFamily, adaptiveFamily, unpoolingFamily, resizeFamily;
}
}  // namespace ocellus

namespace {

using ocellus::kInt32;
namespace isa = ocellus::OCELLUS_ISA;

struct Case {
  int64_t n, size[3], c, pool[3], stride[3], before[3], after[3], dilation[3];
  int64_t out(int axis) const {
    const int64_t spare = size[axis] + before[axis] + after[axis] - (pool[axis] - 1) * dilation[axis] - 1;
    return spare / stride[axis] + 1;
  }
  Shape volume() const { return {n, size[0], size[1], size[2], c}; }
  Shape pooled() const { return {n, out(0), out(1), out(2), c}; }
  Attrs attrs() const {
    Attrs attrs;
    for (int64_t value : pool) attrs.i(value);
    for (int64_t value : stride) attrs.i(value);
    for (int axis = 0; axis < 3; axis++) attrs.i(before[axis]).i(after[axis]);
    for (int64_t value : dilation) attrs.i(value);
    return attrs;
  }
};

Attrs sizes(const int64_t* size) {
  Attrs attrs;
  return attrs.i(size[0]).i(size[1]).i(size[2]);
}

void maximum(Random& source, const Case& c) {
  Tensor x = random(source, c.volume());
  for (double& value : x.values)
    if (source.below(8) == 0) value = source.below(2) ? NAN : -INFINITY;
  std::vector<Tensor> got = {empty(c.pooled()), empty(c.pooled(), kInt32)};
  if (!run(isa::pooling3dFamily, "maxPool3d", {x}, got, c.attrs())) return;
  std::vector<double> y(got[0].values.size()), index(y.size(), -1);
  const int64_t rows = c.out(0) * c.out(1) * c.out(2), cells = c.size[0] * c.size[1] * c.size[2];
  for (size_t o = 0; o < y.size(); o++) {
    const int64_t at = static_cast<int64_t>(o), channel = at % c.c, window = at / c.c % rows, n = at / c.c / rows;
    const int64_t place[3] = {window / c.out(2) / c.out(1), window / c.out(2) % c.out(1), window % c.out(2)};
    for (int64_t k = 0; k < c.pool[0] * c.pool[1] * c.pool[2]; k++) {
      const int64_t tap[3] = {k / c.pool[2] / c.pool[1], k / c.pool[2] % c.pool[1], k % c.pool[2]};
      int64_t cell = 0;
      bool inside = true;
      for (int axis = 0; axis < 3; axis++) {
        const int64_t p = place[axis] * c.stride[axis] - c.before[axis] + tap[axis] * c.dilation[axis];
        inside = inside && p >= 0 && p < c.size[axis];
        cell = cell * c.size[axis] + p;
      }
      if (!inside) continue;
      const double value = x[(n * cells + cell) * c.c + channel];
      if (index[o] >= 0 && !(value > y[o] || (std::isnan(value) && !std::isnan(y[o])))) continue;
      y[o] = value;
      index[o] = static_cast<double>(cell);
    }
  }
  close(got[0], y, 0, "maxPool3d");
  close(got[1], index, 0, "maxPool3d indices");

  Tensor dy = random(source, c.pooled());
  std::vector<Tensor> dx = {empty(c.volume())}, back = {empty(c.pooled())};
  std::vector<double> want(x.values.size()), taken(y.size());
  for (size_t o = 0; o < y.size(); o++) {
    const int64_t at = static_cast<int64_t>(o), n = at / c.c / rows;
    want[static_cast<size_t>((n * cells + static_cast<int64_t>(index[o])) * c.c + at % c.c)] += dy[at];
  }
  if (run(isa::unpoolingFamily, "maxUnpool", {dy, got[1]}, dx, sizes(c.size).i(1))) close(dx[0], want, 1e-6, "unpool");
  for (size_t o = 0; o < y.size(); o++) {
    const int64_t at = static_cast<int64_t>(o), n = at / c.c / rows;
    taken[o] = dx[0][(n * cells + static_cast<int64_t>(index[o])) * c.c + at % c.c];
  }
  if (run(isa::unpoolingFamily, "takeCells", {dx[0], got[1]}, back, {})) close(back[0], taken, 0, "takeCells");
}

// The gradient is the transpose: <A x, y> = <x, A' y>.
void transposed(Random& source, const ocellus::KernelFamily& family, const char* name, const char* gradient,
                const Shape& large, const Shape& small, const Attrs& attrs, const Attrs& gradAttrs) {
  const Tensor x = random(source, large), dy = random(source, small);
  std::vector<Tensor> y = {empty(small)}, dx = {empty(large)};
  if (!run(family, name, {x}, y, attrs) || !run(family, gradient, {dy}, dx, gradAttrs)) return;
  double forward = 0, back = 0;
  for (int64_t i = 0; i < dy.size(); i++) forward += y[0][i] * dy[i];
  for (int64_t i = 0; i < x.size(); i++) back += dx[0][i] * x[i];
  check(std::fabs(forward - back) <= 1e-4 * (1 + std::fabs(forward)), (std::string(gradient) + " transposes").c_str());
}

void hostile() {
  const Case c = {1, {2, 4, 4}, 3, {2, 2, 2}, {2, 2, 2}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}};
  const Tensor x = empty(c.volume()), y = empty(c.pooled()), indices = empty(c.pooled(), kInt32);
  check(verdict(isa::pooling3dFamily, "maxPool3d", {x}, {y, indices}, c.attrs()) == nullptr, "accepts what fits");
  rejects(isa::pooling3dFamily, "maxPool3d", {x}, {y, y}, c.attrs(), "float indices");
  for (size_t slot = 0; slot < 15; slot++)
    for (int32_t value : {-1, 9, INT32_MAX, INT32_MIN}) {
      Attrs attrs = c.attrs();
      attrs.words[slot] = value;
      // Along the first axis there is one window, which no stride moves.
      if (slot != 3 || value < 1)
        rejects(isa::pooling3dFamily, "maxPool3d", {x}, {y, indices}, attrs, "a wrong attribute");
    }
  const int64_t other[3] = {2, 4, 5};
  rejects(isa::unpoolingFamily, "maxUnpool", {y, indices}, {x}, sizes(other).i(0), "another outputSize");
  rejects(isa::unpoolingFamily, "maxUnpool", {y, indices}, {x}, sizes(c.size).i(2), "a flag of 2");
  rejects(isa::adaptiveFamily, "adaptiveAveragePool3d", {x}, {y}, sizes(other), "another outputSize");
  for (int64_t axis : {-1, 5}) {
    Attrs attrs;
    rejects(isa::resizeFamily, "resize", {x}, {x}, attrs.i(axis).i(4).i(0).i(0).i(0), "an axis");
  }
  Attrs flag;
  rejects(isa::resizeFamily, "resize", {x}, {x}, flag.i(1).i(x.shape[1]).i(0).i(0).i(2), "an antialias of 2");
  // Indices that point nowhere touch nothing, and give zeros.
  Tensor wild = indices;
  for (int64_t i = 0; i < wild.size(); i++) wild[i] = i % 2 ? -1 : INT32_MAX;
  std::vector<Tensor> dx = {x}, taken = {y};
  if (run(isa::unpoolingFamily, "maxUnpool", {y, wild}, dx, sizes(c.size).i(1)))
    close(dx[0], std::vector<double>(x.values.size()), 0, "wild indices, unpooled");
  if (run(isa::unpoolingFamily, "takeCells", {x, wild}, taken, {}))
    close(taken[0], std::vector<double>(y.values.size()), 0, "wild indices, taken");
}

}  // namespace

int main() {
  Random source;
  const Case cases[] = {
      {2, {4, 5, 6}, 3, {2, 2, 2}, {2, 2, 2}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}},
      {1, {1, 9, 8}, 17, {1, 3, 3}, {1, 1, 2}, {0, 1, 2}, {0, 2, 1}, {1, 2, 1}},
      {1, {5, 7, 5}, 2, {2, 3, 2}, {1, 2, 3}, {1, 1, 0}, {0, 1, 1}, {2, 1, 3}},
      {3, {1, 1, 11}, 1, {1, 1, 3}, {1, 1, 5}, {0, 0, 1}, {0, 0, 1}, {1, 1, 1}},
      {2, {8, 24, 24}, 70, {2, 2, 2}, {2, 2, 2}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}},
      {0, {2, 2, 2}, 3, {1, 2, 2}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}},
  };
  for (const Case& c : cases) maximum(source, c);
  const int64_t large[] = {7, 5, 11}, small[] = {3, 8, 4};
  for (int64_t channels : {1, 3, 16, 37})
    transposed(source, isa::adaptiveFamily, "adaptiveAveragePool3d", "adaptiveAveragePool3dGrad",
               {2, 7, 5, 11, channels}, {2, 3, 8, 4, channels}, sizes(small), sizes(large));
  for (int64_t mode = 0; mode < 3; mode++)
    for (int64_t align = 0; align < 2; align++)
      for (int64_t antialias = 0; antialias < 2 - align; antialias++)
        for (int64_t from : {1, 2, 3, 7, 40})
          for (int64_t to : {1, 4, 7, 90}) {
            Attrs up, down;
            transposed(source, isa::resizeFamily, "resize", "resizeGrad", {3, from, 19}, {3, to, 19},
                       up.i(1).i(to).i(mode).i(align).i(antialias), down.i(1).i(from).i(mode).i(align).i(antialias));
          }
  hostile();
  return finish();
}
