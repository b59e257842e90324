// Group normalization of [batch, positions, channels]. Sums are taken per channel along the positions, vectors along
// the channels, and then over the channels of a group. A unit of work is a sample and some whole groups, so that one
// sample keeps several threads busy; the gradient's units are fixed ranges of samples, whose sums for gamma and beta
// are added up in order.
#include "common.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct GroupNormAttrs {
  int32_t groups;
  float epsilon;
  int32_t centered;
};
static_assert(sizeof(GroupNormAttrs) == 12, "slots");

const char* checkShapes(const KernelContext& context) {
  const GroupNormAttrs& attrs = attrsOf<GroupNormAttrs>(context);
  const TensorView& x = context.inputs[0];
  if (x.rank != 3) return "expected x of rank 3";
  if (x.dims[1] < 1 || x.dims[2] < 1) return "expected positions and channels";
  if (attrs.groups < 1 || x.dims[2] % attrs.groups != 0) return "expected channels divisible by groups";
  if (!(attrs.epsilon >= 0)) return "expected an epsilon of at least 0";
  if (!isFlag(attrs.centered)) return "expected centered to be 0 or 1";
  if (context.inputs[1].present && !isVector(context.inputs[1], x.dims[2])) return "expected one gamma per channel";
  return sameShape(x, context.outputs[0]) ? nullptr : "expected an output of the shape of x";
}

const char* checkForward(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 3, 1, 6)) return wrong;
  if (const char* wrong = checkShapes(context)) return wrong;
  const TensorView& beta = context.inputs[2];
  return beta.present && !isVector(beta, context.inputs[0].dims[2]) ? "expected one beta per channel" : nullptr;
}

const char* checkGrad(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 3, 3, 2)) return wrong;
  if (const char* wrong = checkShapes(context)) return wrong;
  const int64_t channels = context.inputs[0].dims[2];
  if (!sameShape(context.inputs[0], context.inputs[2])) return "expected a dy of the shape of x";
  const bool fits = isVector(context.outputs[1], channels) && isVector(context.outputs[2], channels);
  return fits ? nullptr : "expected one dgamma and one dbeta per channel";
}

// Channels of a block of groups: some cache lines of a position at least.
constexpr int64_t kBlockChannels = 64;

struct Layout {
  int64_t batch, positions, channels;
  int64_t width;  // channels of a group
  int64_t block;  // channels of a block of whole groups; the last may be short
  int64_t blocks;
};

Layout layoutOf(const KernelContext& context) {
  const TensorView& x = context.inputs[0];
  Layout layout = {x.dims[0], x.dims[1], x.dims[2], 0, 0, 0};
  layout.width = layout.channels / attrsOf<GroupNormAttrs>(context).groups;
  layout.block = minOf(layout.channels, ceilDiv(kBlockChannels, layout.width) * layout.width);
  layout.blocks = ceilDiv(layout.channels, layout.block);
  return layout;
}

// The channels [first, first + count) of a sample; `at` is where they begin in x.
struct Block {
  int64_t first, count, at;
};

Block blockOf(const Layout& layout, int64_t sample, int64_t index) {
  const int64_t first = index * layout.block;
  return {first, minOf(layout.block, layout.channels - first), sample * layout.positions * layout.channels + first};
}

// Positions that are summed without a pause, so that rounding errors grow slowly.
constexpr int64_t kRun = 64;

// sums[k * stride + j] = sum over the positions of the k-th of the values that value(i, j, lanes, out) writes for the
// vector at element i, channel j of the block.
template <int kinds, class F>
void sumPositions(const Layout& layout, const Block& block, float* sums, int64_t stride, const F& value) {
  for (int64_t start = 0; start < layout.positions; start += kRun) {
    const int64_t end = minOf(layout.positions, start + kRun);
    forVectors(0, block.count, [&](int64_t j, auto lanes) {
      Vec total[kinds];
      for (int k = 0; k < kinds; k++) total[k] = start ? load(sums + k * stride + j, lanes) : zero();
      Vec run[kinds];
      for (int k = 0; k < kinds; k++) run[k] = zero();
      for (int64_t s = start; s < end; s++) {
        Vec out[kinds];
        value(block.at + s * layout.channels + j, j, lanes, out);
        for (int k = 0; k < kinds; k++) run[k] = add(run[k], out[k]);
      }
      for (int k = 0; k < kinds; k++) store(sums + k * stride + j, add(total[k], run[k]), lanes);
    });
  }
}

double sumOfRun(const float* values, int64_t count) {
  double total = 0;
  for (int64_t first = 0; first < count; first += 1024) {
    Vec sum = zero();
    forVectors(first, minOf(count, first + 1024),
               [&](int64_t i, auto lanes) { sum = add(sum, load(values + i, lanes)); });
    total += static_cast<double>(reduceAdd(sum));
  }
  return total;
}

void fillRun(float* values, int64_t count, double value) {
  const Vec v = broadcast(static_cast<float>(value));
  forVectors(0, count, [&](int64_t i, auto lanes) { store(values + i, v, lanes); });
}

// Per channel of a block, the normalized value is (x - mean) * inverse + offset. The offset holds what rounding took
// from the mean, which counts when the mean is large.
struct Moments {
  float *mean, *inverse, *offset;
};

// sums: two values per channel of a block.
void findMoments(const KernelContext& context, const Layout& layout, const Block& block, const Moments& moments,
                 float* sums) {
  const GroupNormAttrs& attrs = attrsOf<GroupNormAttrs>(context);
  const float* x = f32(context.inputs[0]);
  const double count = static_cast<double>(layout.positions * layout.width);
  if (attrs.centered)
    sumPositions<1>(layout, block, sums, 0,
                    [&](int64_t i, int64_t, auto lanes, Vec* out) { out[0] = load(x + i, lanes); });
  for (int64_t c = 0; c < block.count; c += layout.width)
    fillRun(moments.mean + c, layout.width, attrs.centered ? sumOfRun(sums + c, layout.width) / count : 0.0);
  sumPositions<2>(layout, block, sums, layout.block, [&](int64_t i, int64_t j, auto lanes, Vec* out) {
    out[0] = sub(load(x + i, lanes), load(moments.mean + j, lanes));
    out[1] = mul(out[0], out[0]);
  });
  for (int64_t c = 0; c < block.count; c += layout.width) {
    const double missed = attrs.centered ? sumOfRun(sums + c, layout.width) / count : 0.0;
    const double variance = sumOfRun(sums + layout.block + c, layout.width) / count - missed * missed;
    const double inverse = 1.0 / __builtin_sqrt((variance < 0 ? 0 : variance) + static_cast<double>(attrs.epsilon));
    fillRun(moments.inverse + c, layout.width, inverse);
    fillRun(moments.offset + c, layout.width, -missed * inverse);
  }
}

Workspace workspaceOfForward(const KernelContext& context) {
  return {0, 5 * layoutOf(context).block * static_cast<int64_t>(sizeof(float))};
}

void runForward(const KernelContext& context) {
  const Layout layout = layoutOf(context);
  const TensorView &gamma = context.inputs[1], &beta = context.inputs[2];
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const int64_t cost = 24 * layout.positions * layout.block;
  parallelFor(context, layout.batch * layout.blocks, grainFor(cost), [&](int64_t begin, int64_t end, int32_t worker) {
    float* space = reinterpret_cast<float*>(context.threadScratch + worker * context.threadScratchStride);
    const Moments moments = {space, space + layout.block, space + 2 * layout.block};
    for (int64_t unit = begin; unit < end; unit++) {
      const Block block = blockOf(layout, unit / layout.blocks, unit % layout.blocks);
      findMoments(context, layout, block, moments, space + 3 * layout.block);
      // gamma and beta join in: y = (x - mean) * inverse + offset with other inverses and offsets.
      forVectors(0, block.count, [&](int64_t j, auto lanes) {
        const Vec g = gamma.present ? load(f32(gamma) + block.first + j, lanes) : broadcast(1.0f);
        const Vec b = beta.present ? load(f32(beta) + block.first + j, lanes) : zero();
        store(moments.inverse + j, mul(load(moments.inverse + j, lanes), g), lanes);
        store(moments.offset + j, fma(load(moments.offset + j, lanes), g, b), lanes);
      });
      for (int64_t s = 0; s < layout.positions; s++) {
        const int64_t at = block.at + s * layout.channels;
        forVectors(0, block.count, [&](int64_t j, auto lanes) {
          const Vec centered = sub(load(x + at + j, lanes), load(moments.mean + j, lanes));
          store(y + at + j, fma(centered, load(moments.inverse + j, lanes), load(moments.offset + j, lanes)), lanes);
        });
      }
    }
  });
}

// Ranges of samples whose sums for gamma and beta are kept apart.
int64_t chunksOf(const Layout& layout) {
  constexpr int64_t kMostChunks = 64, kMostSums = 1 << 20;
  return maxOf(1, minOf(minOf(layout.batch, kMostChunks), kMostSums / layout.channels));
}

Workspace workspaceOfGrad(const KernelContext& context) {
  const Layout layout = layoutOf(context);
  const int64_t size = sizeof(float);
  return {2 * chunksOf(layout) * layout.channels * size, 8 * layout.block * size};
}

// With n the normalized x and h = gamma dy: dx = inverse (h - mean(h) - n mean(h n)), means over the group; without
// centering the first mean is left out.
void runGrad(const KernelContext& context) {
  const Layout layout = layoutOf(context);
  const TensorView& gamma = context.inputs[1];
  const bool centered = attrsOf<GroupNormAttrs>(context).centered;
  const float *x = f32(context.inputs[0]), *dy = f32(context.inputs[2]);
  float *dx = f32(context.outputs[0]), *dgamma = f32(context.outputs[1]), *dbeta = f32(context.outputs[2]);
  const int64_t chunks = chunksOf(layout), perChunk = ceilDiv(layout.batch, chunks);
  float* partial = reinterpret_cast<float*>(context.scratch);
  const double count = static_cast<double>(layout.positions * layout.width);
  const int64_t cost = 40 * perChunk * layout.positions * layout.block;
  parallelFor(context, chunks * layout.blocks, grainFor(cost), [&](int64_t begin, int64_t end, int32_t worker) {
    float* space = reinterpret_cast<float*>(context.threadScratch + worker * context.threadScratchStride);
    const Moments moments = {space, space + layout.block, space + 2 * layout.block};
    float* sums = space + 3 * layout.block;  // of dy, then of dy n
    float *slope = sums + 2 * layout.block, *tilt = slope + layout.block, *shift = tilt + layout.block;
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t chunk = unit / layout.blocks;
      float* ownBeta = partial + 2 * chunk * layout.channels + unit % layout.blocks * layout.block;
      float* ownGamma = ownBeta + layout.channels;
      const int64_t width = blockOf(layout, 0, unit % layout.blocks).count;
      fillRun(ownBeta, width, 0);
      fillRun(ownGamma, width, 0);
      const int64_t last = minOf(layout.batch, (chunk + 1) * perChunk);
      for (int64_t sample = chunk * perChunk; sample < last; sample++) {
        const Block block = blockOf(layout, sample, unit % layout.blocks);
        findMoments(context, layout, block, moments, sums);
        auto normal = [&](int64_t i, int64_t j, auto lanes) {
          const Vec distance = sub(load(x + i, lanes), load(moments.mean + j, lanes));
          return fma(distance, load(moments.inverse + j, lanes), load(moments.offset + j, lanes));
        };
        sumPositions<2>(layout, block, sums, layout.block, [&](int64_t i, int64_t j, auto lanes, Vec* out) {
          out[0] = load(dy + i, lanes);
          out[1] = mul(out[0], normal(i, j, lanes));
        });
        forVectors(0, block.count, [&](int64_t j, auto lanes) {
          const Vec sum = load(sums + j, lanes), dot = load(sums + layout.block + j, lanes);
          const Vec g = gamma.present ? load(f32(gamma) + block.first + j, lanes) : broadcast(1.0f);
          store(ownBeta + j, add(load(ownBeta + j, lanes), sum), lanes);
          store(ownGamma + j, add(load(ownGamma + j, lanes), dot), lanes);
          store(sums + j, mul(sum, g), lanes);
          store(sums + layout.block + j, mul(dot, g), lanes);
          store(slope + j, mul(g, load(moments.inverse + j, lanes)), lanes);
        });
        for (int64_t c = 0; c < block.count; c += layout.width) {
          const double inverse = static_cast<double>(moments.inverse[c]);
          const double mean = centered ? sumOfRun(sums + c, layout.width) / count : 0.0;
          fillRun(shift + c, layout.width, -mean * inverse);
          fillRun(tilt + c, layout.width, -sumOfRun(sums + layout.block + c, layout.width) / count * inverse);
        }
        for (int64_t s = 0; s < layout.positions; s++) {
          const int64_t at = block.at + s * layout.channels;
          forVectors(0, block.count, [&](int64_t j, auto lanes) {
            const Vec rest = fma(normal(at + j, j, lanes), load(tilt + j, lanes), load(shift + j, lanes));
            store(dx + at + j, fma(load(dy + at + j, lanes), load(slope + j, lanes), rest), lanes);
          });
        }
      }
    }
  });
  for (int64_t c = 0; c < layout.channels; c++) {
    double beta = 0, scale = 0;
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
      beta += static_cast<double>(partial[2 * chunk * layout.channels + c]);
      scale += static_cast<double>(partial[(2 * chunk + 1) * layout.channels + c]);
    }
    dbeta[c] = static_cast<float>(beta);
    dgamma[c] = static_cast<float>(scale);
  }
}

const KernelEntry entries[] = {
    {"groupNorm(x, gamma?, beta?) -> (y) {groups:i, epsilon:f, centered:i}", sizeof(GroupNormAttrs), checkForward,
     workspaceOfForward, runForward},
    {"groupNormGrad(x, gamma?, dy) -> (dx, dgamma, dbeta) {groups:i, epsilon:f, centered:i}", sizeof(GroupNormAttrs),
     checkGrad, workspaceOfGrad, runGrad},
};

}  // namespace

extern const KernelFamily groupNormFamily;
const KernelFamily groupNormFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
