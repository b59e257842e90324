// One thread per JavaScript environment that runs plans in the order they were asked for. libuv's pool is left alone:
// long jobs there would hold up the file system, DNS and zlib.
#pragma once

#include <napi.h>
#include <pthread.h>

#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "../runtime/plan.h"

namespace ocellus {

class Runner {
 public:
  explicit Runner(Napi::Env env);
  ~Runner();

  // The runner of an environment; made on first use, ended by the environment's cleanup hook.
  static Runner& of(Napi::Env env);

  // Queues steps [from, to). The promise settles on the JavaScript thread; `handle` lives until then.
  Napi::Value run(Napi::Env env, std::shared_ptr<Plan> plan, Napi::Value handle, int64_t from, int64_t to);
  // Queues all steps; the promise resolves to a Float64Array of the milliseconds of each.
  Napi::Value profile(Napi::Env env, std::shared_ptr<Plan> plan, Napi::Value handle);

 private:
  struct Job;

  static void stopHook(void* self);
  static void settle(napi_env env, napi_value callback, void* self, void* job);
  Napi::Value queue(Napi::Env env, Job* job);
  void loop();
  void stop();

  std::mutex mutex_;
  pthread_cond_t wake_;
  std::deque<Job*> queue_;
  Job* current_ = nullptr;
  bool stopping_ = false;
  int64_t pending_ = 0;  // jobs not settled yet; touched by the JavaScript thread only
  napi_threadsafe_function settle_ = nullptr;
  std::thread thread_;
};

}  // namespace ocellus
