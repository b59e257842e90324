// Two-dimensional Winograd transforms of NHWC tensors, tile by tile, a vector of channels at a time.
//
// A transformed tensor is alpha * alpha planes; plane s holds one row of channels per tile. Rows are `pitch` floats
// apart, padded to whole vectors (the padding holds zeros), planes `plane` floats.
#pragma once

#include "common.h"
#include "winograd_scheme.h"

namespace ocellus {
namespace {

// One image tensor [batch, height, width, channels], and the tiles it is cut into: tile (0, 0) of an image starts at
// pixel (-top, -left), neighbours `step` pixels apart. Pixels outside the image are zero.
struct TileGrid {
  int64_t height, width, channels;
  int64_t top, left;
  int64_t step;
  int64_t tilesDown, tilesAcross;
};

struct TilePlace {
  int64_t image;
  int64_t y, x;  // of the first pixel; may be negative
};

static inline TilePlace placeOf(const TileGrid& grid, int64_t tile) {
  const int64_t perImage = grid.tilesDown * grid.tilesAcross;
  const int64_t inImage = tile % perImage;
  return {tile / perImage, inImage / grid.tilesAcross * grid.step - grid.top,
          inImage % grid.tilesAcross * grid.step - grid.left};
}

// Pitch of a row of channels: whole vectors, and not a multiple of 1 KiB, so that neighbouring rows do not fall into
// the same lines of the L1 cache.
static inline int64_t winogradPitch(int64_t channels) {
  const int64_t padded = ceilDiv(channels, 16) * 16;
  return padded % 256 == 0 ? padded + 16 : padded;
}

// The vectors of a size x size window that lies inside the image for sure, or only partly.
template <int kSize, class Lanes>
OCELLUS_INLINE void loadWindowRow(const TileGrid& grid, const float* row, int64_t x, bool inside, bool rowInside,
                                  Lanes lanes, Vec* values) {
  OCELLUS_UNROLL
  for (int j = 0; j < kSize; j++) {
    const bool there = inside || (rowInside && x + j >= 0 && x + j < grid.width);
    values[j] = there ? load(row + j * grid.channels, lanes) : zero();
  }
}

// Reads a kIn x kIn window of channels [c, c + lanes) at `place`, applies Transform along both axes and writes the
// kOut x kOut values to the planes.
template <int kIn, int kOut, class Transform, class Lanes>
static inline void transformWindow(const TileGrid& grid, const float* image, const TilePlace& place, int64_t c,
                                   Lanes lanes, float* target, int64_t plane) {
  const bool inside = place.y >= 0 && place.x >= 0 && place.y + kIn <= grid.height && place.x + kIn <= grid.width;
  Vec rows[kIn][kOut];
  for (int i = 0; i < kIn; i++) {
    const int64_t y = place.y + i;
    const bool rowInside = y >= 0 && y < grid.height;
    const float* row = image + (rowInside ? (y * grid.width + place.x) * grid.channels + c : 0);
    Vec values[kIn];
    loadWindowRow<kIn>(grid, row, place.x, inside, rowInside, lanes, values);
    Transform::apply(values, rows[i]);
  }
  for (int j = 0; j < kOut; j++) {
    Vec column[kIn], result[kOut];
    OCELLUS_UNROLL
    for (int i = 0; i < kIn; i++) column[i] = rows[i][j];
    Transform::apply(column, result);
    OCELLUS_UNROLL
    for (int i = 0; i < kOut; i++) store(target + (i * kOut + j) * plane, result[i]);
  }
}

// Transforms tiles [first, first + count) of a tensor into planes whose row 0 is tile `first`.
template <int kIn, int kOut, class Transform>
static void transformTiles(const TileGrid& grid, const float* tensor, int64_t first, int64_t count, float* target,
                           int64_t pitch, int64_t plane) {
  for (int64_t t = 0; t < count; t++) {
    const TilePlace place = placeOf(grid, first + t);
    const float* image = tensor + place.image * grid.height * grid.width * grid.channels;
    forVectors(0, grid.channels, [&](int64_t c, auto lanes) {
      transformWindow<kIn, kOut, Transform>(grid, image, place, c, lanes, target + t * pitch + c, plane);
    });
  }
}

template <class Scheme>
struct InputTransform {
  OCELLUS_INLINE void apply(const Vec* in, Vec* out) { Scheme::input(in, out); }
};

template <class Scheme>
struct GradientTransform {
  OCELLUS_INLINE void apply(const Vec* in, Vec* out) { Scheme::outputTransposed(in, out); }
};

// Planes of the input, for tiles [first, first + count).
template <class Scheme>
static void transformInput(const TileGrid& grid, const float* x, int64_t first, int64_t count, float* target,
                           int64_t pitch, int64_t plane) {
  transformTiles<Scheme::alpha, Scheme::alpha, InputTransform<Scheme>>(grid, x, first, count, target, pitch, plane);
}

// Planes of the output's gradient: A dy A' of each tile x tile window.
template <class Scheme>
static void transformGradient(const TileGrid& grid, const float* dy, int64_t first, int64_t count, float* target,
                              int64_t pitch, int64_t plane) {
  transformTiles<Scheme::tile, Scheme::alpha, GradientTransform<Scheme>>(grid, dy, first, count, target, pitch, plane);
}

// From planes back to pixels: A' m A, plus bias, through `finish` and the writer, into the part of each window that the
// tensor covers.
template <class Scheme, class Finish, class Writer>
static void transformOutput(const TileGrid& grid, const float* planes, int64_t first, int64_t count, int64_t pitch,
                            int64_t plane, const float* bias, const Finish& finish, Writer writer, float* y) {
  constexpr int alpha = Scheme::alpha, tile = Scheme::tile;
  for (int64_t t = 0; t < count; t++) {
    const TilePlace place = placeOf(grid, first + t);
    const int64_t down = minOf(tile, grid.height - place.y), across = minOf(tile, grid.width - place.x);
    float* corner = y + ((place.image * grid.height + place.y) * grid.width + place.x) * grid.channels;
    forVectors(0, grid.channels, [&](int64_t c, auto lanes) {
      const float* source = planes + t * pitch + c;
      Vec columns[tile][alpha];
      for (int j = 0; j < alpha; j++) {
        Vec values[alpha], result[tile];
        OCELLUS_UNROLL
        for (int i = 0; i < alpha; i++) values[i] = load(source + (i * alpha + j) * plane);
        Scheme::output(values, result);
        OCELLUS_UNROLL
        for (int i = 0; i < tile; i++) columns[i][j] = result[i];
      }
      const Vec offset = bias ? load(bias + c, lanes) : zero();
      for (int i = 0; i < down; i++) {
        Vec pixels[tile];
        Scheme::output(columns[i], pixels);
        float* row = corner + i * grid.width * grid.channels + c;
        OCELLUS_UNROLL
        for (int j = 0; j < tile; j++)
          if (j < across) writer.write(row + j * grid.channels, finish(add(pixels[j], offset)), lanes);
      }
    });
  }
  writer.done();
}

}  // namespace
}  // namespace ocellus
