// The native executor: a decoded plan bound to three memory regions it does not own.
#pragma once

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "registry.h"

namespace ocellus {

// A plan that is not what the signatures, shapes or regions allow. Says which step and what.
struct PlanError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Region {
  char* data;
  int64_t bytes;
};

constexpr int kNumRegions = 3;

class Plan {
 public:
  // Decodes the words of src/graph/plan.ts (encodePlan) and validates everything: every offset, shape and attribute is
  // inside its bounds, or PlanError is thrown. `ops` are the names the words refer to.
  Plan(const double* words, size_t count, const std::vector<std::string>& ops, const Region (&regions)[kNumRegions],
       const Registry& registry, int32_t threads);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  int64_t size() const { return static_cast<int64_t>(steps_.size()); }

  // Runs steps [from, to); `milliseconds` (may be null) receives the time of each. Stops early once cancelled.
  void run(int64_t from, int64_t to, double* milliseconds);
  void cancel() { cancelled_.store(true); }

  // Claims the plan for one run at a time; false when it is running already.
  bool tryAcquire() { return !busy_.exchange(true); }
  void release() { busy_.store(false); }

 private:
  struct Step {
    void (*run)(const KernelContext&);
    KernelContext context;
    std::vector<TensorView> views;  // inputs, then outputs
    std::vector<int32_t> attrs;     // 4-byte slots, floats as their bits
  };

  std::vector<Step> steps_;
  char* threadScratch_ = nullptr;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> busy_{false};
};

// Bytes of shared scratch that the step described by `words` (encodeStep, op number ignored) needs for `name`.
// -1: the registry has no such kernel.
int64_t stepWorkspace(const std::string& name, const double* words, size_t count, const Registry& registry);

// The algorithm by which the kernel computes such a step; empty where it has no choice, or where there is no kernel.
std::string stepAlgorithm(const std::string& name, const double* words, size_t count, const Registry& registry);

}  // namespace ocellus
