// The four convolution rows against loops in double precision that follow the definition, over shapes chosen to hurt:
// prime sizes, axes of one, dilation with stride, groups, uneven padding, empty batches; and what check must reject.
#include "ops.h"

using namespace ocellus;

namespace ocellus {
namespace OCELLUS_ISA {
extern const KernelFamily convFamily;
}
}  // namespace ocellus

namespace {

const KernelFamily& family = ocellus::OCELLUS_ISA::convFamily;

struct Conv {
  int64_t batch, height, width, channels;
  int64_t kernelY, kernelX, filters;
  int64_t strideY, strideX;
  int64_t top, bottom, left, right;
  int64_t dilationY, dilationX;
  int64_t groups;

  int64_t outY() const { return (height + top + bottom - ((kernelY - 1) * dilationY + 1)) / strideY + 1; }
  int64_t outX() const { return (width + left + right - ((kernelX - 1) * dilationX + 1)) / strideX + 1; }
  bool fits() const {
    return height + top + bottom >= (kernelY - 1) * dilationY + 1 &&
           width + left + right >= (kernelX - 1) * dilationX + 1;
  }
  Shape input() const { return {batch, height, width, channels}; }
  Shape weight() const { return {kernelY, kernelX, channels / groups, filters}; }
  Shape output() const { return {batch, outY(), outX(), filters}; }
  Attrs& append(Attrs& attrs) const {
    return attrs.i(strideY).i(strideX).i(top).i(bottom).i(left).i(right).i(dilationY).i(dilationX).i(groups);
  }
  std::string name() const {
    char text[200];
    snprintf(text, sizeof text,
             "[%d %d %d %d] kernel %dx%d filters %d strides %d %d padding %d %d %d %d dilation %d %d groups %d",
             (int)batch, (int)height, (int)width, (int)channels, (int)kernelY, (int)kernelX, (int)filters, (int)strideY,
             (int)strideX, (int)top, (int)bottom, (int)left, (int)right, (int)dilationY, (int)dilationX, (int)groups);
    return text;
  }

  // Calls body(x index, weight index, y index) for every multiplication.
  template <class F>
  void forEachProduct(const F& body) const {
    const int64_t groupChannels = channels / groups, groupFilters = filters / groups;
    for (int64_t n = 0; n < batch; n++)
      for (int64_t oy = 0; oy < outY(); oy++)
        for (int64_t ox = 0; ox < outX(); ox++)
          for (int64_t ky = 0; ky < kernelY; ky++)
            for (int64_t kx = 0; kx < kernelX; kx++) {
              const int64_t y = oy * strideY - top + ky * dilationY, x = ox * strideX - left + kx * dilationX;
              if (y < 0 || y >= height || x < 0 || x >= width) continue;
              for (int64_t c = 0; c < groupChannels; c++)
                for (int64_t f = 0; f < filters; f++)
                  body(((n * height + y) * width + x) * channels + f / groupFilters * groupChannels + c,
                       ((ky * kernelX + kx) * groupChannels + c) * filters + f,
                       ((n * outY() + oy) * outX() + ox) * filters + f);
            }
  }
};

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

void finishRows(std::vector<double>& values, const Tensor& bias, int64_t activation) {
  for (size_t i = 0; i < values.size(); i++) {
    if (bias.present) values[i] += bias[static_cast<int64_t>(i) % bias.size()];
    values[i] = activate(activation, values[i]);
  }
}

// Rounding errors grow like the root of the number of terms.
double tolerance(int64_t terms) { return 2e-6 * sqrt(1.0 + (double)terms); }

Shape packedShape(const Conv& c) { return {(c.filters + 31) / 32, c.kernelY * c.kernelX * c.channels, 32}; }

Attrs packedAttrs(const Conv& c, int64_t activation) {
  Attrs attrs;
  attrs.i(c.kernelY).i(c.kernelX).i(c.filters).i(c.strideY).i(c.strideX);
  attrs.i(c.top).i(c.bottom).i(c.left).i(c.right).i(c.dilationY).i(c.dilationX);
  return attrs.i(activation);
}

// With a packed weight, whatever stands behind the last filter, the output has the bits it has without.
void packedIsTheSame(const Conv& c, int64_t activation, const Tensor& x, const Tensor& w, const Tensor& bias,
                     const Tensor& residual, const Tensor& y) {
  std::vector<Tensor> packed = {empty(packedShape(c))}, out = {empty(c.output())};
  if (!run(family, "packFilter", {w}, packed, Attrs())) return;
  const int64_t k = packed[0].shape[1];
  bool right = true;
  for (int64_t i = 0; i < packed[0].size(); i++) {
    const int64_t filter = i / 32 / k * 32 + i % 32;
    const double expected = filter < c.filters ? w[i / 32 % k * c.filters + filter] : 0;
    right &= packed[0][i] == expected;
    if (filter >= c.filters) packed[0][i] = NAN;
  }
  check(right, ("packFilter " + c.name()).c_str());
  if (run(family, "packedConv2d", {x, packed[0], bias, residual}, out, packedAttrs(c, activation)))
    check(out[0].values == y.values, ("packedConv2d " + c.name()).c_str());
}

void all(Random& source, const Conv& c, int64_t activation, bool withBias) {
  const Tensor x = random(source, c.input()), w = random(source, c.weight()), dy = random(source, c.output());
  const Tensor bias = withBias ? random(source, {c.filters}) : absent();
  const Tensor biasOfInput = withBias ? random(source, {c.channels}) : absent();
  std::vector<double> y(static_cast<size_t>(dy.size())), dx(static_cast<size_t>(x.size()));
  std::vector<double> dw(static_cast<size_t>(w.size()));
  c.forEachProduct([&](int64_t i, int64_t j, int64_t o) {
    y[o] += x[i] * w[j];
    dx[i] += dy[o] * w[j];
    dw[j] += x[i] * dy[o];
  });
  const int64_t taps = c.kernelY * c.kernelX;
  std::vector<Tensor> out = {empty(c.output())};
  Attrs forward;
  // Where the bias is, half of the time; groups take none.
  const bool withResidual = withBias && c.groups == 1 && source.below(2) != 0;
  const Tensor residual = withResidual ? random(source, c.output()) : absent();
  if (withResidual)
    for (size_t i = 0; i < y.size(); i++) y[i] += residual[static_cast<int64_t>(i)];
  finishRows(y, bias, activation);
  if (run(family, "conv2d", {x, w, bias, residual}, out, c.append(forward).i(activation)))
    close(out[0], y, tolerance(taps * c.channels), "conv2d " + c.name());
  if (c.groups == 1) packedIsTheSame(c, activation, x, w, bias, residual, out[0]);

  out = {empty(c.input())};
  Attrs gradInput;
  if (run(family, "conv2dGradInput", {dy, w}, out, c.append(gradInput.i(c.height).i(c.width))))
    close(out[0], dx, tolerance(taps * c.filters), "conv2dGradInput " + c.name());

  finishRows(dx, biasOfInput, activation);
  Attrs transposed;
  if (run(family, "conv2dTranspose", {dy, w, biasOfInput}, out,
          c.append(transposed.i(c.height).i(c.width)).i(activation)))
    close(out[0], dx, tolerance(taps * c.filters), "conv2dTranspose " + c.name());

  out = {empty(c.weight())};
  Attrs gradWeight;
  if (run(family, "conv2dGradWeight", {x, dy}, out, c.append(gradWeight.i(c.kernelY).i(c.kernelX))))
    close(out[0], dw, tolerance(c.batch * c.outY() * c.outX()), "conv2dGradWeight " + c.name());
}

// Image `image` of a batch.
Tensor imageOf(const Tensor& batch, int64_t image) {
  Tensor one = empty({1, batch.shape[1], batch.shape[2], batch.shape[3]});
  for (int64_t i = 0; i < one.size(); i++) one[i] = batch[image * one.size() + i];
  return one;
}

// The last image of a batch must come out the same, bit for bit, when it is alone.
void imagesAreIndependent(Random& source, const Conv& c) {
  Conv single = c;
  single.batch = 1;
  const Tensor x = random(source, c.input()), w = random(source, c.weight()), dy = random(source, c.output());
  std::vector<Tensor> all = {empty(c.output())}, one = {empty(single.output())};
  Attrs forward, gradInput;
  c.append(forward).i(0);
  c.append(gradInput.i(c.height).i(c.width));
  run(family, "conv2d", {x, w, absent(), absent()}, all, forward);
  run(family, "conv2d", {imageOf(x, c.batch - 1), w, absent(), absent()}, one, forward);
  check(imageOf(all[0], c.batch - 1).values == one[0].values, ("conv2d of an image alone " + c.name()).c_str());
  all = {empty(c.input())};
  one = {empty(single.input())};
  run(family, "conv2dGradInput", {dy, w}, all, gradInput);
  run(family, "conv2dGradInput", {imageOf(dy, c.batch - 1), w}, one, gradInput);
  check(imageOf(all[0], c.batch - 1).values == one[0].values,
        ("conv2dGradInput of an image alone " + c.name()).c_str());
}

Conv anyConv(Random& source) {
  static const int64_t groupSizes[] = {1, 1, 2, 3, 5, 8, 16, 17};
  Conv c = {};
  do {
    c.batch = source.below(4);
    c.height = 1 + source.below(17);
    c.width = 1 + source.below(17);
    c.groups = source.below(3) == 0 ? 1 + source.below(5) : 1;
    c.channels = c.groups * groupSizes[source.below(8)];
    c.filters = c.groups * groupSizes[source.below(8)];
    c.kernelY = 1 + source.below(5);
    c.kernelX = 1 + source.below(5);
    c.strideY = 1 + source.below(4);
    c.strideX = 1 + source.below(4);
    c.top = source.below(4);
    c.bottom = source.below(4);
    c.left = source.below(4);
    c.right = source.below(4);
    c.dilationY = 1 + source.below(4);
    c.dilationX = 1 + source.below(4);
  } while (!c.fits());
  return c;
}

// One filter per channel: wide enough for the paths of windows that lie inside, and every way to lie outside.
Conv anyDepthwise(Random& source) {
  static const int64_t channels[] = {2, 3, 8, 16, 17, 33};
  Conv c = anyConv(source);
  do {
    c.height = 1 + source.below(9);
    c.width = 1 + source.below(40);
    c.groups = c.channels = c.filters = channels[source.below(6)];
    c.kernelY = c.kernelX = source.below(4) == 0 ? 5 : 3;
    c.strideY = c.strideX = 1 + source.below(3);
    c.dilationY = c.dilationX = source.below(3) == 0 ? 2 : 1;
  } while (!c.fits());
  return c;
}

// Few filters or channels at stride 1: rows shorter and longer than vectors, and borders wider than the kernel.
Conv anyNarrow(Random& source) {
  static const int64_t widths[] = {1, 2, 7, 13, 15, 16, 17, 29, 33, 47}, others[] = {1, 2, 3, 5, 8, 16, 19};
  Conv c = anyConv(source);
  do {
    c.height = 1 + source.below(12);
    c.width = widths[source.below(10)];
    c.groups = 1;
    c.channels = others[source.below(7)];
    c.filters = 1 + source.below(16);
    if (source.below(2) == 0) {
      const int64_t filters = c.filters;
      c.filters = c.channels;
      c.channels = filters;
    }
    c.strideY = c.strideX = 1;
    c.dilationY = 1 + source.below(4) / 3;
    c.dilationX = 1 + source.below(4) / 3;
    if (source.below(4) == 0) c.top = c.left = 7;
    if (source.below(4) == 0) c.bottom = c.right = 6;
  } while (!c.fits());
  return c;
}

// An infinite pixel, or none, changes what its windows give and nothing beside them.
void specialPixels(Random& source, const Conv& c) {
  Tensor x = random(source, c.input(), 1, 2), dy = random(source, c.output(), 1, 2);
  const Tensor w = random(source, c.weight(), 1, 2), plain = random(source, c.output(), 1, 2);
  for (int i = 0; i < 3 && x.size() > 0; i++) {
    x[source.below(2) == 0 ? source.below(x.size()) : x.size() - 1] = INFINITY;
    dy[source.below(2) == 0 ? source.below(dy.size()) : dy.size() - 1] = source.below(4) == 0 ? NAN : INFINITY;
  }
  std::vector<double> y(static_cast<size_t>(dy.size())), dx(static_cast<size_t>(x.size()));
  std::vector<double> dw(static_cast<size_t>(w.size()));
  c.forEachProduct([&](int64_t i, int64_t j, int64_t o) {
    y[o] += x[i] * w[j];
    dx[i] += dy[o] * w[j];
    dw[j] += x[i] * plain[o];
  });
  std::vector<Tensor> out = {empty(c.output())};
  Attrs forward, gradInput, gradWeight;
  run(family, "conv2d", {x, w, absent(), absent()}, out, c.append(forward).i(0));
  close(out[0], y, tolerance(c.kernelY * c.kernelX * c.channels), "conv2d of special pixels " + c.name());
  out = {empty(c.input())};
  run(family, "conv2dGradInput", {dy, w}, out, c.append(gradInput.i(c.height).i(c.width)));
  close(out[0], dx, tolerance(c.kernelY * c.kernelX * c.filters), "conv2dGradInput of special pixels " + c.name());
  out = {empty(c.weight())};
  run(family, "conv2dGradWeight", {x, plain}, out, c.append(gradWeight.i(c.kernelY).i(c.kernelX)));
  close(out[0], dw, tolerance(c.batch * c.outY() * c.outX()), "conv2dGradWeight of special pixels " + c.name());
}

void rejections() {
  const Conv good = {2, 9, 8, 6, 3, 2, 4, 2, 1, 1, 0, 1, 1, 2, 1, 2};
  const auto tryConv = [&](const Conv& c, const char* what, int64_t activation = 0, Shape x = {}, Shape w = {},
                           Shape y = {}) {
    Attrs attrs;
    rejects(family, "conv2d",
            {empty(x.empty() ? good.input() : x), empty(w.empty() ? good.weight() : w), absent(), absent()},
            {empty(y.empty() ? good.output() : y)}, c.append(attrs).i(activation), what);
  };
  Conv bad = good;
  bad.strideY = 0;
  tryConv(bad, "a stride of 0");
  bad = good;
  bad.dilationX = -1;
  tryConv(bad, "a negative dilation");
  bad = good;
  bad.left = -1;
  tryConv(bad, "negative padding");
  bad = good;
  bad.groups = 0;
  tryConv(bad, "no groups");
  bad = good;
  bad.groups = 4;
  tryConv(bad, "groups that do not divide the channels");
  bad = good;
  bad.top = 2000000000;
  bad.bottom = 2000000000;
  tryConv(bad, "padding that does not give the output size");
  bad = good;
  bad.dilationY = 2147483647;
  tryConv(bad, "a kernel larger than the image");
  tryConv(good, "an unknown activation", 5);
  tryConv(good, "a negative activation", -1);
  tryConv(good, "rank 3", 0, {2, 9, 8});
  tryConv(good, "another batch size", 0, {}, {}, {3, good.outY(), good.outX(), 4});
  tryConv(good, "a weight for other channels", 0, {}, {3, 2, 6, 4});
  tryConv(good, "an output too high", 0, {}, {}, {2, good.outY() + 1, good.outX(), 4});
  tryConv(good, "an output too narrow", 0, {}, {}, {2, good.outY(), good.outX() - 1, 4});
  Attrs attrs;
  rejects(family, "conv2d", {empty(good.input()), empty(good.weight()), empty({5}), absent()}, {empty(good.output())},
          good.append(attrs).i(0), "a bias of another length");
  const Conv plain = {2, 9, 8, 6, 3, 2, 40, 2, 1, 1, 0, 1, 1, 2, 1, 1};
  const auto tryPacked = [&](const Conv& c, const char* what, Shape packed = {}, Shape w = {}) {
    const Tensor form = empty(packed.empty() ? packedShape(plain) : packed);
    if (w.empty()) {
      const Attrs given = packedAttrs(c, 0);
      rejects(family, "packedConv2d", {empty(plain.input()), form, absent(), absent()}, {empty(plain.output())}, given,
              what);
    } else {
      rejects(family, "packFilter", {empty(w)}, {form}, Attrs(), what);
    }
  };
  bad = plain;
  bad.kernelY = -3;
  tryPacked(bad, "a negative kernel");
  bad = plain;
  bad.filters = 64;
  tryPacked(bad, "another number of filters");
  bad = plain;
  bad.strideX = 0;
  tryPacked(bad, "a packed convolution with a stride of 0");
  tryPacked(plain, "too few panels", {1, 36, 32});
  tryPacked(plain, "panels of another length", {2, 35, 32});
  tryPacked(plain, "panels of another width", {3, 36, 16});
  tryPacked(plain, "a weight of rank 3", {}, {3, 2, 240});
  tryPacked(plain, "a weight without filters", {0, 36, 32}, {3, 2, 6, 0});
  tryPacked(plain, "a weight of another size", {}, {3, 2, 6, 70});
  const std::vector<Tensor> residuals = {empty(good.input()), empty(good.weight()), absent(), empty(good.output())};
  rejects(family, "conv2d", residuals, {empty(good.output())}, attrs, "a residual beside groups");
  Attrs plainAttrs;
  rejects(family, "conv2d", {empty(plain.input()), empty(plain.weight()), absent(), empty(plain.input())},
          {empty(plain.output())}, plain.append(plainAttrs).i(0), "a residual of another shape");
  Attrs size;
  rejects(family, "conv2dGradInput", {empty(good.output()), empty(good.weight())}, {empty(good.input())},
          good.append(size.i(good.height + 1).i(good.width)), "an inputSize that is not the output's");
  Attrs kernel;
  rejects(family, "conv2dGradWeight", {empty(good.input()), empty(good.output())}, {empty(good.weight())},
          good.append(kernel.i(good.kernelY).i(good.kernelX + 1)), "a kernelSize that is not the output's");
  Attrs out;
  rejects(family, "conv2dTranspose", {empty(good.output()), empty(good.weight()), absent()}, {empty(good.input())},
          good.append(out.i(good.height).i(good.width - 1)).i(0), "an outputSize that is not the output's");
}

}  // namespace

int main() {
  Random source;
  for (int i = 0; i < 250; i++) all(source, anyConv(source), source.below(5), source.below(2) != 0);
  for (int i = 0; i < 150; i++) all(source, anyDepthwise(source), source.below(5), source.below(2) != 0);
  for (int i = 0; i < 250; i++) all(source, anyNarrow(source), source.below(5), source.below(2) != 0);
  for (int i = 0; i < 100; i++) specialPixels(source, anyNarrow(source));
  for (int i = 0; i < 50; i++) specialPixels(source, anyConv(source));
  const Conv cases[] = {
      {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1},       // one multiplication
      {0, 5, 5, 3, 3, 3, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1},       // an empty batch
      {2, 11, 7, 24, 1, 1, 40, 1, 1, 0, 0, 0, 0, 1, 1, 1},    // pointwise
      {2, 11, 7, 24, 1, 1, 40, 1, 1, 0, 0, 0, 0, 1, 1, 4},    // pointwise in groups
      {2, 11, 7, 24, 1, 1, 40, 2, 2, 0, 0, 0, 0, 1, 1, 1},    // pointwise with strides: phases without taps
      {1, 13, 13, 12, 3, 3, 12, 1, 1, 1, 1, 1, 1, 1, 1, 12},  // depthwise
      {1, 13, 13, 12, 3, 3, 36, 2, 2, 0, 1, 0, 1, 1, 1, 12},  // depthwise with a multiplier
      {4, 28, 28, 1, 5, 5, 6, 1, 1, 2, 2, 2, 2, 1, 1, 1},     // first layers
      {4, 14, 14, 6, 5, 5, 16, 1, 1, 0, 0, 0, 0, 1, 1, 1},
      {2, 32, 32, 3, 3, 3, 32, 1, 1, 1, 1, 1, 1, 1, 1, 1},
      {2, 70, 131, 5, 3, 3, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1},  // several blocks of an image
      {1, 41, 67, 11, 2, 5, 3, 1, 1, 1, 0, 4, 0, 1, 1, 1},
      {2, 16, 16, 32, 3, 3, 64, 1, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 8, 8, 64, 3, 3, 130, 1, 1, 1, 1, 1, 1, 1, 1, 1},  // few rows
      {1, 23, 19, 37, 3, 5, 29, 3, 2, 2, 0, 1, 3, 2, 3, 1},
      {1, 4, 4, 3, 3, 3, 5, 5, 7, 0, 0, 0, 0, 1, 1, 1},      // strides past the kernel
      {1, 9, 9, 4, 3, 3, 4, 2, 4, 3, 3, 3, 3, 4, 2, 2},      // dilation that is a multiple of the stride
      {1, 3, 3, 2, 3, 3, 2, 1, 1, 30, 30, 30, 30, 1, 1, 1},  // mostly padding
      {1, 29, 31, 18, 7, 7, 256, 2, 2, 3, 3, 3, 3, 1, 1, 1},
      {1, 20, 20, 130, 3, 3, 256, 1, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 9, 9, 200, 3, 3, 290, 1, 1, 1, 1, 1, 1, 1, 1, 1},   // more weights than a block of them takes
      {1, 7, 7, 1024, 1, 1, 140, 1, 1, 0, 0, 0, 0, 1, 1, 1},  // several runs of k, a bad pitch
  };
  for (const Conv& c : cases) all(source, c, source.below(5), true);
  const Conv batches[] = {
      {32, 14, 14, 6, 5, 5, 16, 1, 1, 0, 0, 0, 0, 1, 1, 1},   {33, 28, 28, 1, 5, 5, 6, 1, 1, 2, 2, 2, 2, 1, 1, 1},
      {5, 19, 23, 4, 3, 3, 8, 1, 1, 1, 1, 1, 1, 1, 1, 1},     {9, 28, 28, 16, 3, 3, 70, 1, 1, 1, 1, 1, 1, 1, 1, 1},
      {9, 28, 28, 34, 3, 3, 64, 2, 2, 1, 1, 1, 1, 1, 1, 1},   {5, 40, 40, 3, 5, 5, 33, 1, 1, 4, 0, 0, 4, 2, 2, 1},
      {20, 17, 17, 32, 3, 3, 520, 1, 1, 0, 0, 0, 0, 1, 1, 1},
  };
  for (const Conv& c : batches) imagesAreIndependent(source, c);
  rejections();
  return finish();
}
