// How a product is cut up: which rows and columns make a task, what is packed where, how much scratch that takes.
// Everything but the size of a task follows from the shapes alone.
#pragma once

#include "microkernel.h"
#include "pack.h"

namespace ocellus {
namespace {

// Longest run of k summed in registers; the sums of runs are then added in order. Every run reads and writes C once
// more; this length keeps a panel of B and the rows of A near.
constexpr int64_t kRunLimit = kVecWidth == 16 ? 512 : 384;
constexpr int64_t kBlockTiles = kVecWidth == 16 ? 16 : 24;
constexpr int64_t kBlockRows = kBlockTiles * kTileRows;
// Floats of B that may be packed at a time (16 MiB), and of a block of C held back for a sink.
constexpr int64_t kPackLimit = 4 << 20;
constexpr int64_t kSinkLimit = 128 << 10;
// About what one core does in a microsecond, in multiply-adds times two.
constexpr int64_t kFlopsPerMicrosecond = kVecWidth == 16 ? 200000 : kVecWidth == 8 ? 100000 : 40000;
constexpr int64_t kSerialFlops = 15 * kFlopsPerMicrosecond;
constexpr int64_t kTaskFlops = 20 * kFlopsPerMicrosecond;

// Products that are walked along rows of B: see thin.h. A smaller B comes from the second-level cache, and the tiles of
// the microkernel have less to load and store; but for the fewest rows it would not pay to pack it.
constexpr int64_t kThinRows = 16;
constexpr int64_t kThinnestRows = 4;
constexpr int64_t kThinBytes = 256 << 10;
// Sums that a task of such a product keeps in the first-level cache, and what of B is worth a fork.
constexpr int64_t kThinSums = 4096;
constexpr int64_t kThinSerialBytes = 1 << 20;

struct Blocking {
  int64_t splits, span;  // partial sums, and the part of k each takes
  int64_t run;           // see kRunLimit
  bool fewRows;          // tasks are ranges of columns instead of rows
  bool thin;             // so few that they are walked along rows of B (thin.h)
  bool packShared;       // B is packed once for all threads
  bool packFewColumns;   // a panel of B is packed inside the task that uses it, even if it could be read in place
  bool copyA;            // slices of A are copied to thread scratch
  bool fillShared;       // a computed A is written down once, before the product
  int64_t passColumns;   // columns of B packed at a time
  int64_t blockRows;     // most rows of a task
  int64_t slicePitch;    // of a slice of A in thread scratch
  int64_t filledPitch;   // of the whole A when fillShared
  int64_t sliceFloats, panelFloats, sinkFloats;     // thread scratch
  int64_t packedFloats, filledFloats, splitFloats;  // shared scratch
};

static inline int64_t evenPart(int64_t total, int64_t limit) {
  return total <= limit ? maxOf(total, 1) : ceilDiv(total, ceilDiv(total, limit));
}

static inline Blocking blockingOf(const Gemm& g) {
  Blocking plan = {};
  plan.splits = maxOf(g.splits, 1);
  plan.span = maxOf(ceilDiv(g.k, plan.splits), 1);
  plan.run = roundUp(evenPart(plan.span, kRunLimit), 4);
  plan.blockRows = kBlockRows;
  plan.passColumns = roundUp(maxOf(g.n, 1), kTileColumns);

  const bool wholeVectors = g.n % kVecWidth == 0;
  const bool computed = g.fill != nullptr;
  plan.fewRows = plan.splits == 1 && g.m <= kBlockRows;
  plan.thin = plan.fewRows && g.m <= kThinRows && !g.aTransposed && !g.bTransposed && !g.bPacked && !computed &&
              g.sink == nullptr && g.k > 0 && (g.m <= kThinnestRows || g.n * g.k * 4 >= kThinBytes);
  if (plan.thin) {
    // Runs become tasks, so that each reads long pieces of B; their sums are added in the order they would have had.
    plan.splits = ceilDiv(g.k, plan.run);
    plan.span = plan.run;
  }
  const bool readableInPlace =
      g.bPacked || (!g.bTransposed && wholeVectors && (g.bPitch <= 64 || g.m <= 4 * kTileRows));
  plan.packShared = plan.splits == 1 && !plan.fewRows && !readableInPlace && g.batch * g.k * kTileColumns <= kPackLimit;
  if (plan.packShared) {
    const int64_t columns = kPackLimit / maxOf(g.batch * g.k, 1) / kTileColumns * kTileColumns;
    plan.passColumns = minOf(plan.passColumns, columns);
    plan.packedFloats = g.batch * g.k * minOf(plan.passColumns, roundUp(g.n, kVecWidth));
  }
  plan.packFewColumns = !plan.packShared && isBadPitch(g.bPitch) && g.m > 4 * kTileRows;

  if (plan.fewRows && computed && g.n > kTileColumns) {
    const bool byColumns = g.aTransposed;
    plan.filledPitch = goodPitch(byColumns ? g.m : g.k);
    plan.filledFloats = g.batch * (byColumns ? g.k : g.m) * plan.filledPitch;
    plan.fillShared = plan.filledFloats <= kPackLimit;
    if (!plan.fillShared) plan.filledFloats = 0;
  }
  if (g.sink != nullptr) {
    const int64_t rows = kSinkLimit / minOf(maxOf(g.n, 1), plan.passColumns) / kTileRows * kTileRows;
    plan.blockRows = maxOf(minOf(plan.blockRows, rows), kTileRows);
    plan.sinkFloats = plan.blockRows * minOf(roundUp(maxOf(g.n, 1), 16), plan.passColumns);
  }
  const bool manyPasses = !plan.thin && (g.n > 4 * kTileColumns || (g.n > kTileColumns && isBadPitch(g.aPitch)));
  // Beside a B that needs no packing, only a bad pitch makes a copy worth its time.
  const bool readableA = g.bPacked && !isBadPitch(g.aPitch);
  plan.copyA = !computed && !readableA && manyPasses && g.m > kTileRows;
  if ((computed && !plan.fillShared) || plan.copyA) {
    const int64_t rows = minOf(plan.blockRows, roundUp(maxOf(g.m, 1), kTileRows));
    plan.slicePitch = g.aTransposed ? goodPitch(rows) : goodPitch(plan.run);
    plan.sliceFloats = (g.aTransposed ? plan.run : rows) * plan.slicePitch;
  }
  const bool packsPanels = !plan.packShared && !g.bPacked;
  plan.panelFloats = plan.thin ? kThinSums : packsPanels ? plan.run * kTileColumns : 0;
  plan.splitFloats = (plan.splits - 1) * g.batch * g.m * g.n;
  return plan;
}

}  // namespace
}  // namespace ocellus
