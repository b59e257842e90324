// Windows over a volume [batch, depth, height, width, channels], listed axis by axis; src/ops/boxes.ts in C++. Images
// are volumes of depth 1.
#pragma once

#include "common.h"

namespace ocellus {
namespace {

// Cells first, first + step, ... below last.
struct Bounds {
  int32_t first, last;
};

struct Boxes {
  Bounds* axes[3];
  int64_t step[3];
};

struct Volume {
  int64_t batch, size[3], channels, counts[3];
};

static inline int64_t cellsOf(const int64_t* size) { return size[0] * size[1] * size[2]; }

static inline Volume volumeOf(const TensorView& x, const TensorView& y) {
  return {x.dims[0], {x.dims[1], x.dims[2], x.dims[3]}, x.dims[4], {y.dims[1], y.dims[2], y.dims[3]}};
}

// x is a volume whose cells an int32 counts, and y has its batch and channels.
static inline const char* checkVolumes(const TensorView& x, const TensorView& y) {
  if (x.rank != 5 || y.rank != 5) return "expected tensors of rank 5";
  if (x.dims[0] != y.dims[0] || x.dims[4] != y.dims[4]) return "expected equal batch and channels";
  int64_t cells = 1, windows = 1;
  for (int axis = 1; axis <= 3; axis++) {
    if (x.dims[axis] < 1 || y.dims[axis] < 1) return "expected volumes of at least one cell";
    if (__builtin_mul_overflow(cells, x.dims[axis], &cells) || cells > INT32_MAX) return "expected a smaller volume";
    if (__builtin_mul_overflow(windows, y.dims[axis], &windows) || windows > INT32_MAX) return "expected fewer windows";
  }
  return x.dims[4] >= 1 ? nullptr : "expected at least one channel";
}

// Room for the bounds of all windows.
static inline Workspace boxWorkspace(const TensorView& y) {
  return {(y.dims[1] + y.dims[2] + y.dims[3]) * static_cast<int64_t>(sizeof(Bounds)), 0};
}

// boundsOf(axis, window) for all windows, into the workspace.
template <class F>
static inline Boxes listBoxes(const KernelContext& context, const Volume& v, const F& boundsOf) {
  Boxes boxes;
  Bounds* next = reinterpret_cast<Bounds*>(context.scratch);
  for (int axis = 0; axis < 3; axis++) {
    boxes.axes[axis] = next;
    boxes.step[axis] = 1;
    for (int64_t w = 0; w < v.counts[axis]; w++) *next++ = boundsOf(axis, w);
  }
  return boxes;
}

static inline Bounds adaptiveBounds(int64_t size, int64_t count, int64_t window) {
  return {static_cast<int32_t>(window * size / count), static_cast<int32_t>(ceilDiv((window + 1) * size, count))};
}

// A window's cells along each axis, and their number.
struct Box {
  Bounds z, y, x;
};

static inline Box boxAt(const Boxes& boxes, const Volume& v, int64_t row, int64_t column) {
  const int64_t plane = row / v.counts[1];
  return {boxes.axes[0][plane % v.counts[0]], boxes.axes[1][row % v.counts[1]], boxes.axes[2][column]};
}

static inline int64_t sampleOf(const Volume& v, int64_t row) { return row / (v.counts[0] * v.counts[1]); }

// Cells that an average window holds, at the least one: what work is measured by.
static inline int64_t meanCells(const Boxes& boxes, const Volume& v) {
  int64_t cells = 1;
  for (int axis = 0; axis < 3; axis++) {
    const Bounds middle = boxes.axes[axis][v.counts[axis] / 2];
    cells *= maxOf(1, (middle.last - middle.first) / boxes.step[axis]);
  }
  return cells;
}

}  // namespace
}  // namespace ocellus
