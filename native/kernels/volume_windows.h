// im2col on demand for volumes: a row of the matrix is a window of a volume, made of one window of a plane (windows.h)
// per tap in depth.
#pragma once

#include "windows.h"

namespace ocellus {
namespace {

// Row (volume, gridZ, gridY, gridX), column (tapZ, tapY, tapX, channel). `plane.images` are the volumes;
// it stands first, so that fillWindows can read it where windows do not reach over planes.
struct VolumeWindows {
  Windows plane;
  int64_t depth, gridZ, originZ, strideZ, stepZ;
};

// The callback for Gemm::fill.
static void fillVolumeWindows(const void* source, int64_t group, int64_t row, int64_t rows, int64_t column,
                              int64_t columns, float* target, int64_t pitch) {
  const VolumeWindows& w = *static_cast<const VolumeWindows*>(source);
  const Windows& p = w.plane;
  const int64_t planeFloats = p.height * p.width * p.channels, tapColumns = p.tapsY * p.tapsX * p.groupChannels;
  int64_t gridX = row % p.gridX, gridY = row / p.gridX % p.gridY, gridZ = row / p.gridX / p.gridY % w.gridZ;
  const float* volume = p.images + row / p.gridX / p.gridY / w.gridZ * w.depth * planeFloats + group * p.groupChannels;
  for (int64_t i = 0; i < rows; i++) {
    const int64_t y = p.originY + gridY * p.strideY, x = p.originX + gridX * p.strideX;
    float* to = target + i * pitch;
    int64_t tapZ = column / tapColumns, from = column % tapColumns;
    for (int64_t left = columns; left > 0; tapZ++, from = 0) {
      const int64_t count = minOf(tapColumns - from, left);
      const int64_t z = w.originZ + gridZ * w.strideZ + tapZ * w.stepZ;
      if (z < 0 || z >= w.depth) {
        clearFloats(to, count);
      } else {
        writeWindow(p, volume + z * planeFloats, y, x, from, count, to);
      }
      to += count;
      left -= count;
    }
    if (++gridX < p.gridX) continue;
    gridX = 0;
    if (++gridY < p.gridY) continue;
    gridY = 0;
    if (++gridZ < w.gridZ) continue;
    gridZ = 0;
    volume += w.depth * planeFloats;
  }
}

}  // namespace
}  // namespace ocellus
