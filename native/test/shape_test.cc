// Ops that move elements, against index arithmetic, for every type: paddings, slices, joins, permutations of all ranks.
#include <algorithm>

#include "ops.h"

namespace ocellus {
namespace OCELLUS_ISA {
extern const KernelFamily paddingFamily;
extern const KernelFamily shapeFamily;
}  // namespace OCELLUS_ISA
}  // namespace ocellus

namespace {

const KernelFamily& family = ocellus::OCELLUS_ISA::shapeFamily;
const KernelFamily& padding = ocellus::OCELLUS_ISA::paddingFamily;
const DType types[] = {ocellus::kFloat32, ocellus::kInt32, ocellus::kUint8};

Shape indexOf(int64_t position, const Shape& shape) {
  Shape index(shape.size());
  for (size_t axis = shape.size(); axis > 0; axis--) {
    index[axis - 1] = position % shape[axis - 1];
    position /= shape[axis - 1];
  }
  return index;
}

// Position of an index, or -1 outside the shape.
int64_t positionOf(const Shape& index, const Shape& shape) {
  int64_t position = 0;
  for (size_t axis = 0; axis < shape.size(); axis++) {
    if (index[axis] < 0 || index[axis] >= shape[axis]) return -1;
    position = position * shape[axis] + index[axis];
  }
  return position;
}

void padAndSlice(Random& source, const Shape& shape, const Shape& before, const Shape& after) {
  Shape large = shape;
  for (size_t axis = 0; axis < shape.size(); axis++) large[axis] += before[axis] + after[axis];
  for (const DType type : types) {
    const Tensor x = randomIntegers(source, shape, 256, type);
    std::vector<Tensor> padded = {empty(large, type)}, sliced = {empty(shape, type)};
    if (!run(padding, "pad", {x}, padded, Attrs().shape(before).shape(after).i(0).f(7))) return;
    std::vector<double> want;
    for (int64_t i = 0; i < sizeOf(large); i++) {
      Shape index = indexOf(i, large);
      for (size_t axis = 0; axis < index.size(); axis++) index[axis] -= before[axis];
      const int64_t at = positionOf(index, shape);
      want.push_back(at < 0 ? 7 : x[at]);
    }
    close(padded[0], want, 0, "pad of rank " + std::to_string(shape.size()));
    if (run(family, "slice", {padded[0]}, sliced, Attrs().shape(before).shape(shape)))
      close(sliced[0], x.values, 0, "slice of rank " + std::to_string(shape.size()));
  }
}

void concat(Random& source, const Shape& shape, int64_t axis, const std::vector<int64_t>& lengths) {
  for (const DType type : types) {
    std::vector<Tensor> inputs;
    Shape joined = shape;
    joined[axis] = 0;
    for (int64_t length : lengths) {
      Shape part = shape;
      part[axis] = length;
      joined[axis] += length;
      inputs.push_back(randomIntegers(source, part, 256, type));
    }
    std::vector<Tensor> y = {empty(joined, type)};
    if (!run(family, "concat", inputs, y, Attrs().i(axis))) return;
    std::vector<double> want;
    for (int64_t i = 0; i < y[0].size(); i++) {
      Shape index = indexOf(i, joined);
      size_t input = 0;
      while (index[axis] >= inputs[input].shape[axis]) index[axis] -= inputs[input++].shape[axis];
      want.push_back(inputs[input][positionOf(index, inputs[input].shape)]);
    }
    close(y[0], want, 0, "concat along axis " + std::to_string(axis));
  }
}

void transpose(Random& source, const Shape& shape, const Shape& permutation) {
  Shape permuted;
  for (int64_t axis : permutation) permuted.push_back(shape[axis]);
  for (const DType type : types) {
    const Tensor x = randomIntegers(source, shape, 256, type);
    std::vector<Tensor> y = {empty(permuted, type)};
    if (!run(family, "transpose", {x}, y, Attrs().shape(permutation))) return;
    std::vector<double> want;
    for (int64_t i = 0; i < x.size(); i++) {
      const Shape to = indexOf(i, permuted);
      Shape from(shape.size());
      for (size_t axis = 0; axis < to.size(); axis++) from[permutation[axis]] = to[axis];
      want.push_back(x[positionOf(from, shape)]);
    }
    std::string name = "transpose";
    for (int64_t axis : permutation) name += " " + std::to_string(axis);
    close(y[0], want, 0, name);
  }
}

void allPermutations(Random& source, const Shape& shape) {
  Shape permutation;
  for (size_t axis = 0; axis < shape.size(); axis++) permutation.push_back(static_cast<int64_t>(axis));
  do transpose(source, shape, permutation);
  while (std::next_permutation(permutation.begin(), permutation.end()));
}

void reshape(Random& source) {
  for (const DType type : types) {
    const Tensor x = randomIntegers(source, {6, 35}, 256, type);
    std::vector<Tensor> y = {empty({2, 3, 5, 7}, type)};
    if (run(family, "reshape", {x}, y, Attrs().shape({2, 3, -1, 7}))) close(y[0], x.values, 0, "reshape");
  }
}

void hostile() {
  const Tensor x = empty({3, 4}), y = empty({5, 4}), bytes = empty({3, 4}, ocellus::kUint8);
  rejects(family, "reshape", {x}, {y}, Attrs().shape({5, 4}), "another size");
  rejects(family, "reshape", {x}, {empty({2, 6})}, Attrs().shape({3, 4}), "another shape");
  rejects(family, "reshape", {x}, {empty({2, 6})}, Attrs().shape({-1, -1}), "two open axes");
  rejects(family, "reshape", {x}, {bytes}, Attrs().shape({3, 4}), "another type");
  check(verdict(padding, "pad", {x}, {y}, Attrs().shape({1, 0}).shape({1, 0}).i(0).f(0)) == nullptr,
        "pad accepts what fits");
  rejects(padding, "pad", {x}, {y}, Attrs().shape({2, 0}).shape({1, 0}).i(0).f(0), "too much");
  rejects(padding, "pad", {x}, {y}, Attrs().shape({3, 0}).shape({-1, 0}).i(0).f(0), "negative paddings");
  rejects(padding, "pad", {x}, {y}, Attrs().shape({1}).shape({1, 0}).i(0).f(0), "a short list");
  rejects(padding, "pad", {bytes}, {empty({5, 4}, ocellus::kUint8)}, Attrs().shape({1, 0}).shape({1, 0}).i(0).f(256),
          "256");
  rejects(padding, "pad", {bytes}, {empty({5, 4}, ocellus::kUint8)}, Attrs().shape({1, 0}).shape({1, 0}).i(0).f(NAN),
          "NaN");
  const Attrs modeAttrs = Attrs().shape({1, 0}).shape({1, 0});
  rejects(padding, "pad", {x}, {y}, Attrs(modeAttrs).i(4).f(0), "an unknown mode");
  rejects(padding, "pad", {empty({0, 4})}, {empty({2, 4})}, Attrs(modeAttrs).i(1).f(0), "borders of nothing");
  check(verdict(padding, "padGrad", {y}, {x}, Attrs(modeAttrs).i(2)) == nullptr, "padGrad accepts what fits");
  rejects(padding, "padGrad", {y}, {x}, Attrs(modeAttrs).i(3), "an unknown mode");
  rejects(padding, "padGrad", {x}, {y}, Attrs(modeAttrs).i(0), "an output larger than the input");
  rejects(padding, "padGrad", {empty({2, 4})}, {empty({0, 4})}, Attrs(modeAttrs).i(0), "borders of nothing");
  check(verdict(family, "reverse", {x}, {x}, Attrs().shape({1, 0})) == nullptr, "reverse accepts what fits");
  rejects(family, "reverse", {x}, {y}, Attrs().shape({0}), "another shape");
  rejects(family, "reverse", {x}, {x}, Attrs().shape({1, 1}), "an axis twice");
  for (int64_t axis : {-1, 2, 8}) rejects(family, "reverse", {x}, {x}, Attrs().shape({axis}), "an axis outside");
  rejects(family, "slice", {y}, {x}, Attrs().shape({3, 0}).shape({3, 4}), "a slice past the end");
  rejects(family, "slice", {y}, {x}, Attrs().shape({-1, 0}).shape({3, 4}), "a slice before the begin");
  rejects(family, "slice", {y}, {x}, Attrs().shape({INT32_MAX, 0}).shape({3, 4}), "a far slice");
  rejects(family, "slice", {y}, {x}, Attrs().shape({0, 0}).shape({4, 4}), "another size");
  rejects(family, "concat", {}, {x}, Attrs().i(0), "nothing");
  rejects(family, "concat", {x, x}, {y}, Attrs().i(0), "another length");
  rejects(family, "concat", {x, empty({2, 3})}, {y}, Attrs().i(0), "another width");
  rejects(family, "concat", {x, empty({2, 4}, ocellus::kInt32)}, {y}, Attrs().i(0), "another type");
  for (int64_t axis : {-1, 2, 8}) rejects(family, "concat", {x}, {x}, Attrs().i(axis), "an axis outside");
  rejects(family, "transpose", {x}, {empty({4, 3})}, Attrs().shape({0, 1}), "another shape");
  rejects(family, "transpose", {empty({3, 3})}, {empty({3, 3})}, Attrs().shape({1, 1}), "an axis twice");
  rejects(family, "transpose", {empty({3, 3})}, {empty({3, 3})}, Attrs().shape({1, 2}), "an axis outside");
  rejects(family, "transpose", {empty({3, 3})}, {empty({3, 3})}, Attrs().shape({1, -1}), "a negative axis");
}

}  // namespace

int main() {
  Random source;
  padAndSlice(source, {5}, {2}, {3});
  padAndSlice(source, {}, {}, {});
  padAndSlice(source, {2, 3, 5, 3}, {0, 1, 2, 0}, {0, 0, 3, 0});
  padAndSlice(source, {3, 4, 2}, {1, 0, 2}, {0, 2, 1});
  padAndSlice(source, {0, 2}, {1, 0}, {1, 0});
  padAndSlice(source, {0, 2}, {0, 1}, {0, 1});
  padAndSlice(source, {3, 2}, {0, 0}, {0, 0});
  padAndSlice(source, {4, 61, 59, 33}, {0, 1, 1, 0}, {0, 1, 2, 0});
  padAndSlice(source, {2, 1, 3, 1, 2, 2, 1, 2}, {1, 0, 0, 1, 0, 0, 1, 0}, {0, 1, 0, 0, 0, 1, 0, 0});
  concat(source, {7}, 0, {7});
  concat(source, {3, 4}, 1, {4, 1, 7});
  concat(source, {3, 4, 5}, 1, {2, 0, 3});
  concat(source, {2, 3, 4}, 2, {1, 1, 1, 1, 1});
  concat(source, {3, 0}, 0, {2, 1});
  concat(source, {1, 300007}, 0, {1, 2, 1});
  concat(source, {5000, 16}, 1, {16, 33, 8});
  concat(source, {2, 150001}, 1, {150001, 3, 200000});
  allPermutations(source, {});
  allPermutations(source, {5});
  allPermutations(source, {17, 33});
  allPermutations(source, {3, 1, 19});
  allPermutations(source, {2, 20, 3, 17});
  allPermutations(source, {2, 0, 3});
  allPermutations(source, {2, 3, 1, 2, 3});
  transpose(source, {8, 3, 96, 96}, {0, 2, 3, 1});
  transpose(source, {8, 96, 96, 3}, {0, 3, 1, 2});
  transpose(source, {500, 700}, {1, 0});
  transpose(source, {2, 2, 2, 2, 2, 2, 2, 3}, {7, 0, 6, 1, 5, 2, 4, 3});
  reshape(source);
  hostile();
  return finish();
}
