// Elementwise ops, activations and dropout against plain loops in double: every broadcasting path, special values,
// tails.
#include "ops.h"
#include "simd/philox.h"

namespace ocellus {
namespace OCELLUS_ISA {
extern const KernelFamily elementwiseFamily, activationFamily, dropoutFamily;
}
}  // namespace ocellus

namespace {

const KernelFamily& elementwise = ocellus::OCELLUS_ISA::elementwiseFamily;
const KernelFamily& activation = ocellus::OCELLUS_ISA::activationFamily;
const KernelFamily& dropout = ocellus::OCELLUS_ISA::dropoutFamily;

const double kSpecial[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1e-42, -1e-42, 3e38, -3e38, 1e-30, 88.8, -104, 1, -1};

// Special values strewn over random ones.
Tensor strewn(Random& source, const Shape& shape, double scale) {
  Tensor x = random(source, shape, scale);
  for (double& value : x.values)
    if (source.below(3) == 0) value = static_cast<float>(kSpecial[source.below(14)]);
  return x;
}

double f(double x) { return static_cast<float>(x); }

struct Binary {
  const char* name;
  double (*apply)(double, double);
  Attrs attrs = Attrs();
};
const Binary binaries[] = {
    {"add", [](double a, double b) { return f(a + b); }, Attrs().i(0)},
    {"add", [](double a, double b) { return f(a + b) < 0 ? 0 : f(a + b); }, Attrs().i(1)},
    {"add", [](double a, double b) { return f(a + b) < 0   ? 0
                                            : f(a + b) > 6 ? 6
                                                           : f(a + b); }, Attrs().i(2)},
    {"subtract", [](double a, double b) { return f(a - b); }},
    {"multiply", [](double a, double b) { return f(a * b); }},
    {"divide", [](double a, double b) { return f(a / b); }},
    {"maximum", [](double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN
                                                : a > b                        ? a
                                                                               : b; }},
    {"minimum", [](double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN
                                                : a < b                        ? a
                                                                               : b; }},
    {"compare", [](double a, double b) { return a > b    ? 1
                                                : a == b ? 0.5
                                                         : 0; }},
};

void binary(Random& source, const Binary& op, const Shape& shapeA, const Shape& shapeB) {
  const size_t rank = std::max(shapeA.size(), shapeB.size());
  Shape shape(rank, 1);
  for (size_t i = 0; i < rank; i++) {
    const int64_t a = i < shapeA.size() ? shapeA[shapeA.size() - 1 - i] : 1;
    const int64_t b = i < shapeB.size() ? shapeB[shapeB.size() - 1 - i] : 1;
    shape[rank - 1 - i] = a == 1 ? b : a;
  }
  const Tensor a = strewn(source, shapeA, 2), b = strewn(source, shapeB, 2);
  std::vector<Tensor> y = {empty(shape)};
  if (!run(elementwise, op.name, {a, b}, y, op.attrs)) return;
  auto position = [&](const Shape& own, int64_t i) {
    int64_t at = 0, stride = 1;
    for (size_t axis = 0; axis < rank; axis++) {
      const int64_t dim = shape[rank - 1 - axis], index = i % dim;
      i /= dim;
      if (axis >= own.size()) continue;
      if (own[own.size() - 1 - axis] != 1) at += index * stride;
      stride *= own[own.size() - 1 - axis];
    }
    return at;
  };
  std::vector<double> want(y[0].values.size());
  for (int64_t i = 0; i < y[0].size(); i++) want[i] = op.apply(a[position(shapeA, i)], b[position(shapeB, i)]);
  close(y[0], want, 0,
        std::string(op.name) + " of rank " + std::to_string(shapeA.size()) + " and " + std::to_string(shapeB.size()) +
            ", " + std::to_string(y[0].size()) + " elements");
}

struct Unary {
  const KernelFamily& family;
  const char* name;
  double (*apply)(double);
  double tolerance;
};

const Unary unaries[] = {
    {elementwise, "negate", [](double x) { return -x; }, 0},
    {elementwise, "abs", [](double x) { return fabs(x); }, 0},
    {elementwise, "sign", [](double x) { return x > 0   ? 1
                                                : x < 0 ? -1
                                                        : x; }, 0},
    {elementwise, "square", [](double x) { return f(x * x); }, 0},
    {elementwise, "sqrt", [](double x) { return f(::sqrt(x)); }, 0},
    {elementwise, "exp", [](double x) { return f(::exp(x)); }, 3e-7},
    {elementwise, "log", [](double x) { return f(::log(x)); }, 3e-7},
    {activation, "relu", [](double x) { return x < 0 ? 0 : x; }, 0},
    {activation, "relu6", [](double x) { return x < 0   ? 0
                                                : x > 6 ? 6
                                                        : x; }, 0},
    {activation, "sigmoid", [](double x) { return f(1 / (1 + ::exp(-x))); }, 3e-7},
    {activation, "tanh", [](double x) { return f(::tanh(x)); }, 3e-7},
};

struct Gradient {
  const char* name;
  double (*apply)(double, double);
};
const Gradient gradients[] = {
    {"sigmoidGrad", [](double y, double dy) { return dy * y * (1 - y); }},
    {"tanhGrad", [](double y, double dy) { return dy * (1 - y * y); }},
};

// With one gradient and with the sum of two, alone and with its sums per channel.
void gradientsOf(Random& source, const std::string& name, double ceiling, const Tensor& y, const Tensor& dy) {
  for (const Tensor& other : {absent(), random(source, y.shape)}) {
    std::vector<double> want;
    for (int64_t i = 0; i < y.size(); i++)
      want.push_back(y[i] > 0 && y[i] < ceiling ? dy[i] + (other.present ? other[i] : 0) : 0);
    std::vector<Tensor> dx = {empty(y.shape)};
    if (run(activation, name + "Grad", {y, dy, other}, dx, Attrs())) close(dx[0], want, 2e-7, name + "Grad");
    if (y.shape.empty()) continue;
    const int64_t channels = y.shape.back();
    std::vector<double> sums(static_cast<size_t>(channels));
    for (int64_t i = 0; i < y.size(); i++) sums[static_cast<size_t>(i % channels)] += want[static_cast<size_t>(i)];
    std::vector<Tensor> both = {empty(y.shape), empty({channels})};
    if (!run(activation, name + "GradBias", {y, dy, other}, both, Attrs())) continue;
    close(both[0], want, 2e-7, name + "GradBias");
    close(both[1], sums, 1e-6 * ::sqrt(1.0 + static_cast<double>(y.size() / channels)), name + "GradBias, dbias");
  }
}

void maps(Random& source) {
  for (const Shape& shape : {Shape{}, {1}, {0, 3}, {3, 5}, {67}, {129, 2}, {300001}}) {
    for (const Unary& op : unaries) {
      const Tensor x = strewn(source, shape, 5);
      std::vector<Tensor> y = {empty(shape)};
      if (!run(op.family, op.name, {x}, y, Attrs())) continue;
      std::vector<double> want;
      for (double value : x.values) want.push_back(op.apply(value));
      close(y[0], want, op.tolerance, op.name);
    }
    const Tensor y = random(source, shape, 1, -0.5), dy = random(source, shape);
    for (const Gradient& op : gradients) {
      std::vector<Tensor> dx = {empty(shape)};
      if (!run(activation, op.name, {y, dy}, dx, Attrs())) continue;
      std::vector<double> want;
      for (int64_t i = 0; i < y.size(); i++) want.push_back(op.apply(y[i], dy[i]));
      close(dx[0], want, 2e-7, op.name);
    }
    gradientsOf(source, "relu", INFINITY, y, dy);
    gradientsOf(source, "relu6", 6, random(source, shape, 6, 2), dy);
    std::vector<Tensor> leaky = {empty(shape)}, leakyGrad = {empty(shape)};
    std::vector<double> wantLeaky, wantGrad;
    const double alpha = f(0.3);
    for (int64_t i = 0; i < y.size(); i++) {
      wantLeaky.push_back(y[i] < 0 ? y[i] * alpha : y[i]);
      wantGrad.push_back(y[i] > 0 ? dy[i] : dy[i] * alpha);
    }
    if (run(activation, "leakyRelu", {y}, leaky, Attrs().f(0.3f))) close(leaky[0], wantLeaky, 2e-7, "leakyRelu");
    if (run(activation, "leakyReluGrad", {y, dy}, leakyGrad, Attrs().f(0.3f)))
      close(leakyGrad[0], wantGrad, 2e-7, "leakyReluGrad");
  }
}

void softmax(Random& source, const Shape& shape, double scale) {
  const int64_t length = shape.back(), rows = length ? sizeOf(shape) / length : 0;
  const Tensor x = random(source, shape, scale), dy = random(source, shape);
  std::vector<double> y(x.values.size()), logY(y.size()), dx(y.size()), dLog(y.size());
  for (int64_t row = 0; row < rows; row++) {
    const int64_t at = row * length;
    double largest = -INFINITY, sum = 0, dot = 0, total = 0;
    for (int64_t i = at; i < at + length; i++) largest = std::max(largest, x[i]);
    for (int64_t i = at; i < at + length; i++) sum += ::exp(x[i] - largest);
    for (int64_t i = at; i < at + length; i++) {
      y[i] = ::exp(x[i] - largest) / sum;
      logY[i] = x[i] - largest - ::log(sum);
      dot += y[i] * dy[i];
      total += dy[i];
    }
    for (int64_t i = at; i < at + length; i++) {
      dx[i] = y[i] * (dy[i] - dot);
      dLog[i] = dy[i] - y[i] * total;
    }
  }
  std::vector<Tensor> gotY = {empty(shape)}, gotLog = gotY, gotDx = gotY, gotDLog = gotY;
  if (run(activation, "softmax", {x}, gotY, Attrs())) close(gotY[0], y, 1e-6, "softmax");
  if (run(activation, "logSoftmax", {x}, gotLog, Attrs())) close(gotLog[0], logY, 1e-6, "logSoftmax");
  if (run(activation, "softmaxGrad", {gotY[0], dy}, gotDx, Attrs())) close(gotDx[0], dx, 2e-6, "softmaxGrad");
  if (run(activation, "logSoftmaxGrad", {gotLog[0], dy}, gotDLog, Attrs()))
    close(gotDLog[0], dLog, 1e-5, "logSoftmaxGrad");
}

void others(Random& source) {
  for (const DType type : {ocellus::kFloat32, ocellus::kInt32, ocellus::kUint8}) {
    const Tensor x = randomIntegers(source, {3, 333}, 256, type);
    std::vector<Tensor> y = {empty({3, 333})}, copied = {empty({3, 333}, type)};
    std::vector<double> want;
    for (double value : x.values) want.push_back(value / 128 - 1);
    if (run(elementwise, "rescale", {x}, y, Attrs().f(1 / 128.0f).f(-1))) close(y[0], want, 0, "rescale");
    if (run(elementwise, "copy", {x}, copied, Attrs())) close(copied[0], x.values, 0, "copy");
  }
  std::vector<Tensor> filled = {empty({7, 9})}, hot = {empty({5, 3})};
  if (run(elementwise, "fill", {}, filled, Attrs().f(-2.5f).shape({7, 9})))
    close(filled[0], std::vector<double>(63, -2.5), 0, "fill");
  if (run(elementwise, "oneHot", {list({0, 2, -1, 3, 1}, ocellus::kInt32)}, hot, Attrs().i(3)))
    close(hot[0], {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0}, 0, "oneHot");
}

void drop(Random& source, int64_t size, float rate) {
  const Tensor x = random(source, {size}, 1, 3);
  std::vector<Tensor> y = {empty({size})};
  if (!run(dropout, "dropout", {x, list({-7, 123}, ocellus::kInt32)}, y, Attrs().f(rate).i(-99))) return;
  std::vector<double> want;
  int64_t kept = 0;
  for (int64_t i = 0; i < size; i++) {
    uint32_t words[4];
    ocellus::philox(words, static_cast<uint64_t>(i / 4),
                    {static_cast<uint32_t>(-99), 123u, static_cast<uint32_t>(-7), 0});
    const bool keep = (words[i % 4] >> 8) / 16777216.0 >= rate;
    kept += keep;
    want.push_back(keep ? x[i] / (1 - static_cast<double>(rate)) : 0);
  }
  close(y[0], want, 1e-6, "dropout of " + std::to_string(size));
  if (size > 10000) check(fabs(static_cast<double>(kept) / size - (1 - rate)) < 0.01, "dropout keeps 1 - rate of all");
}

void hostile() {
  const Tensor a = empty({3, 4}), b = empty({4});
  rejects(elementwise, "add", {a, empty({3})}, {a}, Attrs().i(0), "shapes that do not fit");
  rejects(elementwise, "add", {a, b}, {b}, Attrs().i(0), "a small output");
  rejects(elementwise, "add", {a, b}, {a}, Attrs().i(3), "activation 3");
  rejects(elementwise, "add", {b, b}, {a}, Attrs().i(0), "a large output");
  rejects(elementwise, "add", {empty({1, 4}), b}, {a}, Attrs().i(0), "an output that nobody asked for");
  rejects(elementwise, "add", {a, empty({4}, ocellus::kInt32)}, {a}, Attrs().i(0), "integers");
  rejects(elementwise, "exp", {a}, {b}, Attrs(), "another shape");
  rejects(elementwise, "fill", {}, {a}, Attrs().f(1).shape({4, 3}), "another shape");
  rejects(elementwise, "oneHot", {list({1}, ocellus::kInt32)}, {empty({1, 4})}, Attrs().i(5), "another depth");
  rejects(elementwise, "copy", {a}, {empty({3, 4}, ocellus::kInt32)}, Attrs(), "another type");
  rejects(activation, "softmax", {empty({})}, {empty({})}, Attrs(), "a scalar");
  rejects(activation, "leakyRelu", {a}, {a}, Attrs().f(-1), "a negative alpha");
  rejects(activation, "leakyRelu", {a}, {a}, Attrs().f(NAN), "an alpha of NaN");
  const Tensor seed = list({1, 2}, ocellus::kInt32);
  for (float rate : {-0.1f, 1.0f, NAN}) rejects(dropout, "dropout", {a, seed}, {a}, Attrs().f(rate).i(0), "a rate");
  rejects(dropout, "dropout", {a, list({1}, ocellus::kInt32)}, {a}, Attrs().f(0).i(0), "a short seed");
}

}  // namespace

int main() {
  Random source;
  const std::pair<Shape, Shape> shapes[] = {{{}, {}},
                                            {{1}, {1}},
                                            {{7}, {}},
                                            {{}, {19}},
                                            {{3, 5}, {3, 5}},
                                            {{70001}, {70001}},
                                            {{70001}, {1}},
                                            {{1}, {40000}},
                                            {{13, 3}, {3}},
                                            {{10}, {7001, 10}},
                                            {{300, 70}, {70}},
                                            {{6, 20}, {6, 1}},
                                            {{6, 1}, {6, 20}},
                                            {{5, 1}, {1, 4}},
                                            {{2, 1, 3, 1}, {4, 1, 5}},
                                            {{2, 3, 4, 17}, {1, 3, 1, 17}},
                                            {{2, 3, 4}, {2, 1, 1}},
                                            {{0, 3}, {3}},
                                            {{3}, {2, 0, 1}},
                                            {{2, 1, 2, 1, 2, 1, 2, 3}, {1, 2, 1, 2, 1, 2, 1, 3}},
                                            {{2, 66000}, {2, 1}},
                                            {{9, 64}, {64}},
                                            {{9, 63}, {63}},
                                            {{33, 1}, {1}}};
  for (const Binary& op : binaries)
    for (const auto& pair : shapes) binary(source, op, pair.first, pair.second);
  maps(source);
  for (const Shape& shape :
       {Shape{1}, {10}, {7, 10}, {3, 5, 17}, {64, 1008}, {4, 16}, {5, 1}, {0, 3}, {3, 0}, {40000, 3}}) {
    softmax(source, shape, 3);
    softmax(source, shape, 300);
  }
  others(source);
  for (int64_t size : {0, 1, 3, 64, 65, 1000, 200003}) drop(source, size, 0.3f);
  drop(source, 500, 0.0f);
  drop(source, 500, 0.99f);
  hostile();
  return finish();
}
