// Reductions and broadcastTo against plain loops in double: every subset of the axes of shapes that reach each path.
#include "ops.h"

namespace ocellus {
namespace OCELLUS_ISA {
extern const KernelFamily reduceFamily;
}
}  // namespace ocellus

namespace {

const KernelFamily& family = ocellus::OCELLUS_ISA::reduceFamily;

std::string text(const Shape& shape) {
  std::string result = "[";
  for (int64_t dim : shape) result += " " + std::to_string(dim);
  return result + " ]";
}

void reduce(const Tensor& x, const Shape& axes, bool keepDims, bool mean, double tolerance) {
  const int rank = static_cast<int>(x.shape.size());
  std::vector<bool> reduced(static_cast<size_t>(rank));
  for (int64_t axis : axes) reduced[static_cast<size_t>(axis)] = true;
  Shape shape;
  int64_t count = 1;
  std::vector<int64_t> strides(static_cast<size_t>(rank));
  int64_t stride = 1;
  for (int axis = rank - 1; axis >= 0; axis--) {
    if (reduced[axis]) {
      count *= x.shape[axis];
    } else {
      strides[axis] = stride;
      stride *= x.shape[axis];
    }
  }
  for (int axis = 0; axis < rank; axis++)
    if (!reduced[axis] || keepDims) shape.push_back(reduced[axis] ? 1 : x.shape[axis]);
  std::vector<Tensor> y = {empty(shape)};
  const std::string name = mean ? "reduceMean" : "reduceSum";
  if (!run(family, name, {x}, y, Attrs().shape(axes).i(keepDims))) return;
  std::vector<double> want(y[0].values.size());
  for (int64_t i = 0; i < x.size(); i++) {
    int64_t rest = i, to = 0;
    for (int axis = rank - 1; axis >= 0; axis--) {
      if (!reduced[axis]) to += rest % x.shape[axis] * strides[axis];
      rest /= x.shape[axis];
    }
    want[to] += x[i];
  }
  if (mean)
    for (double& value : want) value /= static_cast<double>(count);
  close(y[0], want, tolerance, name + " " + text(x.shape) + " over " + text(axes));
}

void allSubsets(Random& source, const Shape& shape) {
  const Tensor x = random(source, shape, 1, 0.25);
  for (uint32_t mask = 0; mask < (1u << shape.size()); mask++) {
    Shape axes;
    for (size_t axis = 0; axis < shape.size(); axis++)
      if (mask >> axis & 1) axes.push_back(static_cast<int64_t>(axis));
    reduce(x, axes, mask % 2 == 0, mask % 3 == 0, 1e-6);
  }
}

void broadcastTo(Random& source, const Shape& from, const Shape& to) {
  const Tensor x = random(source, from);
  std::vector<Tensor> y = {empty(to)};
  if (!run(family, "broadcastTo", {x}, y, Attrs().shape(to))) return;
  std::vector<double> want(y[0].values.size());
  for (size_t i = 0; i < want.size(); i++) {
    int64_t rest = static_cast<int64_t>(i), at = 0, stride = 1;
    for (size_t axis = to.size(), own = from.size(); own > 0; axis--, own--) {
      if (from[own - 1] != 1) at += rest % to[axis - 1] * stride;
      rest /= to[axis - 1];
      stride *= from[own - 1];
    }
    want[i] = x[at];
  }
  close(y[0], want, 0, "broadcastTo " + text(from) + " to " + text(to));
}

void hostile() {
  const Tensor x = empty({3, 4}), y = empty({3});
  check(verdict(family, "reduceSum", {x}, {y}, Attrs().shape({1}).i(0)) == nullptr, "reduceSum accepts what fits");
  rejects(family, "reduceSum", {x}, {y}, Attrs().shape({0}).i(0), "another axis");
  rejects(family, "reduceSum", {x}, {y}, Attrs().shape({2}).i(0), "an axis past the last");
  rejects(family, "reduceSum", {x}, {y}, Attrs().shape({-1}).i(0), "a negative axis");
  rejects(family, "reduceSum", {x}, {y}, Attrs().shape({1, 1}).i(0), "an axis twice");
  rejects(family, "reduceSum", {x}, {empty({})}, Attrs().shape({1, 0}).i(0), "axes that descend");
  rejects(family, "reduceSum", {x}, {y}, Attrs().shape({1}).i(1), "keepDims with a smaller rank");
  rejects(family, "reduceSum", {x}, {empty({3, 1})}, Attrs().shape({1}).i(2), "a flag of 2");
  rejects(family, "reduceSum", {x}, {empty({3}, ocellus::kInt32)}, Attrs().shape({1}).i(0), "an int32 output");
  Attrs longList = Attrs().shape({1}).i(0);
  longList.words[0] = 1000;
  rejects(family, "reduceSum", {x}, {y}, longList, "a list longer than its slots");
  longList.words[0] = -1;
  rejects(family, "reduceSum", {x}, {y}, longList, "a negative length");
  rejects(family, "broadcastTo", {empty({3})}, {empty({4})}, Attrs().shape({4}), "sizes that do not fit");
  rejects(family, "broadcastTo", {empty({3})}, {empty({3, 3})}, Attrs().shape({3, 4}), "another shape");
  rejects(family, "broadcastTo", {empty({3, 3})}, {empty({3})}, Attrs().shape({3}), "a smaller rank");
}

}  // namespace

int main() {
  Random source;
  const Shape shapes[] = {{},           {1},        {7},        {3, 5},       {1, 1},        {13, 1, 3},
                          {2, 3, 4},    {5, 7, 17}, {2, 1, 33}, {3, 2, 5, 4}, {2, 3, 2, 19}, {2, 3, 2, 3, 2},
                          {4, 130, 31}, {0, 3},     {3, 0, 2},  {40, 2100},   {1, 5, 1, 16}, {2, 2, 2, 2, 2, 2, 2, 2}};
  for (const Shape& shape : shapes) allSubsets(source, shape);
  // Large ones, where sums are split into chunks.
  allSubsets(source, {400000});
  allSubsets(source, {3, 150001});
  allSubsets(source, {100003, 3});
  allSubsets(source, {20011, 16});
  allSubsets(source, {3000, 130});
  allSubsets(source, {6, 9001});
  allSubsets(source, {8, 60, 60, 20});
  allSubsets(source, {70, 2, 4096});
  // A mean far from zero costs no more digits than a float has.
  reduce(random(source, {1000003}, 1, 1000), {0}, false, true, 2e-7);
  reduce(random(source, {300007, 2}, 1, 1000), {0}, false, true, 1e-5);
  Tensor special = random(source, {5, 40});
  special[3] = NAN, special[50] = INFINITY, special[90] = -INFINITY, special[130] = INFINITY, special[131] = -INFINITY;
  reduce(special, {1}, false, false, 1e-6);
  reduce(special, {0}, false, false, 1e-6);
  const std::pair<Shape, Shape> broadcasts[] = {{{}, {}},
                                                {{}, {3, 5}},
                                                {{1}, {70000}},
                                                {{5}, {3, 5}},
                                                {{3, 1}, {3, 5}},
                                                {{3, 1, 4}, {2, 3, 5, 4}},
                                                {{1, 1, 17}, {3, 2, 17}},
                                                {{2, 1, 3, 1}, {2, 4, 3, 5}},
                                                {{0, 3}, {2, 0, 3}},
                                                {{1, 3}, {0, 3}},
                                                {{2, 50000}, {3, 2, 50000}}};
  for (const auto& pair : broadcasts) broadcastTo(source, pair.first, pair.second);
  hostile();
  return finish();
}
