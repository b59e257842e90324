// Winograd convolution and its filters' transform against a plain convolution in double.
#include "ops.h"

namespace ocellus {
namespace OCELLUS_ISA {
extern const KernelFamily winogradFamily;
}
}  // namespace ocellus

namespace {

const KernelFamily& family = ocellus::OCELLUS_ISA::winogradFamily;

struct Problem {
  int64_t batch, height, width, channels, filters, tile, kernel, padding;
};

std::vector<double> convolution(const Problem& p, const Tensor& x, const Tensor& w, const Tensor& y) {
  std::vector<double> sums(y.values.size());
  const int64_t outY = y.shape[1], outX = y.shape[2];
  for (int64_t i = 0; i < y.size(); i++) {
    const int64_t f = i % p.filters, ox = i / p.filters % outX, oy = i / p.filters / outX % outY;
    const int64_t image = i / p.filters / outX / outY;
    for (int64_t ky = 0; ky < p.kernel; ky++) {
      for (int64_t kx = 0; kx < p.kernel; kx++) {
        const int64_t iy = oy + ky - p.padding, ix = ox + kx - p.padding;
        if (iy < 0 || ix < 0 || iy >= p.height || ix >= p.width) continue;
        for (int64_t c = 0; c < p.channels; c++)
          sums[static_cast<size_t>(i)] += x[((image * p.height + iy) * p.width + ix) * p.channels + c] *
                                          w[((ky * p.kernel + kx) * p.channels + c) * p.filters + f];
      }
    }
  }
  return sums;
}

void forward(Random& source, const Problem& p, int64_t activation) {
  const int64_t alpha = p.tile + p.kernel - 1, panels = (p.filters + 31) / 32;
  const Tensor x = random(source, {p.batch, p.height, p.width, p.channels});
  const Tensor w = random(source, {p.kernel, p.kernel, p.channels, p.filters}), bias = random(source, {p.filters});
  std::vector<Tensor> u = {empty({alpha * alpha, panels, p.channels, 32})};
  if (!run(family, "winogradFilter", {w}, u, Attrs().i(p.tile).i(0))) return;
  const int64_t outY = p.height + 2 * p.padding - p.kernel + 1, outX = p.width + 2 * p.padding - p.kernel + 1;
  std::vector<Tensor> y = {empty({p.batch, outY, outX, p.filters})};
  const Tensor residual = activation == 1 ? random(source, y[0].shape) : absent();
  Attrs attrs = Attrs().i(p.tile).i(p.kernel).i(p.filters);
  for (int side = 0; side < 4; side++) attrs.i(p.padding);
  if (!run(family, "winogradConv2d", {x, u[0], bias, residual}, y, attrs.i(activation))) return;
  std::vector<double> want = convolution(p, x, w, y[0]);
  for (size_t i = 0; i < want.size(); i++) {
    want[i] += bias[static_cast<int64_t>(i) % p.filters] + (residual.present ? residual[static_cast<int64_t>(i)] : 0);
    if (activation != 0 && want[i] < 0) want[i] = 0;
    if (activation == 4 && want[i] > 6) want[i] = 6;
  }
  const std::string name = "winogradConv2d " + std::to_string(p.tile) + " " + std::to_string(p.filters);
  const double tolerance = p.tile == 6 ? 6e-5 : 2e-5;
  close(y[0], want, tolerance * sqrt(static_cast<double>(p.channels)), name);
}

}  // namespace

int main() {
  Random source;
  const Problem problems[] = {
      {1, 4, 4, 3, 5, 4, 3, 1},     {2, 9, 7, 17, 16, 4, 3, 1},  {3, 13, 14, 16, 48, 4, 3, 0},
      {1, 6, 6, 6, 32, 2, 5, 2},    {2, 17, 11, 8, 37, 6, 3, 1}, {5, 30, 30, 4, 16, 4, 3, 1},
      {1, 56, 56, 16, 64, 6, 3, 1}, {4, 5, 5, 70, 96, 4, 3, 1},  {2, 12, 12, 1, 1, 2, 5, 0},
  };
  for (const Problem& problem : problems)
    for (const int64_t activation : {0, 1, 4}) forward(source, problem, activation);
  return finish();
}
