// Plans as JavaScript handles, and the thread that runs them off the event loop.
#pragma once

#include <napi.h>

namespace ocellus {

// createPlan(words, ops, state, training, arena, isa, threads) -> handle
Napi::Value createPlan(const Napi::CallbackInfo& info);
// planWorkspace(isa, op name, words of one step) -> bytes, or -1 when there is no such kernel
Napi::Value planWorkspace(const Napi::CallbackInfo& info);
// planAlgorithm(isa, op name, words of one step) -> name of the algorithm, '' where the kernel has no choice
Napi::Value planAlgorithm(const Napi::CallbackInfo& info);
// runPlanSync(handle, from, to)
Napi::Value runPlanSync(const Napi::CallbackInfo& info);
// runPlan(handle, from, to) -> Promise
Napi::Value runPlan(const Napi::CallbackInfo& info);
// profilePlanSync(handle) -> milliseconds of each step, a Float64Array
Napi::Value profilePlanSync(const Napi::CallbackInfo& info);
// profilePlan(handle) -> Promise of the same
Napi::Value profilePlan(const Napi::CallbackInfo& info);

}  // namespace ocellus
