// Sums over all but the last axis of a dense tensor [rows, channels], for reductions and normalization. The tensor is
// walked in periods: one row, or for few channels as many rows as make whole vectors. Periods are split into fixed
// chunks that are summed apart and then combined in order, in double: results do not depend on the number of threads,
// and rounding errors grow with the length of a chunk at most.
#pragma once

#include "common.h"

namespace ocellus {
namespace {

struct Columns {
  int64_t channels;
  int64_t period;    // elements; a multiple of channels
  int64_t periods;   // whole ones
  int64_t rest;      // elements after them, a multiple of channels too
  int64_t perChunk;  // periods
  int64_t chunks;
};

constexpr int64_t kColumnChunk = 64 * 1024;
constexpr int64_t kMaxColumnChunks = 64;
// From here on the last vector of a row, partly filled, is a small part of it.
constexpr int64_t kManyChannels = 8 * kVecWidth;

static inline Columns columnsOf(int64_t rows, int64_t channels) {
  Columns columns;
  columns.channels = channels;
  columns.period = channels % kVecWidth == 0 || channels >= kManyChannels ? channels : channels * kVecWidth;
  const int64_t size = rows * channels;
  columns.periods = columns.period ? size / columns.period : 0;
  columns.rest = columns.period ? size % columns.period : 0;
  const int64_t enough = ceilDiv(kColumnChunk, maxOf(1, columns.period));
  columns.perChunk = ceilDiv(maxOf(enough, ceilDiv(columns.periods, kMaxColumnChunks)), 8) * 8;
  columns.chunks = maxOf(1, ceilDiv(columns.periods, columns.perChunk));
  return columns;
}

// Of a tensor of rank 1 or more.
static inline Columns columnsOfView(const TensorView& x) {
  const int64_t channels = x.dims[x.rank - 1];
  return columnsOf(channels ? x.size / channels : 0, channels);
}

// [first, last) periods of a chunk.
static inline int64_t firstPeriod(const Columns& columns, int64_t chunk) { return chunk * columns.perChunk; }
static inline int64_t lastPeriod(const Columns& columns, int64_t chunk) {
  return minOf(columns.periods, (chunk + 1) * columns.perChunk);
}
static inline bool isLastChunk(const Columns& columns, int64_t chunk) { return chunk == columns.chunks - 1; }

template <int n>
static inline Vec sumOf(const Vec* v) {
  if constexpr (n == 1) {
    return v[0];
  } else {
    return add(sumOf<n / 2>(v), sumOf<n / 2>(v + n / 2));
  }
}

// Adds up `kinds` values per element of one chunk. value(i, j, lanes, out) computes them for the vector at element i,
// which stands at j within its period. sums: kinds x period floats, overwritten.
template <int kinds, class F>
static inline void sumColumns(const Columns& columns, int64_t chunk, float* sums, const F& value) {
  constexpr int kRows = kinds == 1 ? 8 : 4;
  const int64_t period = columns.period;
  memset(sums, 0, static_cast<size_t>(kinds * period) * sizeof(float));
  int64_t p = firstPeriod(columns, chunk);
  const int64_t end = lastPeriod(columns, chunk);
  for (; p + kRows <= end; p += kRows) {
    const int64_t base = p * period;
    forVectors(0, period, [&](int64_t j, auto lanes) {
      Vec parts[kinds][kRows];
      for (int row = 0; row < kRows; row++) {
        Vec out[kinds];
        value(base + row * period + j, j, lanes, out);
        for (int k = 0; k < kinds; k++) parts[k][row] = out[k];
      }
      for (int k = 0; k < kinds; k++) {
        float* sum = sums + k * period + j;
        store(sum, add(load(sum, lanes), sumOf<kRows>(parts[k])), lanes);
      }
    });
  }
  auto single = [&](int64_t base, int64_t length) {
    forVectors(0, length, [&](int64_t j, auto lanes) {
      Vec out[kinds];
      value(base + j, j, lanes, out);
      for (int k = 0; k < kinds; k++) {
        float* sum = sums + k * period + j;
        store(sum, add(load(sum, lanes), out[k]), lanes);
      }
    });
  };
  for (; p < end; p++) single(p * period, period);
  if (isLastChunk(columns, chunk)) single(columns.periods * period, columns.rest);
}

// Rows in a row that are added up apart, so that rounding errors grow slowly.
constexpr int kSumRows = 8;

// The same for one kind of value(i, lanes), element after element: for values that are also written to memory, which
// several rows at a time would do at half the speed. sums: kSumRows x period floats, overwritten; the first period of
// them receives the result.
template <class F>
static inline void sumColumnsInOrder(const Columns& columns, int64_t chunk, float* sums, const F& value) {
  const int64_t period = columns.period;
  memset(sums, 0, static_cast<size_t>(kSumRows * period) * sizeof(float));
  auto row = [&](int64_t p, int64_t length) {
    float* sum = sums + p % kSumRows * period;
    forVectors(0, length, [&](int64_t j, auto lanes) {
      store(sum + j, add(load(sum + j, lanes), value(p * period + j, lanes)), lanes);
    });
  };
  for (int64_t p = firstPeriod(columns, chunk); p < lastPeriod(columns, chunk); p++) row(p, period);
  if (isLastChunk(columns, chunk)) row(columns.periods, columns.rest);
  forVectors(0, period, [&](int64_t j, auto lanes) {
    Vec parts[kSumRows];
    for (int r = 0; r < kSumRows; r++) parts[r] = load(sums + r * period + j, lanes);
    store(sums + j, sumOf<kSumRows>(parts), lanes);
  });
}

// Channels combined at once.
constexpr int64_t kFoldBlock = 64;

// done(channel, total) for every channel. sums: those of all chunks, `stride` floats from one chunk to the next.
template <class F>
static inline void foldColumns(const Columns& columns, const float* sums, int64_t stride, const F& done) {
  for (int64_t first = 0; first < columns.channels; first += kFoldBlock) {
    const int64_t width = minOf(kFoldBlock, columns.channels - first);
    double totals[kFoldBlock] = {0};
    for (int64_t chunk = 0; chunk < columns.chunks; chunk++) {
      for (int64_t at = first; at < columns.period; at += columns.channels) {
        const float* part = sums + chunk * stride + at;
        for (int64_t c = 0; c < width; c++) totals[c] += static_cast<double>(part[c]);
      }
    }
    for (int64_t c = 0; c < width; c++) done(first + c, totals[c]);
  }
}

// Repeats per-channel values along a period whose first row is filled.
static inline void repeatAlongPeriod(const Columns& columns, float* values) {
  for (int64_t i = columns.channels; i < columns.period; i++) values[i] = values[i - columns.channels];
}

// Writes value(i, j, lanes) to all of the first output, i within the tensor and j within its period. In order: taking
// several rows at a time would load what belongs to a channel less often, but write to memory at half the speed.
template <class F>
static inline void writeColumns(const KernelContext& context, const Columns& columns, int64_t bytes, const F& value) {
  const int64_t period = columns.period;
  const int64_t units = columns.periods + (columns.rest ? 1 : 0);
  float* y = f32(context.outputs[0]);
  withWriter(context, period, [&](auto writer) {
    parallelFor(context, units, grainFor(period * bytes), [&](int64_t begin, int64_t end, int32_t) {
      for (int64_t p = begin; p < end; p++) {
        const int64_t base = p * period;
        forVectors(0, p < columns.periods ? period : columns.rest,
                   [&](int64_t j, auto lanes) { writer.write(y + base + j, value(base + j, j, lanes), lanes); });
      }
      writer.done();
    });
  });
}

}  // namespace
}  // namespace ocellus
