// Node-API entry point. All state is per environment or free of JavaScript values, so that the addon can be loaded by
// many worker threads and unloaded again.
#include <napi.h>

#include "../base/cpu.h"
#include "../base/memory.h"
#include "../runtime/registry.h"
#include "plan_binding.h"

namespace ocellus {

namespace {

Napi::Array toArray(Napi::Env env, const std::vector<std::string>& list) {
  Napi::Array array = Napi::Array::New(env, list.size());
  for (uint32_t i = 0; i < list.size(); i++) array.Set(i, list[i]);
  return array;
}

// isas() -> instruction sets that are built in and run here, best first
Napi::Value isas(const Napi::CallbackInfo& info) { return toArray(info.Env(), Registry::supported()); }

// kernels(isa) -> signatures
Napi::Value kernels(const Napi::CallbackInfo& info) {
  const Registry* registry = Registry::find(info[0].ToString().Utf8Value());
  if (!registry) throw Napi::Error::New(info.Env(), "instruction set not available here");
  return toArray(info.Env(), registry->signatures());
}

// alignOffset(array) -> bytes to the next address that is a multiple of 64
Napi::Value alignOffset(const Napi::CallbackInfo& info) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(info[0].As<Napi::Uint8Array>().Data());
  return Napi::Number::New(info.Env(), static_cast<double>((64 - address % 64) % 64));
}

// adviseHugePages(array): asks for huge pages under it; before it is first written to
void hugePages(const Napi::CallbackInfo& info) {
  Napi::Uint8Array array = info[0].As<Napi::Uint8Array>();
  adviseHugePages(array.Data(), array.ByteLength());
}

// defaultThreads() -> the smaller of affinity and cgroup quota
Napi::Value availableThreads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), defaultThreads()); }

// fmaPeak(isa, threads, seconds) -> GFLOP/s; blocks for `seconds`
Napi::Value fmaPeak(const Napi::CallbackInfo& info) {
  const Registry* registry = Registry::find(info[0].ToString().Utf8Value());
  const double threads = info[1].ToNumber().DoubleValue(), seconds = info[2].ToNumber().DoubleValue();
  if (!registry || !(threads >= 1 && threads <= 1024) || !(seconds > 0 && seconds <= 10))
    throw Napi::RangeError::New(info.Env(), "fmaPeak(isa, threads, seconds)");
  return Napi::Number::New(info.Env(), registry->fmaPeakGflops(static_cast<int32_t>(threads), seconds));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("isas", Napi::Function::New<isas>(env, "isas"));
  exports.Set("kernels", Napi::Function::New<kernels>(env, "kernels"));
  exports.Set("alignOffset", Napi::Function::New<alignOffset>(env, "alignOffset"));
  exports.Set("adviseHugePages", Napi::Function::New<hugePages>(env, "adviseHugePages"));
  exports.Set("defaultThreads", Napi::Function::New<availableThreads>(env, "defaultThreads"));
  exports.Set("fmaPeak", Napi::Function::New<fmaPeak>(env, "fmaPeak"));
  exports.Set("createPlan", Napi::Function::New<createPlan>(env, "createPlan"));
  exports.Set("planWorkspace", Napi::Function::New<planWorkspace>(env, "planWorkspace"));
  exports.Set("runPlanSync", Napi::Function::New<runPlanSync>(env, "runPlanSync"));
  exports.Set("runPlan", Napi::Function::New<runPlan>(env, "runPlan"));
  exports.Set("planAlgorithm", Napi::Function::New<planAlgorithm>(env, "planAlgorithm"));
  exports.Set("profilePlanSync", Napi::Function::New<profilePlanSync>(env, "profilePlanSync"));
  exports.Set("profilePlan", Napi::Function::New<profilePlan>(env, "profilePlan"));
  return exports;
}

}  // namespace

}  // namespace ocellus

static Napi::Object initAddon(Napi::Env env, Napi::Object exports) { return ocellus::init(env, exports); }

NODE_API_MODULE(ocellus, initAddon)
