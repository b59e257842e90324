// The submit thread of an environment. Waiting uses pthread_cond on the mutex's native handle:
// std::condition_variable would raise the needed libstdc++ version.
#include "runner.h"

namespace ocellus {

struct Runner::Job {
  std::shared_ptr<Plan> plan;
  Napi::Reference<Napi::Value> handle;
  napi_deferred deferred;
  int64_t from;
  int64_t to;
  Napi::Reference<Napi::Value> times;  // what the promise resolves to when the job is timed
  double* milliseconds;                // its memory
};

Runner::Runner(Napi::Env env) {
  pthread_cond_init(&wake_, nullptr);
  const napi_value name = Napi::String::New(env, "ocellus");
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, &Runner::settle, &settle_);
  napi_unref_threadsafe_function(env, settle_);
  // After the thread-safe function, so that this hook runs before that one's: the thread is gone when it closes.
  napi_add_env_cleanup_hook(env, &Runner::stopHook, this);
  thread_ = std::thread(&Runner::loop, this);
}

Runner::~Runner() { pthread_cond_destroy(&wake_); }

// The cleanup hook owns the runner; instance data only finds it.
static void keepRunner(Napi::Env, Runner*) {}

Runner& Runner::of(Napi::Env env) {
  Runner* runner = env.GetInstanceData<Runner>();
  if (!runner) {
    runner = new Runner(env);
    env.SetInstanceData<Runner, keepRunner>(runner);
  }
  return *runner;
}

void Runner::stopHook(void* self) {
  Runner* runner = static_cast<Runner*>(self);
  runner->stop();
  delete runner;
}

void Runner::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    if (current_) current_->plan->cancel();
    pthread_cond_signal(&wake_);
  }
  thread_.join();
  for (Job* job : queue_) delete job;
  queue_.clear();
}

static Napi::Reference<Napi::Value> keep(Napi::Value value) { return Napi::Reference<Napi::Value>::New(value, 1); }

Napi::Value Runner::run(Napi::Env env, std::shared_ptr<Plan> plan, Napi::Value handle, int64_t from, int64_t to) {
  return queue(env, new Job{std::move(plan), keep(handle), nullptr, from, to, {}, nullptr});
}

Napi::Value Runner::profile(Napi::Env env, std::shared_ptr<Plan> plan, Napi::Value handle) {
  const int64_t steps = plan->size();
  Napi::Float64Array times = Napi::Float64Array::New(env, static_cast<size_t>(steps));
  return queue(env, new Job{std::move(plan), keep(handle), nullptr, 0, steps, keep(times), times.Data()});
}

Napi::Value Runner::queue(Napi::Env env, Job* job) {
  napi_value promise;
  NAPI_THROW_IF_FAILED(env, napi_create_promise(env, &job->deferred, &promise), Napi::Value());
  if (pending_++ == 0) napi_ref_threadsafe_function(env, settle_);
  std::lock_guard<std::mutex> lock(mutex_);
  queue_.push_back(job);
  pthread_cond_signal(&wake_);
  return Napi::Value(env, promise);
}

void Runner::loop() {
  for (;;) {
    Job* job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      while (queue_.empty() && !stopping_) pthread_cond_wait(&wake_, mutex_.native_handle());
      if (stopping_) return;
      job = queue_.front();
      queue_.pop_front();
      current_ = job;
    }
    job->plan->run(job->from, job->to, job->milliseconds);
    job->plan->release();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      current_ = nullptr;
      if (stopping_) return;  // nobody is left to settle it for
    }
    napi_call_threadsafe_function(settle_, job, napi_tsfn_blocking);
  }
}

// An environment that is being terminated refuses calls at any moment, and nothing is above this one to catch a C++
// exception: so plain Node-API, whose status is not looked at. A promise that cannot be settled has nobody waiting.
void Runner::settle(napi_env env, napi_value, void* self, void* data) {
  if (!env) return;
  std::unique_ptr<Job> job(static_cast<Job*>(data));
  Runner* runner = static_cast<Runner*>(self);
  if (--runner->pending_ == 0) napi_unref_threadsafe_function(env, runner->settle_);
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value result = nullptr;
  if (job->milliseconds) napi_get_reference_value(env, job->times, &result);
  if (!result) napi_get_undefined(env, &result);
  napi_resolve_deferred(env, job->deferred, result);
  napi_close_handle_scope(env, scope);
}

}  // namespace ocellus
