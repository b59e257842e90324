// Decodes, validates and runs plans. Nothing here trusts the words: a wrong plan is an error, never a crash.
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "../base/cpu.h"
#include "../base/thread_pool.h"

namespace ocellus {

namespace {

constexpr double kMagic = 0x0ce11;
constexpr int64_t kMaxElements = int64_t{1} << 40;
constexpr int64_t kAlignment = 64;

const int64_t kElementBytes[] = {4, 4, 1};

// Reads numbers one after the other and refuses what is not there or not of the kind asked for.
class Reader {
 public:
  Reader(const double* words, size_t count) : words_(words), count_(count) {}

  double number() {
    if (position_ >= count_) throw PlanError("plan ends too early");
    return words_[position_++];
  }

  int64_t integer(int64_t low, int64_t high, const char* what) {
    const double value = number();
    if (!(value >= static_cast<double>(low) && value <= static_cast<double>(high)) || value != std::floor(value))
      throw PlanError(std::string(what) + ": expected an integer in [" + std::to_string(low) + ", " +
                      std::to_string(high) + "], got " + std::to_string(value));
    return static_cast<int64_t>(value);
  }

  bool atEnd() const { return position_ == count_; }

 private:
  const double* words_;
  size_t count_;
  size_t position_ = 0;
};

struct Operand {
  TensorView view;
  int64_t region;
  int64_t offset;
};

struct StepWords {
  int64_t op;
  int64_t scratchOffset;
  int64_t scratchBytes;
  std::vector<Operand> operands;  // inputs, then outputs
  size_t numInputs;
  std::vector<double> attrs;
};

Operand readOperand(Reader& reader) {
  Operand operand;
  memset(&operand, 0, sizeof operand);
  if (reader.integer(0, 1, "presence flag") == 0) return operand;
  TensorView& view = operand.view;
  view.present = 1;
  operand.region = reader.integer(0, kNumRegions - 1, "region");
  operand.offset = reader.integer(0, int64_t{1} << 52, "offset");
  view.dtype = static_cast<DType>(reader.integer(0, 2, "dtype"));
  view.rank = static_cast<int32_t>(reader.integer(0, kMaxRank, "rank"));
  view.size = 1;
  for (int32_t axis = 0; axis < view.rank; axis++) {
    view.dims[axis] = reader.integer(0, kMaxElements, "dimension");
    if (view.dims[axis] != 0 && view.size > kMaxElements / view.dims[axis]) throw PlanError("tensor too large");
    view.size *= view.dims[axis];
  }
  return operand;
}

StepWords readStep(Reader& reader) {
  StepWords step;
  step.op = reader.integer(0, 1 << 20, "op number");
  step.scratchOffset = reader.integer(0, int64_t{1} << 52, "scratch offset");
  step.scratchBytes = reader.integer(0, int64_t{1} << 52, "scratch bytes");
  step.numInputs = static_cast<size_t>(reader.integer(0, 1 << 16, "number of inputs"));
  for (size_t i = 0; i < step.numInputs; i++) step.operands.push_back(readOperand(reader));
  const int64_t numOutputs = reader.integer(0, 1 << 16, "number of outputs");
  for (int64_t i = 0; i < numOutputs; i++) step.operands.push_back(readOperand(reader));
  const int64_t numAttrs = reader.integer(0, 1 << 16, "number of attributes");
  for (int64_t i = 0; i < numAttrs; i++) step.attrs.push_back(reader.number());
  return step;
}

// Compares the operands with the signature: how many there are, and which may be left out.
void checkOperands(const StepWords& step, const KernelInfo& info) {
  const size_t declared = info.optionalInputs.size();
  const bool countFits = info.repeats ? step.numInputs >= declared : step.numInputs == declared;
  if (!countFits) throw PlanError("wrong number of inputs: " + std::to_string(step.numInputs));
  if (step.operands.size() - step.numInputs != static_cast<size_t>(info.numOutputs))
    throw PlanError("wrong number of outputs");
  for (size_t i = 0; i < step.operands.size(); i++) {
    const bool optional = i < step.numInputs && i < declared && info.optionalInputs[i];
    if (!optional && !step.operands[i].view.present) throw PlanError("operand " + std::to_string(i) + " is missing");
  }
}

std::vector<int32_t> packAttrs(const StepWords& step, const KernelInfo& info) {
  if (step.attrs.size() != info.slots.size()) throw PlanError("wrong number of attributes");
  std::vector<int32_t> slots;
  for (size_t i = 0; i < step.attrs.size(); i++) {
    const double value = step.attrs[i];
    int32_t slot;
    if (info.slots[i] == 'i') {
      if (!(value >= -2147483648.0 && value <= 2147483647.0) || value != std::floor(value))
        throw PlanError("attribute slot " + std::to_string(i) + " is not a 32-bit integer");
      slot = static_cast<int32_t>(value);
    } else {
      const float number = static_cast<float>(value);
      memcpy(&slot, &number, sizeof slot);
    }
    slots.push_back(slot);
  }
  return slots;
}

KernelContext contextOf(const std::vector<TensorView>& views, const std::vector<int32_t>& attrs, size_t numInputs) {
  KernelContext context;
  memset(&context, 0, sizeof context);
  context.inputs = views.data();
  context.outputs = views.data() + numInputs;
  context.numInputs = static_cast<int32_t>(numInputs);
  context.numOutputs = static_cast<int32_t>(views.size() - numInputs);
  context.attrs = attrs.data();
  context.threads = 1;
  return context;
}

std::vector<TensorView> viewsOf(const StepWords& step) {
  std::vector<TensorView> views;
  for (const Operand& operand : step.operands) views.push_back(operand.view);
  return views;
}

// Everything of a step that does not need memory. Throws, or returns the workspace wanted.
Workspace checkStep(const KernelInfo& info, const KernelContext& context) {
  if (info.entry->check) {
    if (const char* problem = info.entry->check(context)) throw PlanError(problem);
  }
  return info.entry->workspace ? info.entry->workspace(context) : Workspace{0, 0};
}

// A step without memory, checked.
struct LoneStep {
  LoneStep(const KernelInfo& info, const double* words, size_t count) {
    Reader reader(words, count);
    const StepWords step = readStep(reader);
    checkOperands(step, info);
    views = viewsOf(step);
    attrs = packAttrs(step, info);
    context = contextOf(views, attrs, step.numInputs);
    workspace = checkStep(info, context);
  }
  LoneStep(const LoneStep&) = delete;

  std::vector<TensorView> views;
  std::vector<int32_t> attrs;
  KernelContext context;
  Workspace workspace;
};

char* resolve(const Operand& operand, const Region (&regions)[kNumRegions]) {
  const Region& region = regions[operand.region];
  const int64_t elementBytes = kElementBytes[operand.view.dtype];
  const int64_t bytes = operand.view.size * elementBytes;
  if (operand.offset > region.bytes || bytes > region.bytes - operand.offset)
    throw PlanError("a buffer of " + std::to_string(bytes) + " bytes at " + std::to_string(operand.offset) +
                    " does not fit into region " + std::to_string(operand.region) + " of " +
                    std::to_string(region.bytes));
  char* data = region.data + operand.offset;
  if (reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(elementBytes) != 0)
    throw PlanError("misaligned buffer at offset " + std::to_string(operand.offset));
  return data;
}

char* resolveScratch(const StepWords& step, const Workspace& wanted, const Region& arena) {
  if (step.scratchBytes < wanted.shared)
    throw PlanError("scratch of " + std::to_string(step.scratchBytes) + " bytes, " + std::to_string(wanted.shared) +
                    " needed");
  if (step.scratchOffset > arena.bytes || step.scratchBytes > arena.bytes - step.scratchOffset)
    throw PlanError("scratch does not fit into the arena");
  char* scratch = arena.data + step.scratchOffset;
  if (wanted.shared > 0 && reinterpret_cast<uintptr_t>(scratch) % kAlignment != 0)
    throw PlanError("scratch at an address that is not a multiple of 64");
  return scratch;
}

}  // namespace

Plan::Plan(const double* words, size_t count, const std::vector<std::string>& ops, const Region (&regions)[kNumRegions],
           const Registry& registry, int32_t threads) {
  Reader reader(words, count);
  if (reader.number() != kMagic) throw PlanError("not a plan of this version");
  for (const Region& region : regions) reader.integer(0, region.bytes, "bytes of a region");
  const int64_t numSteps = reader.integer(0, 1 << 20, "number of steps");
  int64_t perThread = 0;
  for (int64_t index = 0; index < numSteps; index++) {
    std::string where = "step " + std::to_string(index);
    try {
      const StepWords step = readStep(reader);
      if (step.op >= static_cast<int64_t>(ops.size())) throw PlanError("op number outside the list of names");
      const std::string& name = ops[static_cast<size_t>(step.op)];
      where += " (" + name + ")";
      const KernelInfo* info = registry.kernel(name);
      if (!info) throw PlanError("no native kernel of this name");
      checkOperands(step, *info);
      steps_.push_back(Step{info->entry->run, KernelContext{}, viewsOf(step), packAttrs(step, *info)});
      Step& decoded = steps_.back();
      decoded.context = contextOf(decoded.views, decoded.attrs, step.numInputs);
      const Workspace wanted = checkStep(*info, decoded.context);
      for (size_t i = 0; i < step.operands.size(); i++)
        if (decoded.views[i].present) decoded.views[i].data = resolve(step.operands[i], regions);
      decoded.context.scratch = resolveScratch(step, wanted, regions[kNumRegions - 1]);
      if (wanted.perThread > perThread) perThread = wanted.perThread;
    } catch (const PlanError& error) {
      throw PlanError(where + ": " + error.what());
    }
  }
  if (!reader.atEnd()) throw PlanError("plan has words behind its end");

  perThread = (perThread + kAlignment - 1) / kAlignment * kAlignment;
  if (perThread > 0) {
    void* memory = nullptr;
    if (posix_memalign(&memory, kAlignment, static_cast<size_t>(perThread) * static_cast<size_t>(threads)) != 0)
      throw PlanError("no memory for " + std::to_string(perThread * threads) + " bytes of scratch");
    threadScratch_ = static_cast<char*>(memory);
  }
  for (Step& step : steps_) {
    step.context.threadScratch = threadScratch_;
    step.context.threadScratchStride = perThread;
    step.context.pool = threadPool();
    step.context.threads = threads;
    step.context.streamBytes = cacheSizes().l3 / 2;
  }
}

Plan::~Plan() { free(threadScratch_); }

void Plan::run(int64_t from, int64_t to, double* milliseconds) {
  using Clock = std::chrono::steady_clock;
  for (int64_t index = from; index < to && !cancelled_.load(std::memory_order_relaxed); index++) {
    const Step& step = steps_[static_cast<size_t>(index)];
    if (!milliseconds) {
      step.run(step.context);
      continue;
    }
    const Clock::time_point start = Clock::now();
    step.run(step.context);
    milliseconds[index - from] = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }
}

int64_t stepWorkspace(const std::string& name, const double* words, size_t count, const Registry& registry) {
  const KernelInfo* info = registry.kernel(name);
  if (!info) return -1;
  const LoneStep step(*info, words, count);
  return step.workspace.shared;
}

std::string stepAlgorithm(const std::string& name, const double* words, size_t count, const Registry& registry) {
  const KernelInfo* info = registry.kernel(name);
  if (!info) return "";
  const LoneStep step(*info, words, count);
  const char* algorithm = info->entry->algorithm ? info->entry->algorithm(step.context) : nullptr;
  return algorithm ? algorithm : "";
}

}  // namespace ocellus
