// What the Winograd kernels share: which schemes there are, and the checks of a stride-1 convolution's sizes.
#pragma once

#include "winograd_tiles.h"

namespace ocellus {
namespace {

// Filters stand in panels of this many columns, whatever the width of a vector.
constexpr int64_t kPanel = 32;

// Runs body(scheme) for the scheme of a tile and kernel size; false when there is none.
template <class F>
static inline bool withScheme(int32_t tile, int32_t kernel, const F& body) {
  if (tile == 4 && kernel == 3) return body(WinogradScheme<4, 3>{}), true;
  if (tile == 2 && kernel == 5) return body(WinogradScheme<2, 5>{}), true;
  if (tile == 6 && kernel == 3) return body(WinogradScheme<6, 3>{}), true;
  return false;
}

static inline bool hasScheme(int32_t tile, int32_t kernel) {
  return withScheme(tile, kernel, [](auto) {});
}

// "winograd F(4,3)", of a scheme that there is.
static inline const char* schemeName(int32_t tile, int32_t kernel) {
  const char* name = nullptr;
  withScheme(tile, kernel, [&](auto scheme) { name = decltype(scheme)::name; });
  return name;
}

static const char* checkGeometry(const TensorView& x, const TensorView& y, int32_t kernel, const int32_t* padding) {
  if (x.rank != 4 || y.rank != 4) return "expected tensors of rank 4";
  for (int i = 0; i < 4; i++)
    if (padding[i] < 0 || padding[i] > (1 << 20)) return "padding out of range";
  const int64_t height = x.dims[1] + padding[0] + padding[1] - kernel + 1;
  const int64_t width = x.dims[2] + padding[2] + padding[3] - kernel + 1;
  if (height < 1 || width < 1) return "the filter is larger than the padded input";
  if (y.dims[0] != x.dims[0] || y.dims[1] != height || y.dims[2] != width) return "wrong size of the output";
  return nullptr;
}

}  // namespace
}  // namespace ocellus
