// Adaptive average pooling over volumes, channels last, vectorised over channels, and its gradient: each input cell is
// gathered from the windows that cover it.
#include "boxes.h"

namespace ocellus {
namespace OCELLUS_ISA {
namespace {

struct SizeAttrs {
  int32_t size[3];
};
static_assert(sizeof(SizeAttrs) == 12, "slots");

// The large volume, the pooled one, and the one of them that the attribute describes.
const char* checkAverage(const KernelContext& context, const TensorView& x, const TensorView& y,
                         const TensorView& named) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  if (const char* wrong = checkVolumes(x, y)) return wrong;
  for (int axis = 0; axis < 3; axis++)
    if (named.dims[axis + 1] != attrsOf<SizeAttrs>(context).size[axis]) return "expected the size of the attribute";
  return nullptr;
}

const char* checkForward(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  return checkAverage(context, context.inputs[0], context.outputs[0], context.outputs[0]);
}

const char* checkBackward(const KernelContext& context) {
  if (const char* wrong = checkFloatViews(context, 1, 1)) return wrong;
  return checkAverage(context, context.outputs[0], context.inputs[0], context.outputs[0]);
}

Boxes adaptiveBoxes(const KernelContext& context, const Volume& v) {
  return listBoxes(context, v,
                   [&](int axis, int64_t window) { return adaptiveBounds(v.size[axis], v.counts[axis], window); });
}

inline int64_t lengthOf(const Bounds& bounds) { return bounds.last - bounds.first; }

void runForward(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const Volume v = volumeOf(context.inputs[0], context.outputs[0]);
  const Boxes boxes = adaptiveBoxes(context, v);
  const float* x = f32(context.inputs[0]);
  float* y = f32(context.outputs[0]);
  const int64_t sample = cellsOf(v.size) * v.channels, rows = v.batch * v.counts[0] * v.counts[1];
  const int64_t cost = 4 * maxOf(v.channels, kVecWidth) * v.counts[2] * (meanCells(boxes, v) + 1);
  parallelFor(context, rows, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t row = begin; row < end; row++) {
      const float* image = x + sampleOf(v, row) * sample;
      for (int64_t column = 0; column < v.counts[2]; column++) {
        const Box box = boxAt(boxes, v, row, column);
        const Vec cells = broadcast(static_cast<float>(lengthOf(box.z) * lengthOf(box.y) * lengthOf(box.x)));
        float* to = y + (row * v.counts[2] + column) * v.channels;
        forVectors(0, v.channels, [&](int64_t c, auto lanes) {
          // Sums of rows, then of planes: rounding errors grow with a side of the window, not with its volume.
          Vec total = zero();
          for (int64_t iz = box.z.first; iz < box.z.last; iz++) {
            Vec plane = zero();
            for (int64_t iy = box.y.first; iy < box.y.last; iy++) {
              Vec sum = zero();
              const float* line = image + (iz * v.size[1] + iy) * v.size[2] * v.channels + c;
              for (int64_t ix = box.x.first; ix < box.x.last; ix++) sum = add(sum, load(line + ix * v.channels, lanes));
              plane = add(plane, sum);
            }
            total = add(total, plane);
          }
          store(to + c, div(total, cells), lanes);
        });
      }
    }
  });
}

// Windows [first, last) that cover an input cell.
inline Bounds coverOf(int64_t cell, int64_t size, int64_t count) {
  return {static_cast<int32_t>(cell * count / size), static_cast<int32_t>(ceilDiv((cell + 1) * count, size))};
}

void runBackward(const KernelContext& context) {
  if (context.outputs[0].size == 0) return;
  const Volume v = volumeOf(context.outputs[0], context.inputs[0]);
  const Boxes boxes = adaptiveBoxes(context, v);
  const float* dy = f32(context.inputs[0]);
  float* dx = f32(context.outputs[0]);
  const int64_t pooled = cellsOf(v.counts) * v.channels, rows = v.batch * v.size[0] * v.size[1];
  int64_t perCell = 2;
  for (int axis = 0; axis < 3; axis++) perCell *= ceilDiv(v.counts[axis], v.size[axis]);
  const int64_t cost = 4 * maxOf(v.channels, kVecWidth) * v.size[2] * (perCell + 1);
  parallelFor(context, rows, grainFor(cost), [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t plane = row / v.size[1];
      const float* image = dy + plane / v.size[0] * pooled;
      const Bounds planes = coverOf(plane % v.size[0], v.size[0], v.counts[0]);
      const Bounds lines = coverOf(row % v.size[1], v.size[1], v.counts[1]);
      for (int64_t ix = 0; ix < v.size[2]; ix++) {
        const Bounds columns = coverOf(ix, v.size[2], v.counts[2]);
        float* to = dx + (row * v.size[2] + ix) * v.channels;
        forVectors(0, v.channels, [&](int64_t c, auto lanes) {
          Vec total = zero();
          for (int64_t oz = planes.first; oz < planes.last; oz++) {
            for (int64_t oy = lines.first; oy < lines.last; oy++) {
              const int64_t area = lengthOf(boxes.axes[0][oz]) * lengthOf(boxes.axes[1][oy]);
              const float* from = image + (oz * v.counts[1] + oy) * v.counts[2] * v.channels + c;
              for (int64_t ox = columns.first; ox < columns.last; ox++) {
                const Vec share = broadcast(1.0f / static_cast<float>(area * lengthOf(boxes.axes[2][ox])));
                total = fma(load(from + ox * v.channels, lanes), share, total);
              }
            }
          }
          store(to + c, total, lanes);
        });
      }
    }
  });
}

Workspace workspaceOfForward(const KernelContext& context) { return boxWorkspace(context.outputs[0]); }
Workspace workspaceOfBackward(const KernelContext& context) { return boxWorkspace(context.inputs[0]); }

const KernelEntry entries[] = {
    {"adaptiveAveragePool3d(x) -> (y) {outputSize:i3}", sizeof(SizeAttrs), checkForward, workspaceOfForward,
     runForward},
    {"adaptiveAveragePool3dGrad(dy) -> (dx) {inputSize:i3}", sizeof(SizeAttrs), checkBackward, workspaceOfBackward,
     runBackward},
};

}  // namespace

extern const KernelFamily adaptiveFamily;
const KernelFamily adaptiveFamily = {entries, sizeof entries / sizeof entries[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
