// Sums and means over any axes, and broadcastTo. Axes are merged to [outer, reduced, inner]; every output is summed in
// a fixed order: in vectors over limited lengths, and from there on in double.
#include "broadcast.h"
#include "columns.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct ReduceAttrs {
  ShapeAttr axes;
  int32_t keepDims;
};
static_assert(sizeof(ReduceAttrs) == 40, "slots");

const char* checkReduce(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  const TensorView &x = context.inputs[0], &y = context.outputs[0];
  const ReduceAttrs& attrs = attrsOf<ReduceAttrs>(context);
  if (attrs.axes.length < 0 || attrs.axes.length > x.rank) return "expected no more axes than the input has";
  if (!isFlag(attrs.keepDims)) return "expected keepDims to be 0 or 1";
  uint32_t reduced = 0;
  for (int i = 0; i < attrs.axes.length; i++) {
    const int32_t axis = attrs.axes.dims[i];
    if (axis < 0 || axis >= x.rank) return "expected axes of the input";
    if (i > 0 && axis <= attrs.axes.dims[i - 1]) return "expected ascending axes";
    reduced |= 1u << axis;
  }
  int at = 0;
  for (int axis = 0; axis < x.rank; axis++) {
    const bool gone = reduced >> axis & 1;
    if (gone && !attrs.keepDims) continue;
    if (at >= y.rank || y.dims[at] != (gone ? 1 : x.dims[axis])) return "expected an output of the reduced shape";
    at++;
  }
  return at == y.rank ? nullptr : "expected an output of the reduced shape";
}

// Runs of neighbouring axes that are all reduced or all kept; axes of length 1 are left out.
struct Groups {
  int count;
  int64_t lengths[kMaxRank];
  int64_t strides[kMaxRank];
  bool reduced[kMaxRank];
  int64_t reducedSize;
};

Groups groupsOf(const KernelContext& context) {
  const TensorView& x = context.inputs[0];
  const ShapeAttr& axes = attrsOf<ReduceAttrs>(context).axes;
  uint32_t mask = 0;
  for (int i = 0; i < axes.length; i++) mask |= 1u << axes.dims[i];
  Groups groups;
  groups.count = 0;
  groups.reducedSize = 1;
  for (int axis = 0; axis < x.rank; axis++) {
    const bool reduced = mask >> axis & 1;
    if (reduced) groups.reducedSize *= x.dims[axis];
    if (x.dims[axis] == 1) continue;
    if (groups.count > 0 && groups.reduced[groups.count - 1] == reduced) {
      groups.lengths[groups.count - 1] *= x.dims[axis];
    } else {
      groups.lengths[groups.count] = x.dims[axis];
      groups.reduced[groups.count++] = reduced;
    }
  }
  int64_t stride = 1;
  for (int i = groups.count - 1; i >= 0; i--) {
    groups.strides[i] = stride;
    stride *= groups.lengths[i];
  }
  return groups;
}

struct Plan {
  enum { kRows, kColumns, kBlocks, kGeneric } path;
  int64_t outer, reduced, inner;
  int64_t chunks;  // of one outer index, along `reduced`
};

// Elements of a row that are summed without a pause.
constexpr int64_t kRowChunk = 64 * 1024;
// From this many columns on, threads share out columns instead of rows.
constexpr int64_t kManyColumns = 4096;
constexpr int64_t kColumnBlock = 1024;

Plan planOf(const Groups& groups) {
  Plan plan = {Plan::kGeneric, 1, 1, 1, 1};
  int at = 0;
  const bool nothingReduced = groups.count == 1 && !groups.reduced[0];
  if (nothingReduced) {
    plan.inner = groups.lengths[at++];
  } else if (groups.count > 0 && !groups.reduced[0]) {
    plan.outer = groups.lengths[at++];
  }
  if (at < groups.count) plan.reduced = groups.lengths[at++];
  if (at < groups.count) plan.inner = groups.lengths[at++];
  if (at < groups.count) return plan;
  if (plan.inner == 1) {
    plan.path = Plan::kRows;
    plan.chunks = ceilDiv(plan.reduced, kRowChunk);
  } else if (plan.inner >= kManyColumns) {
    plan.path = Plan::kBlocks;
  } else {
    plan.path = Plan::kColumns;
    plan.chunks = columnsOf(plan.reduced, plan.inner).chunks;
  }
  return plan;
}

Workspace workspaceOfReduce(const KernelContext& context) {
  if (context.inputs[0].size == 0) return {0, 0};
  const Plan plan = planOf(groupsOf(context));
  if (plan.chunks <= 1) return {0, 0};
  if (plan.path == Plan::kRows) return {plan.outer * plan.chunks * static_cast<int64_t>(sizeof(double)), 0};
  const int64_t period = columnsOf(plan.reduced, plan.inner).period;
  return {plan.outer * plan.chunks * period * static_cast<int64_t>(sizeof(float)), 0};
}

// Sum of a contiguous run: four accumulators, emptied into a double every 4096 elements.
double sumRun(const float* x, int64_t length) {
  double total = 0;
  while (length > 0) {
    const int64_t part = minOf(length, 4096);
    Vec sums[4] = {zero(), zero(), zero(), zero()};
    int64_t i = 0;
    for (; i + 4 * kVecWidth <= part; i += 4 * kVecWidth)
      for (int k = 0; k < 4; k++) sums[k] = add(sums[k], load(x + i + k * kVecWidth));
    forVectors(i, part, [&](int64_t j, auto lanes) { sums[0] = add(sums[0], load(x + j, lanes)); });
    total += static_cast<double>(reduceAdd(sumOf<4>(sums)));
    x += part;
    length -= part;
  }
  return total;
}

// [outer, reduced]: rows, long ones in chunks.
void reduceRows(const KernelContext& context, const Plan& plan, double scale) {
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  double* partial = reinterpret_cast<double*>(context.scratch);
  const int64_t cost = 4 * maxOf(minOf(plan.reduced, kRowChunk), 2 * kVecWidth);
  parallelFor(context, plan.outer * plan.chunks, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t first = unit % plan.chunks * kRowChunk;
      const int64_t row = unit / plan.chunks;
      const double sum = sumRun(x + row * plan.reduced + first, minOf(kRowChunk, plan.reduced - first));
      if (plan.chunks == 1) {
        y[row] = static_cast<float>(sum * scale);
      } else {
        partial[unit] = sum;
      }
    }
  });
  if (plan.chunks == 1) return;
  for (int64_t row = 0; row < plan.outer; row++) {
    double sum = 0;
    for (int64_t chunk = 0; chunk < plan.chunks; chunk++) sum += partial[row * plan.chunks + chunk];
    y[row] = static_cast<float>(sum * scale);
  }
}

// [outer, reduced, inner] with a moderate inner length: the bias gradient, global average pooling.
void reduceColumns(const KernelContext& context, const Plan& plan, double scale) {
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  float* partial = reinterpret_cast<float*>(context.scratch);
  const Columns columns = columnsOf(plan.reduced, plan.inner);
  const int64_t block = plan.reduced * plan.inner;
  const int64_t cost = 4 * minOf(block, columns.perChunk * columns.period) + 8 * columns.period;
  auto finish = [&](int64_t outer, const float* sums) {
    foldColumns(columns, sums, columns.period,
                [&](int64_t c, double total) { y[outer * plan.inner + c] = static_cast<float>(total * scale); });
  };
  parallelFor(context, plan.outer * plan.chunks, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    float local[kManyColumns];
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t outer = unit / plan.chunks;
      const float* from = x + outer * block;
      float* sums = plan.chunks == 1 ? local : partial + unit * columns.period;
      sumColumns<1>(columns, unit % plan.chunks, sums,
                    [&](int64_t i, int64_t, auto lanes, Vec* out) { out[0] = load(from + i, lanes); });
      if (plan.chunks == 1) finish(outer, sums);
    }
  });
  if (plan.chunks == 1) return;
  for (int64_t outer = 0; outer < plan.outer; outer++) finish(outer, partial + outer * plan.chunks * columns.period);
}

// [outer, reduced, inner] with a long inner axis: blocks of columns, each over all rows.
void reduceBlocks(const KernelContext& context, const Plan& plan, double scale) {
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const int64_t blocks = ceilDiv(plan.inner, kColumnBlock);
  parallelFor(context, plan.outer * blocks, grainFor(4 * kColumnBlock * (plan.reduced + 1)),
              [&](int64_t begin, int64_t end, int32_t) {
                double totals[kColumnBlock];
                for (int64_t unit = begin; unit < end; unit++) {
                  const int64_t outer = unit / blocks, first = unit % blocks * kColumnBlock;
                  const int64_t width = minOf(kColumnBlock, plan.inner - first);
                  const float* from = x + outer * plan.reduced * plan.inner + first;
                  for (int64_t c = 0; c < width; c++) totals[c] = 0;
                  for (int64_t row = 0; row < plan.reduced; row++)
                    for (int64_t c = 0; c < width; c++) totals[c] += static_cast<double>(from[row * plan.inner + c]);
                  float* to = y + outer * plan.inner + first;
                  for (int64_t c = 0; c < width; c++) to[c] = static_cast<float>(totals[c] * scale);
                }
              });
}

// Outputs that are neighbours in memory are summed together.
constexpr int64_t kGenericTile = 256;

// Several reduced groups: every tile of outputs walks all reduced positions.
void reduceGeneric(const KernelContext& context, const Groups& groups, double scale) {
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const int last = groups.count - 1;
  const bool keptInner = !groups.reduced[last];
  const int64_t width = keptInner ? groups.lengths[last] : 1;
  const int64_t run = keptInner ? 1 : groups.lengths[last];
  const int64_t tiles = ceilDiv(width, kGenericTile);
  // The outer groups of either kind, innermost first.
  int64_t kept[kMaxRank], keptStride[kMaxRank], gone[kMaxRank], goneStride[kMaxRank];
  int keptCount = 0, goneCount = 0;
  int64_t rows = 1, steps = 1;
  for (int i = last - 1; i >= 0; i--) {
    if (groups.reduced[i]) {
      gone[goneCount] = groups.lengths[i];
      goneStride[goneCount++] = groups.strides[i];
      steps *= groups.lengths[i];
    } else {
      kept[keptCount] = groups.lengths[i];
      keptStride[keptCount++] = groups.strides[i];
      rows *= groups.lengths[i];
    }
  }
  const int64_t cost = 8 * steps * minOf(width, kGenericTile) * run;
  parallelFor(context, rows * tiles, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    double totals[kGenericTile];
    for (int64_t unit = begin; unit < end; unit++) {
      const int64_t first = unit % tiles * kGenericTile, row = unit / tiles;
      const int64_t count = minOf(kGenericTile, width - first);
      const float* from = x + first;
      int64_t rest = row;
      for (int i = 0; i < keptCount; i++) {
        from += rest % kept[i] * keptStride[i];
        rest /= kept[i];
      }
      for (int64_t c = 0; c < count; c++) totals[c] = 0;
      int64_t index[kMaxRank] = {0};
      for (int64_t step = 0; step < steps; step++) {
        if (keptInner) {
          for (int64_t c = 0; c < count; c++) totals[c] += static_cast<double>(from[c]);
        } else {
          totals[0] += sumRun(from, run);
        }
        for (int i = 0; i < goneCount; i++) {
          from += goneStride[i];
          if (++index[i] < gone[i]) break;
          from -= gone[i] * goneStride[i];
          index[i] = 0;
        }
      }
      for (int64_t c = 0; c < count; c++) y[row * width + first + c] = static_cast<float>(totals[c] * scale);
    }
  });
}

void reduce(const KernelContext& context, bool mean) {
  const Groups groups = groupsOf(context);
  const double scale = mean ? 1.0 / static_cast<double>(groups.reducedSize) : 1.0;
  if (context.inputs[0].size == 0) {
    // The sum of nothing is 0, its mean is not a number.
    float* y = f32(context.outputs[0]);
    for (int64_t i = 0; i < context.outputs[0].size; i++) y[i] = static_cast<float>(0.0 * scale);
    return;
  }
  const Plan plan = planOf(groups);
  switch (plan.path) {
    case Plan::kRows:
      return reduceRows(context, plan, scale);
    case Plan::kColumns:
      return reduceColumns(context, plan, scale);
    case Plan::kBlocks:
      return reduceBlocks(context, plan, scale);
    case Plan::kGeneric:
      return reduceGeneric(context, groups, scale);
  }
}

void runSum(const KernelContext& context) { reduce(context, false); }
void runMean(const KernelContext& context) { reduce(context, true); }

struct BroadcastAttrs {
  ShapeAttr shape;
};

const char* checkBroadcastTo(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  if (!matches(attrsOf<BroadcastAttrs>(context).shape, context.outputs[0]))
    return "expected an output of the given shape";
  return broadcastsTo(context.inputs[0], context.outputs[0]) ? nullptr
                                                             : "expected an input that broadcasts to the shape";
}

void runBroadcastTo(const KernelContext& context) {
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const Broadcast plan = broadcastOf(context.inputs[0], context.inputs[0], context.outputs[0]);
  parallelRows(context, plan, 8, [&](int64_t from, int64_t, int64_t to, int64_t length) {
    if (plan.advance[0]) {
      forVectors(0, length, [&](int64_t i, auto lanes) { store(y + to + i, load(x + from + i, lanes), lanes); });
    } else {
      const Vec value = broadcast(x[from]);
      forVectors(0, length, [&](int64_t i, auto lanes) { store(y + to + i, value, lanes); });
    }
  });
}

const KernelEntry entries[] = {
    {"reduceSum(x) -> (y) {axes:i9, keepDims:i}", sizeof(ReduceAttrs), checkReduce, workspaceOfReduce, runSum},
    {"reduceMean(x) -> (y) {axes:i9, keepDims:i}", sizeof(ReduceAttrs), checkReduce, workspaceOfReduce, runMean},
    {"broadcastTo(x) -> (y) {shape:i9}", sizeof(BroadcastAttrs), checkBroadcastTo, nullptr, runBroadcastTo},
};

}  // namespace

extern const KernelFamily reduceFamily;
const KernelFamily reduceFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
