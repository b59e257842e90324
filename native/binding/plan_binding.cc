#include "plan_binding.h"

#include "runner.h"

namespace ocellus {

namespace {

// What a handle points to: the plan, and the typed arrays whose memory it borrows.
struct PlanHandle {
  std::shared_ptr<Plan> plan;
  Napi::Reference<Napi::Value> memory;
};

std::vector<std::string> stringList(const Napi::Array& array) {
  std::vector<std::string> list;
  for (uint32_t i = 0; i < array.Length(); i++) list.push_back(array.Get(i).ToString().Utf8Value());
  return list;
}

Region regionOf(const Napi::Value& value) {
  Napi::Uint8Array array = value.As<Napi::Uint8Array>();
  return Region{reinterpret_cast<char*>(array.Data()), static_cast<int64_t>(array.ByteLength())};
}

const Registry& registryOf(Napi::Env env, const Napi::Value& isa) {
  const Registry* registry = Registry::find(isa.ToString().Utf8Value());
  if (!registry) throw Napi::Error::New(env, "instruction set not available here");
  return *registry;
}

PlanHandle& handleOf(const Napi::Value& value) { return *value.As<Napi::External<PlanHandle>>().Data(); }

int64_t stepOf(const Napi::CallbackInfo& info, size_t index, int64_t low, int64_t high) {
  const double value = info[index].ToNumber().DoubleValue();
  if (!(value >= static_cast<double>(low) && value <= static_cast<double>(high)))
    throw Napi::RangeError::New(info.Env(), "step outside the plan");
  return static_cast<int64_t>(value);
}

void acquire(Napi::Env env, Plan& plan) {
  if (!plan.tryAcquire()) throw Napi::Error::New(env, "plan is running");
}

// Answers question(name, words, count, registry) for the arguments (isa, op name, words of one step).
template <class Question>
auto askOfStep(const Napi::CallbackInfo& info, const Question& question) {
  const Napi::Float64Array words = info[2].As<Napi::Float64Array>();
  try {
    return question(info[1].ToString().Utf8Value(), words.Data(), words.ElementLength(),
                    registryOf(info.Env(), info[0]));
  } catch (const PlanError& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

}  // namespace

Napi::Value createPlan(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 7 || !info[0].IsTypedArray() || !info[1].IsArray())
    throw Napi::TypeError::New(env, "createPlan(words, ops, state, training, arena, isa, threads)");
  const Napi::Float64Array words = info[0].As<Napi::Float64Array>();
  Region regions[kNumRegions];
  const Napi::Array memory = Napi::Array::New(env, kNumRegions);
  for (uint32_t i = 0; i < kNumRegions; i++) {
    if (!info[2 + i].IsTypedArray()) throw Napi::TypeError::New(env, "a region is not a Uint8Array");
    regions[i] = regionOf(info[2 + i]);
    memory.Set(i, info[2 + i]);
  }
  const int64_t threads = stepOf(info, 6, 1, 1024);
  try {
    auto plan = std::make_shared<Plan>(words.Data(), words.ElementLength(), stringList(info[1].As<Napi::Array>()),
                                       regions, registryOf(env, info[5]), static_cast<int32_t>(threads));
    PlanHandle* handle = new PlanHandle{std::move(plan), Napi::Reference<Napi::Value>::New(memory, 1)};
    return Napi::External<PlanHandle>::New(env, handle, [](Napi::Env, PlanHandle* data) { delete data; });
  } catch (const PlanError& error) {
    throw Napi::Error::New(env, error.what());
  }
}

Napi::Value planWorkspace(const Napi::CallbackInfo& info) {
  const int64_t bytes = askOfStep(info, stepWorkspace);
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

Napi::Value planAlgorithm(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), askOfStep(info, stepAlgorithm));
}

Napi::Value runPlanSync(const Napi::CallbackInfo& info) {
  Plan& plan = *handleOf(info[0]).plan;
  const int64_t from = stepOf(info, 1, 0, plan.size());
  const int64_t to = stepOf(info, 2, from, plan.size());
  acquire(info.Env(), plan);
  plan.run(from, to, nullptr);
  plan.release();
  return info.Env().Undefined();
}

Napi::Value runPlan(const Napi::CallbackInfo& info) {
  std::shared_ptr<Plan> plan = handleOf(info[0]).plan;
  const int64_t from = stepOf(info, 1, 0, plan->size());
  const int64_t to = stepOf(info, 2, from, plan->size());
  acquire(info.Env(), *plan);
  return Runner::of(info.Env()).run(info.Env(), plan, info[0], from, to);
}

Napi::Value profilePlanSync(const Napi::CallbackInfo& info) {
  Plan& plan = *handleOf(info[0]).plan;
  Napi::Float64Array milliseconds = Napi::Float64Array::New(info.Env(), static_cast<size_t>(plan.size()));
  acquire(info.Env(), plan);
  plan.run(0, plan.size(), milliseconds.Data());
  plan.release();
  return milliseconds;
}

Napi::Value profilePlan(const Napi::CallbackInfo& info) {
  std::shared_ptr<Plan> plan = handleOf(info[0]).plan;
  acquire(info.Env(), *plan);
  return Runner::of(info.Env()).profile(info.Env(), plan, info[0]);
}

}  // namespace ocellus
