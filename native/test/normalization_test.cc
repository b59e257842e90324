// Batch normalization against plain loops in double: few and many channels, means far from zero, all optional inputs
// and activations.
#include "ops.h"

namespace ocellus {
namespace OCELLUS_ISA {
extern const KernelFamily normalizationFamily;
}
}  // namespace ocellus

namespace {

const KernelFamily& family = ocellus::OCELLUS_ISA::normalizationFamily;

double activate(int64_t activation, double x) {
  switch (activation) {
    case 1:
      return x < 0 ? 0 : x;
    case 2:
      return 1 / (1 + ::exp(-x));
    case 3:
      return ::tanh(x);
    case 4:
      return x < 0 ? 0 : x > 6 ? 6 : x;
    default:
      return x;
  }
}

struct Moments {
  std::vector<double> mean, variance;
};

Moments momentsOf(const Tensor& x) {
  const int64_t channels = x.shape.back(), rows = x.size() / channels;
  Moments moments = {std::vector<double>(channels), std::vector<double>(channels)};
  for (int64_t i = 0; i < x.size(); i++) moments.mean[i % channels] += x[i] / static_cast<double>(rows);
  for (int64_t i = 0; i < x.size(); i++) {
    const double delta = x[i] - moments.mean[i % channels];
    moments.variance[i % channels] += delta * delta / static_cast<double>(rows);
  }
  return moments;
}

std::string nameOf(const char* op, const Tensor& x, int64_t activation) {
  std::string name = op;
  for (int64_t dim : x.shape) name += " " + std::to_string(dim);
  return name + " activation " + std::to_string(activation);
}

void forward(Random& source, const Shape& shape, double offset, int64_t activation, bool withGamma, bool withBeta) {
  const Tensor x = random(source, shape, 2, offset);
  const int64_t channels = shape.back();
  const Tensor gamma = withGamma ? random(source, {channels}, 0.5, 1) : absent();
  // relu6 should see values around both of its ends.
  const Tensor beta = withBeta ? random(source, {channels}, activation == 4 ? 6 : 1) : absent();
  const float epsilon = 1e-3f;
  const std::string name = nameOf("batchNorm", x, activation);
  std::vector<Tensor> got = {empty(shape), empty({channels}), empty({channels})};
  if (!run(family, "batchNorm", {x, gamma, beta}, got, Attrs().f(epsilon).i(activation))) return;
  const Moments moments = momentsOf(x);
  auto normalized = [&](const std::vector<double>& mean, const std::vector<double>& variance) {
    std::vector<double> y(x.values.size());
    for (int64_t i = 0; i < x.size(); i++) {
      const int64_t c = i % channels;
      const double scaled = (x[i] - mean[c]) / ::sqrt(variance[c] + epsilon) * (withGamma ? gamma[c] : 1);
      y[i] = activate(activation, scaled + (withBeta ? beta[c] : 0));
    }
    return y;
  };
  // The float that stores a mean is off by up to 6e-8 of it.
  const double lost = 1 + fabs(offset) / 10;
  close(got[0], normalized(moments.mean, moments.variance), 3e-6 * lost, name);
  close(got[1], moments.mean, 1e-6, name + ", mean");
  close(got[2], moments.variance, 3e-6, name + ", variance");

  const Tensor mean = random(source, {channels}), variance = random(source, {channels}, 0.5, 1);
  std::vector<Tensor> y = {empty(shape)};
  if (!run(family, "batchNormInference", {x, gamma, beta, mean, variance}, y, Attrs().f(epsilon).i(activation))) return;
  close(y[0], normalized(mean.values, variance.values), 3e-6, nameOf("batchNormInference", x, activation));
}

void backward(Random& source, const Shape& shape, double offset, bool withGamma) {
  const Tensor x = random(source, shape, 2, offset), dy = random(source, shape, 1, 0.1);
  const int64_t channels = shape.back();
  const double rows = static_cast<double>(x.size() / channels);
  const Tensor gamma = withGamma ? random(source, {channels}, 0.5, 1) : absent();
  const float epsilon = 1e-3f;
  const Moments moments = momentsOf(x);
  Tensor mean = empty({channels}), variance = empty({channels});
  for (int64_t c = 0; c < channels; c++) {
    mean[c] = static_cast<float>(moments.mean[c]);
    variance[c] = static_cast<float>(moments.variance[c]);
  }
  const Tensor beta = random(source, {channels}, 6);
  // The attribute of batchNormGrad: linear, relu, relu6. Then once with given statistics.
  for (int64_t activation = 0; activation <= 3; activation++) {
    const bool inference = activation == 3, cuts = activation == 1 || activation == 2;
    const double ceiling = activation == 2 ? 6 : INFINITY;
    const char* op = inference ? "batchNormInferenceGrad" : "batchNormGrad";
    std::vector<Tensor> inputs = {x, gamma, mean, variance, dy};
    Attrs attrs = Attrs().f(epsilon);
    if (!inference) {
      inputs.push_back(cuts && withGamma ? beta : absent());
      attrs.i(activation);
    }
    std::vector<Tensor> got = {empty(shape), empty({channels}), empty({channels})};
    if (!run(family, op, inputs, got, attrs)) return;
    std::vector<double> dgamma(channels), dbeta(channels), dx(x.values.size());
    // Where it is beyond doubt on which side of an end a value lay.
    std::vector<double> behind(x.values.size());
    bool doubtful = false;
    for (int64_t i = 0; i < x.size(); i++) {
      const int64_t c = i % channels;
      const double normal = (x[i] - mean[c]) / ::sqrt(variance[c] + epsilon);
      const double before = normal * (withGamma ? gamma[c] : 1) + (withGamma ? beta[c] : 0);
      const double distance = fmin(fabs(before), fabs(before - ceiling));
      doubtful = doubtful || (cuts && distance < 1e-6 * (1 + fabs(normal)));
      behind[i] = cuts && (before <= 0 || before >= ceiling) ? 0 : dy[i];
      dbeta[c] += behind[i];
      dgamma[c] += behind[i] * normal;
    }
    // One gradient more or less would be right, too.
    if (doubtful) continue;
    for (int64_t i = 0; i < x.size(); i++) {
      const int64_t c = i % channels;
      const double r = 1 / ::sqrt(variance[c] + epsilon), g = withGamma ? gamma[c] : 1;
      const double through = (dbeta[c] + (x[i] - mean[c]) * r * dgamma[c]) / rows;
      dx[i] = g * r * (behind[i] - (inference ? 0 : through));
    }
    // Single rows: variance 0 makes 1 / sqrt(epsilon) large.
    const double scale = rows < 2 ? 1e-4 : 3e-6;
    close(got[0], dx, scale, nameOf(op, x, 0));
    close(got[1], dgamma, 5e-6 * ::sqrt(rows), nameOf(op, x, 0) + ", dgamma");
    close(got[2], dbeta, 1e-6 * ::sqrt(rows), nameOf(op, x, 0) + ", dbeta");
  }
}

void others() {
  std::vector<Tensor> y = {empty({3})};
  run(family, "updateAverage", {list({1, 2, -4}), list({2, 0, 8})}, y, Attrs().f(0.99f).f(1.5f));
  close(y[0], {0.99 + 0.03, 1.98, -3.96 + 0.12}, 1e-7, "updateAverage");
  const Tensor x = empty({2, 3}), three = empty({3}), two = empty({2});
  const Attrs attrs = Attrs().f(1e-3f).i(0);
  check(verdict(family, "batchNorm", {x, three, absent()}, {x, three, three}, attrs) == nullptr, "batchNorm accepts");
  rejects(family, "batchNorm", {x, two, absent()}, {x, three, three}, attrs, "a short gamma");
  rejects(family, "batchNorm", {x, absent(), two}, {x, three, three}, attrs, "a short beta");
  rejects(family, "batchNorm", {x, three, three}, {x, two, three}, attrs, "a short mean");
  rejects(family, "batchNorm", {x, three, three}, {empty({3, 2}), three, three}, attrs, "another output shape");
  rejects(family, "batchNorm", {absent(), three, three}, {x, three, three}, attrs, "no x");
  rejects(family, "batchNorm", {x, three, three}, {x, three, three}, Attrs().f(1e-3f).i(5), "activation 5");
  rejects(family, "batchNorm", {x, three, three}, {x, three, three}, Attrs().f(1e-3f).i(-1), "activation -1");
  rejects(family, "batchNorm", {x, three, three}, {x, three, three}, Attrs().f(NAN).i(0), "an epsilon of NaN");
  rejects(family, "batchNorm", {empty({}), absent(), absent()}, {empty({}), three, three}, attrs, "a scalar");
  const Attrs linear = Attrs().f(0).i(0);
  const std::vector<Tensor> three3 = {x, three, three};
  rejects(family, "batchNormGrad", {x, three, absent(), three, x, absent()}, three3, linear, "no mean");
  rejects(family, "batchNormGrad", {x, three, three, three, two, absent()}, three3, linear, "a short dy");
  rejects(family, "batchNormGrad", {x, three, three, three, x, two}, three3, linear, "a short beta");
  rejects(family, "batchNormGrad", {x, three, three, three, x, three}, three3, Attrs().f(0).i(3), "activation 3");
  rejects(family, "updateAverage", {three, two}, {three}, Attrs().f(0).f(0), "unequal shapes");
}

}  // namespace

int main() {
  Random source;
  const Shape shapes[] = {{4},          {7, 5},        {1, 3},     {3, 67},         {13, 1},
                          {2, 3, 5, 3}, {2, 9, 9, 16}, {5, 7, 32}, {100, 129},      {3, 5, 7, 11, 2},
                          {20000, 1},   {30011, 3},    {5003, 64}, {2, 60, 60, 30}, {40, 2100},
                          {700, 512},   {9, 1, 1, 8},  {17, 15},   {16, 15},        {160001, 2}};
  int64_t round = 0;
  for (const Shape& shape : shapes) {
    for (const double offset : {0.0, 100.0, -3000.0}) {
      forward(source, shape, offset, round % 5, round % 3 != 0, round % 4 != 0);
      round++;
    }
    backward(source, shape, 0, round % 2 == 0);
    backward(source, shape, 30, true);
  }
  others();
  return finish();
}
