// The submit thread of an environment. Waiting uses pthread_cond on the mutex's native handle:
// std::condition_variable would raise the needed libstdc++ version.
#include "runner.h"

#include <algorithm>
#include <vector>

namespace ocellus {

struct Runner::Job {
  std::shared_ptr<Plan> plan;
  Napi::Reference<Napi::Value> handle;
  Napi::Promise::Deferred deferred;
  int64_t from;
  int64_t to;
  bool timed;
  std::vector<double> milliseconds;  // of each step, when timed
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

Napi::Promise Runner::run(Napi::Env env, std::shared_ptr<Plan> plan, Napi::Value handle, int64_t from, int64_t to) {
  return queue(env, new Job{std::move(plan),
                            Napi::Reference<Napi::Value>::New(handle, 1),
                            Napi::Promise::Deferred::New(env),
                            from,
                            to,
                            false,
                            {}});
}

Napi::Promise Runner::profile(Napi::Env env, std::shared_ptr<Plan> plan, Napi::Value handle) {
  const int64_t steps = plan->size();
  return queue(
      env, new Job{std::move(plan), Napi::Reference<Napi::Value>::New(handle, 1), Napi::Promise::Deferred::New(env), 0,
                   steps, true, std::vector<double>(static_cast<size_t>(steps))});
}

Napi::Promise Runner::queue(Napi::Env env, Job* job) {
  const Napi::Promise promise = job->deferred.Promise();
  if (pending_++ == 0) napi_ref_threadsafe_function(env, settle_);
  std::lock_guard<std::mutex> lock(mutex_);
  queue_.push_back(job);
  pthread_cond_signal(&wake_);
  return promise;
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
    job->plan->run(job->from, job->to, job->timed ? job->milliseconds.data() : nullptr);
    job->plan->release();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      current_ = nullptr;
      if (stopping_) return;  // nobody is left to settle it for
    }
    napi_call_threadsafe_function(settle_, job, napi_tsfn_blocking);
  }
}

static Napi::Value timesOf(Napi::Env env, const std::vector<double>& milliseconds) {
  Napi::Float64Array times = Napi::Float64Array::New(env, milliseconds.size());
  std::copy(milliseconds.begin(), milliseconds.end(), times.Data());
  return times;
}

void Runner::settle(napi_env env, napi_value, void* self, void* data) {
  Job* job = static_cast<Job*>(data);
  if (!env) return;
  Runner* runner = static_cast<Runner*>(self);
  Napi::HandleScope scope(env);
  if (--runner->pending_ == 0) napi_unref_threadsafe_function(env, runner->settle_);
  job->deferred.Resolve(job->timed ? timesOf(env, job->milliseconds) : Napi::Env(env).Undefined());
  delete job;
}

}  // namespace ocellus
