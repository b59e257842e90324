// The loops around the microkernel. A task is a block of rows (or, when there are few, of columns) of C; it walks k in
// runs, takes the slice of A and each panel of B for a run, and computes their tiles. Blocking after BLIS (Van Zee &
// van de Geijn, 2015), except that A keeps its order.
#include "gemm.h"

#include "blocking.h"
#include "epilogue.h"
#include "pack.h"
#include "panel.h"
#include "thin.h"

namespace ocellus {
namespace {

// Tasks per thread of a product of few rows.
constexpr int64_t kThinTasks = 4;

struct Job {
  const Gemm* gemm;
  Blocking plan;
  float* packed;               // [batch][panel][k][panel width]
  float* filled;               // [batch][stored rows][filledPitch]
  float* partial;              // [splits - 1][batch][m][n]
  int64_t passBegin, passEnd;  // columns of the current pass
};

struct Task {
  int64_t batch, split;
  int64_t row, rows;
  int64_t column, columns;
};

struct ThreadScratch {
  float* slice;
  float* panel;
  float* sink;
};

static inline int64_t panelWidth(const Job& job, int64_t column) {
  const int64_t inside = job.gemm->bPacked ? kPackedColumns - column % kPackedColumns : kTileColumns;
  return minOf(minOf(kTileColumns, inside), job.passEnd - column);
}

// Packed panels of one batch entry lie one after the other; only the last of a pass may be narrower.
static inline float* packedPanel(const Job& job, int64_t batch, int64_t column) {
  const int64_t perBatch = roundUp(job.passEnd - job.passBegin, kVecWidth) * job.gemm->k;
  return job.packed + batch * perBatch + (column - job.passBegin) * job.gemm->k;
}

static inline void fillOrCopy(const Gemm& g, int64_t batch, int64_t row, int64_t rows, int64_t column, int64_t columns,
                              float* target, int64_t pitch) {
  if (g.fill != nullptr) return g.fill(g.fillSource, batch, row, rows, column, columns, target, pitch);
  const float* a = g.a + batch * g.aBatchStride + row * g.aPitch + column;
  for (int64_t i = 0; i < rows; i++) copyFloats(target + i * pitch, a + i * g.aPitch, columns);
}

// A for the rows of the task and k in [first, first + count).
static Operand sliceOfA(const Job& job, const Task& task, int64_t first, int64_t count, const ThreadScratch& scratch) {
  const Gemm& g = *job.gemm;
  const int64_t storedRow = g.aTransposed ? first : task.row, storedColumn = g.aTransposed ? task.row : first;
  if (job.plan.fillShared) {
    const int64_t pitch = job.plan.filledPitch, storedRows = g.aTransposed ? g.k : g.m;
    return {job.filled + (task.batch * storedRows + storedRow) * pitch + storedColumn, pitch};
  }
  if (g.fill == nullptr && !job.plan.copyA)
    return {g.a + task.batch * g.aBatchStride + storedRow * g.aPitch + storedColumn, g.aPitch};
  fillOrCopy(g, task.batch, storedRow, g.aTransposed ? count : task.rows, storedColumn,
             g.aTransposed ? task.rows : count, scratch.slice, job.plan.slicePitch);
  return {scratch.slice, job.plan.slicePitch};
}

// Where B(k, column) of a B that came packed is.
static inline const float* packedB(const Gemm& g, int64_t k, int64_t column) {
  return g.b + (column / kPackedColumns * g.k + k) * kPackedColumns + column % kPackedColumns;
}

static Operand panelOfB(const Job& job, const Task& task, int64_t first, int64_t count, int64_t column, int64_t width,
                        const ThreadScratch& scratch) {
  const Gemm& g = *job.gemm;
  if (g.bPacked) return {packedB(g, first, column), kPackedColumns};
  const int64_t padded = roundUp(width, kVecWidth);
  if (job.plan.packShared) return {packedPanel(job, task.batch, column) + first * padded, padded};
  if (!g.bTransposed && padded == width && !job.plan.packFewColumns)
    return {g.b + task.batch * g.bBatchStride + first * g.bPitch + column, g.bPitch};
  packPanel(g, task.batch, first, count, column, width, scratch.panel, padded);
  return {scratch.panel, padded};
}

// What of a packed B will be read after the panel at `column`, or null. It comes from a far cache, or from memory.
static const float* aheadOfB(const Job& job, const Task& task, int64_t first, int64_t count, int64_t column) {
  const Gemm& g = *job.gemm;
  if (g.bPacked ? column % kPackedColumns != 0 : !job.plan.packShared) return nullptr;
  const int64_t width = g.bPacked ? kPackedColumns : kTileColumns;
  const bool isLast = column + width >= task.column + task.columns;
  const int64_t next = isLast ? task.column : column + width, k = isLast ? first + count : first;
  if (k >= g.k) return nullptr;
  if (g.bPacked) return packedB(g, k, next);
  return packedPanel(job, task.batch, next) + k * roundUp(panelWidth(job, next), kVecWidth);
}

static void runTask(const Job& job, const Task& task, const ThreadScratch& scratch) {
  const Gemm& g = *job.gemm;
  const int64_t kBegin = task.split * job.plan.span, kEnd = minOf(g.k, kBegin + job.plan.span);
  const bool isPartial = task.split > 0, lastSplit = job.plan.splits == 1;
  const float* bias = g.bias == nullptr ? nullptr : g.bias + task.batch * g.biasBatchStride;

  const int64_t place = task.batch * g.cBatchStride + task.row * g.cPitch + task.column;
  const float* residual = g.residual == nullptr ? nullptr : g.residual + place;
  const Limits limits = limitsOf(g.activation, residual);

  float* c;
  int64_t pitch;
  if (isPartial) {
    pitch = g.n;
    c = job.partial + (((task.split - 1) * g.batch + task.batch) * g.m + task.row) * pitch + task.column;
  } else if (g.sink != nullptr) {
    pitch = roundUp(task.columns, kVecWidth);
    c = scratch.sink;
  } else {
    pitch = g.cPitch;
    c = g.c + place;
  }

  // An empty k still runs once: it writes zeros and finishes them.
  int64_t first = kBegin;
  do {
    const int64_t count = maxOf(minOf(job.plan.run, kEnd - first), 0);
    const Operand a = count == 0 ? Operand{nullptr, 0} : sliceOfA(job, task, first, count, scratch);
    TileOutput out = {};
    out.pitch = pitch;
    out.accumulate = first > kBegin || (g.accumulate && !isPartial);
    out.finish = lastSplit && first + count >= kEnd && (bias != nullptr || limits.floor == 0);
    out.floor = limits.floor;
    out.ceiling = limits.ceiling;
    if (job.plan.thin) {
      out.columns = task.columns;
      out.c = c;
      out.bias = bias == nullptr ? nullptr : bias + task.column;
      const float* b = g.b + task.batch * g.bBatchStride + first * g.bPitch + task.column;
      computeThin(a, {b, g.bPitch}, task.rows, count, scratch.panel, out);
      first += count;
      continue;
    }
    for (int64_t j = task.column; j < task.column + task.columns; j += out.columns) {
      out.columns = panelWidth(job, j);
      out.c = c + (j - task.column);
      out.bias = bias == nullptr ? nullptr : bias + j;
      const Operand b = count == 0 ? Operand{nullptr, 0} : panelOfB(job, task, first, count, j, out.columns, scratch);
      if (g.aTransposed) {
        computePanel<true>(a, b, task.rows, count, out);
      } else if (const float* ahead = aheadOfB(job, task, first, count, j)) {
        computePanel<false, true>(a, b, task.rows, count, out, ahead);
      } else {
        computePanel<false>(a, b, task.rows, count, out);
      }
    }
    first += count;
  } while (first < kEnd);

  if (lastSplit) finishRows(g.activation, residual, c, pitch, task.rows, task.columns);
  if (g.sink != nullptr) g.sink(g.sinkTarget, task.batch, task.row, task.rows, task.column, task.columns, c, pitch);
}

static void packShared(const KernelContext& context, const Job& job) {
  const Gemm& g = *job.gemm;
  const int64_t panels = ceilDiv(job.passEnd - job.passBegin, kTileColumns);
  const int64_t panelsPerTask = ceilDiv(32 << 10, g.k * kTileColumns);
  parallelFor(context, g.batch * panels, panelsPerTask, [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t batch = i / panels, column = job.passBegin + i % panels * kTileColumns;
      const int64_t width = panelWidth(job, column);
      packPanel(g, batch, 0, g.k, column, width, packedPanel(job, batch, column), roundUp(width, kVecWidth));
    }
  });
}

static void fillShared(const KernelContext& context, const Job& job) {
  const Gemm& g = *job.gemm;
  const int64_t rows = g.aTransposed ? g.k : g.m, columns = g.aTransposed ? g.m : g.k;
  const int64_t pitch = job.plan.filledPitch;
  const int64_t rowsPerTask = ceilDiv(32 << 10, columns), tasks = ceilDiv(rows, rowsPerTask);
  parallelFor(context, g.batch * tasks, 1, [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t batch = i / tasks, row = i % tasks * rowsPerTask;
      g.fill(g.fillSource, batch, row, minOf(rowsPerTask, rows - row), 0, columns,
             job.filled + (batch * rows + row) * pitch, pitch);
    }
  });
}

// Tasks of one pass over columns [passBegin, passEnd). Their size may follow the number of threads: it changes no sum.
static void runPass(const KernelContext& context, const Job& job) {
  const Gemm& g = *job.gemm;
  const Blocking& plan = job.plan;
  const int64_t columns = job.passEnd - job.passBegin;
  // Reading the windows and writing C cost about as much as 16 more terms.
  const int64_t flops = 2 * (g.k + 16) * g.m * roundUp(columns, kVecWidth) * g.batch;
  const bool small = plan.thin ? 4 * g.k * columns * g.batch <= kThinSerialBytes : flops <= kSerialFlops;
  const bool serial = context.threads <= 1 || small;
  const int64_t wanted = serial ? 1 : minOf(ceilDiv(flops, kTaskFlops), 8 * (int64_t)context.threads);
  const int64_t perBatch = maxOf(1, ceilDiv(wanted, g.batch * plan.splits));

  int64_t rowsPerTask = plan.blockRows, columnsPerTask = columns;
  if (plan.thin) {
    const int64_t perRun = serial ? 1 : ceilDiv(kThinTasks * (int64_t)context.threads, g.batch * plan.splits);
    columnsPerTask = maxOf(roundUp(ceilDiv(columns, perRun), kTileColumns), 4 * kTileColumns);
    columnsPerTask = minOf(columnsPerTask, kThinSums / g.m / kTileColumns * kTileColumns);
  } else if (plan.fewRows) {
    // A task that copies A should multiply it by some panels, if that leaves no thread without a task.
    const int64_t panel = g.bPacked ? kPackedColumns : kTileColumns;
    const int64_t fewest = plan.copyA ? minOf(4 * panel, roundUp(ceilDiv(columns, context.threads), panel)) : panel;
    columnsPerTask = maxOf(roundUp(ceilDiv(columns, perBatch), panel), fewest);
    // Few panels would be hard to share out evenly. Where they need no packing, rows are divided too.
    const int64_t rowParts = g.bPacked ? ceilDiv(perBatch, ceilDiv(columns, columnsPerTask)) : 1;
    rowsPerTask = maxOf(roundUp(ceilDiv(g.m, rowParts), kTileRows), 2 * kTileRows);
  } else {
    rowsPerTask = minOf(rowsPerTask, maxOf(roundUp(ceilDiv(g.m, perBatch), kTileRows), 2 * kTileRows));
  }
  const int64_t rowTasks = ceilDiv(g.m, rowsPerTask), columnTasks = ceilDiv(columns, columnsPerTask);
  const int64_t tasks = g.batch * plan.splits * rowTasks * columnTasks;
  const int64_t grain = serial ? tasks : plan.thin ? 1 : maxOf(1, tasks / maxOf(wanted, 1));
  parallelFor(context, tasks, grain, [&](int64_t begin, int64_t end, int32_t worker) {
    ThreadScratch scratch;
    scratch.slice = (float*)(context.threadScratch + worker * context.threadScratchStride);
    scratch.panel = scratch.slice + roundUp(plan.sliceFloats, 16);
    scratch.sink = scratch.panel + roundUp(plan.panelFloats, 16);
    for (int64_t i = begin; i < end; i++) {
      Task task;
      const int64_t block = i / columnTasks;
      task.column = job.passBegin + i % columnTasks * columnsPerTask;
      task.columns = minOf(columnsPerTask, job.passEnd - task.column);
      task.row = block % rowTasks * rowsPerTask;
      task.rows = minOf(rowsPerTask, g.m - task.row);
      task.split = block / rowTasks % plan.splits;
      task.batch = block / rowTasks / plan.splits;
      runTask(job, task, scratch);
    }
  });
}

// C += partial sums, in the order of the splits; then what a single sum would have been finished with.
static void addPartials(const KernelContext& context, const Job& job) {
  const Gemm& g = *job.gemm;
  const int64_t rowsPerTask = ceilDiv(16 << 10, maxOf(g.n * job.plan.splits, 1));
  parallelFor(context, g.batch * g.m, rowsPerTask, [&](int64_t begin, int64_t end, int32_t) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t batch = i / g.m, row = i % g.m;
      const int64_t place = batch * g.cBatchStride + row * g.cPitch;
      const float* residual = g.residual == nullptr ? nullptr : g.residual + place;
      float* c = g.c + place;
      const float* bias = g.bias == nullptr ? nullptr : g.bias + batch * g.biasBatchStride;
      const Limits limits = limitsOf(g.activation, residual);
      const Vec floor = broadcast(limits.floor), ceiling = broadcast(limits.ceiling);
      for (int64_t j = 0; j < g.n; j += kVecWidth) {
        const int64_t lanes = minOf(kVecWidth, g.n - j);
        Vec sum = loadPartial(c + j, lanes);
        for (int64_t s = 0; s + 1 < job.plan.splits; s++)
          sum = add(sum, loadPartial(job.partial + ((s * g.batch + batch) * g.m + row) * g.n + j, lanes));
        if (bias != nullptr) sum = add(sum, loadPartial(bias + j, lanes));
        storePartial(c + j, min(ceiling, max(floor, sum)), lanes);
      }
      finishRows(g.activation, residual, c, g.cPitch, 1, g.n);
    }
  });
}

}  // namespace

namespace OCELLUS_ISA {

int64_t gemmSplits(int64_t m, int64_t n, int64_t k, int64_t batch) {
  const int64_t output = maxOf(m * n * batch, 1);
  // A part should be worth a task on the widest instruction set, and all parts together should stay in the cache.
  const int64_t byWork = ceilDiv(2 * output * k, 8000000), byMemory = (2 << 20) / output, byLength = ceilDiv(k, 128);
  return maxOf(1, minOf(minOf(byWork, byMemory), minOf(byLength, 32)));
}

Workspace gemmWorkspace(const Gemm& gemm) {
  const Blocking plan = blockingOf(gemm);
  const int64_t shared = roundUp(plan.packedFloats, 16) + roundUp(plan.filledFloats, 16) + plan.splitFloats;
  const int64_t perThread = roundUp(plan.sliceFloats, 16) + roundUp(plan.panelFloats, 16) + plan.sinkFloats;
  return {shared * 4, perThread * 4};
}

void runGemm(const KernelContext& context, const Gemm& gemm, char* scratch) {
  if (gemm.m <= 0 || gemm.n <= 0 || gemm.batch <= 0) return;
  Job job = {};
  job.gemm = &gemm;
  job.plan = blockingOf(gemm);
  job.packed = (float*)scratch;
  job.filled = job.packed + roundUp(job.plan.packedFloats, 16);
  job.partial = job.filled + roundUp(job.plan.filledFloats, 16);
  if (job.plan.fillShared && gemm.k > 0) fillShared(context, job);
  for (int64_t column = 0; column < gemm.n; column += job.plan.passColumns) {
    job.passBegin = column;
    job.passEnd = minOf(gemm.n, column + job.plan.passColumns);
    if (job.plan.packShared && gemm.k > 0) packShared(context, job);
    runPass(context, job);
  }
  if (job.plan.splits > 1) addPartials(context, job);
}

static Gemm plainGemm(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k, int64_t aPitch,
                      int64_t bPitch) {
  Gemm gemm = {};
  gemm.m = m;
  gemm.n = n;
  gemm.k = k;
  gemm.batch = 1;
  gemm.aPitch = aPitch;
  gemm.aTransposed = transposeA;
  gemm.bPitch = bPitch;
  gemm.bTransposed = transposeB;
  // The rows of a transposed A are never a batch, so their number may have a say in the order of summation.
  gemm.splits = transposeA ? gemmSplits(m, n, k, 1) : 1;
  return gemm;
}

Workspace sgemmWorkspace(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k) {
  return gemmWorkspace(plainGemm(transposeA, transposeB, m, n, k, transposeA ? m : k, transposeB ? k : n));
}

void sgemm(const KernelContext& context, bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k,
           const float* a, int64_t aPitch, const float* b, int64_t bPitch, float* c, int64_t cPitch, bool accumulate) {
  Gemm gemm = plainGemm(transposeA, transposeB, m, n, k, aPitch, bPitch);
  gemm.a = a;
  gemm.b = b;
  gemm.c = c;
  gemm.cPitch = cPitch;
  gemm.accumulate = accumulate;
  runGemm(context, gemm, context.scratch);
}

}  // namespace OCELLUS_ISA
}  // namespace ocellus
