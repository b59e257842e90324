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

// Asks for the pixels that a window further on will touch first, the lower right step x step of them: the misses of one
// window are more than the processor looks ahead by itself. Far enough for memory: some tiles of few channels, or some
// vectors of many. Addresses may lie outside of the tensor; nothing is read.
template <int kSize, bool forWriting>
OCELLUS_INLINE void prefetchWindow(const TileGrid& grid, const float* image, const TilePlace& place, int64_t c) {
  constexpr int64_t kTilesAhead = 3, kFloatsAhead = 48;
  const int64_t overlap = kSize - grid.step;
  const int64_t ahead = grid.channels <= kFloatsAhead ? kTilesAhead * grid.step * grid.channels : kFloatsAhead;
  const float* corner = image + ((place.y + overlap) * grid.width + place.x + overlap) * grid.channels + c + ahead;
  for (int64_t i = 0; i < grid.step; i++)
    for (int64_t j = 0; j < grid.step; j++)
      __builtin_prefetch(corner + (i * grid.width + j) * grid.channels, forWriting);
}

// Reads a kIn x kIn window of channels [c, c + lanes) at `place`, applies Transform along both axes and writes the
// kOut x kOut values to the planes. kInside: the window lies within the image.
template <int kIn, int kOut, class Transform, bool kInside, class Lanes>
static inline void transformWindow(const TileGrid& grid, const float* image, const TilePlace& place, int64_t c,
                                   Lanes lanes, float* target, int64_t plane) {
  prefetchWindow<kIn, false>(grid, image, place, c);
  const float* corner = image + (place.y * grid.width + place.x) * grid.channels + c;
  Vec rows[kIn][kOut];
  OCELLUS_UNROLL
  for (int i = 0; i < kIn; i++) {
    const int64_t y = place.y + i;
    const bool rowInside = kInside || (y >= 0 && y < grid.height);
    const float* row = corner + i * grid.width * grid.channels;
    Vec values[kIn];
    OCELLUS_UNROLL
    for (int j = 0; j < kIn; j++) {
      const bool there = kInside || (rowInside && place.x + j >= 0 && place.x + j < grid.width);
      values[j] = there ? load(row + j * grid.channels, lanes) : zero();
    }
    Transform::apply(values, rows[i]);
  }
  OCELLUS_UNROLL
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
    const bool inside = place.y >= 0 && place.x >= 0 && place.y + kIn <= grid.height && place.x + kIn <= grid.width;
    forVectors(0, grid.channels, [&](int64_t c, auto lanes) {
      float* to = target + t * pitch + c;
      inside ? transformWindow<kIn, kOut, Transform, true>(grid, image, place, c, lanes, to, plane)
             : transformWindow<kIn, kOut, Transform, false>(grid, image, place, c, lanes, to, plane);
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

// One vector of channels of one tile: A' m A plus `offset` and residual, through `finish` and the writer. kWhole: the
// tensor covers the window, else `down` x `across` pixels of it. `residual`: the place of `corner` in a tensor like the
// output, which may be the output; or null.
template <class Scheme, bool kWhole, class Finish, class Writer, class Lanes>
static inline void transformTile(const float* source, int64_t plane, Vec offset, const float* residual,
                                 const Finish& finish, Writer writer, int64_t down, int64_t across, float* corner,
                                 int64_t rowPitch, int64_t pixelPitch, Lanes lanes) {
  constexpr int alpha = Scheme::alpha, tile = Scheme::tile;
  Vec columns[tile][alpha];
  OCELLUS_UNROLL
  for (int j = 0; j < alpha; j++) {
    Vec values[alpha], result[tile];
    OCELLUS_UNROLL
    for (int i = 0; i < alpha; i++) values[i] = load(source + (i * alpha + j) * plane);
    Scheme::output(values, result);
    OCELLUS_UNROLL
    for (int i = 0; i < tile; i++) columns[i][j] = result[i];
  }
  OCELLUS_UNROLL
  for (int i = 0; i < tile; i++) {
    if (!kWhole && i >= down) break;
    Vec pixels[tile];
    Scheme::output(columns[i], pixels);
    OCELLUS_UNROLL
    for (int j = 0; j < tile; j++) pixels[j] = add(pixels[j], offset);
    if (residual != nullptr) {
      OCELLUS_UNROLL
      for (int j = 0; j < tile; j++)
        if (kWhole || j < across) pixels[j] = add(pixels[j], load(residual + i * rowPitch + j * pixelPitch, lanes));
    }
    OCELLUS_UNROLL
    for (int j = 0; j < tile; j++)
      if (kWhole || j < across) writer.write(corner + i * rowPitch + j * pixelPitch, finish(pixels[j]), lanes);
  }
}

// From planes back to pixels, with bias and residual, into the part of each window that the tensor covers; of channels
// [cBegin, cEnd).
template <class Scheme, class Finish, class Writer>
static void transformOutput(const TileGrid& grid, const float* planes, int64_t first, int64_t count, int64_t cBegin,
                            int64_t cEnd, int64_t pitch, int64_t plane, const float* bias, const float* residual,
                            const Finish& finish, Writer writer, float* y) {
  constexpr int tile = Scheme::tile;
  const int64_t rowPitch = grid.width * grid.channels;
  for (int64_t t = 0; t < count; t++) {
    const TilePlace place = placeOf(grid, first + t);
    const int64_t down = minOf(tile, grid.height - place.y), across = minOf(tile, grid.width - place.x);
    const bool whole = down == tile && across == tile;
    float* image = y + place.image * grid.height * rowPitch;
    const int64_t corner = place.y * rowPitch + place.x * grid.channels;
    const float* other = residual == nullptr ? nullptr : residual + (image - y);
    forVectors(cBegin, cEnd, [&](int64_t c, auto lanes) {
      if constexpr (Writer::kThroughCaches) prefetchWindow<tile, true>(grid, image, place, c);
      if (other != nullptr) prefetchWindow<tile, false>(grid, other, place, c);
      const float* source = planes + t * pitch + c;
      const Vec offset = bias ? load(bias + c, lanes) : zero();
      const auto run = whole ? transformTile<Scheme, true, Finish, Writer, decltype(lanes)>
                             : transformTile<Scheme, false, Finish, Writer, decltype(lanes)>;
      run(source, plane, offset, other == nullptr ? nullptr : other + corner + c, finish, writer, down, across,
          image + corner + c, rowPitch, grid.channels, lanes);
    });
  }
  writer.done();
}

}  // namespace
}  // namespace ocellus
