// What ops that move elements share: rows of bytes of any type, and walking over the axes around them.
#pragma once

#include "common.h"

namespace ocellus {
namespace {

static inline const char* checkOneToOne(const KernelContext& context) {
  if (const char* wrong = checkViews(context, 1, 1)) return wrong;
  return context.inputs[0].dtype == context.outputs[0].dtype ? nullptr : "expected an output of the type of the input";
}

static inline const char* bytesOf(const TensorView& view) { return static_cast<const char*>(view.data); }

// A hostile plan may let buffers overlap, so nothing here may assume that they do not.
// Short rows are copied in words: a call of memmove costs more than they do.
static inline void copyBytes(char* to, const char* from, int64_t bytes) {
  if (bytes > 64 || bytes % 4 != 0) {
    memmove(to, from, static_cast<size_t>(bytes));
    return;
  }
  for (int64_t i = 0; i < bytes; i += 4) __builtin_memcpy(to + i, from + i, 4);
}

// Splits `row` into indices along dims.
static inline void unravel(int64_t row, const int64_t* dims, int rank, int64_t* index) {
  for (int i = rank - 1; i >= 0; i--) {
    index[i] = row % dims[i];
    row /= dims[i];
  }
}

// Moves on by one; the last axis runs fastest.
static inline void increment(const int64_t* dims, int rank, int64_t* index) {
  for (int i = rank - 1; i >= 0; i--) {
    if (++index[i] < dims[i]) return;
    index[i] = 0;
  }
}

}  // namespace
}  // namespace ocellus
