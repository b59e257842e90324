// A fork-join pool for regions of a few microseconds: chunks come from one atomic counter, idle workers spin for a
// moment and then sleep on a futex, and a region never waits for a worker that has not arrived yet.
//
// One region runs at a time. A thread that finds the pool taken (two environments stepping at once), or that is itself
// inside a region, runs all its chunks alone, in order, at once: the results are the same, and nobody can deadlock.
#include "thread_pool.h"

#include <pthread.h>
#include <time.h>

#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

#ifdef __linux__
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "cpu.h"

namespace ocellus {
namespace {

constexpr int32_t kMaxThreads = 256;
constexpr int64_t kSpinNanoseconds = 80 * 1000;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// Sleeping until a word changes. std::condition_variable would do, but its symbols are too new for older systems.
#ifdef __linux__
void sleepWhile(std::atomic<uint32_t>& word, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void wake(std::atomic<uint32_t>& word, int32_t count) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}
#else
pthread_mutex_t sleepMutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t sleepCondition = PTHREAD_COND_INITIALIZER;

void sleepWhile(std::atomic<uint32_t>& word, uint32_t value) {
  pthread_mutex_lock(&sleepMutex);
  if (word.load() == value) pthread_cond_wait(&sleepCondition, &sleepMutex);
  pthread_mutex_unlock(&sleepMutex);
}

void wake(std::atomic<uint32_t>&, int32_t) {
  pthread_mutex_lock(&sleepMutex);
  pthread_cond_broadcast(&sleepCondition);
  pthread_mutex_unlock(&sleepMutex);
}
#endif

// The number of this thread in the region it is working for, or -1 outside any.
thread_local int32_t workerOfThisThread = -1;

// Spins until done() or the time is over.
template <class F>
bool spinUntil(bool maySpin, const F& done) {
  if (done()) return true;
  if (!maySpin) return false;
  const int64_t end = nanoseconds() + kSpinNanoseconds;
  do {
    for (int i = 0; i < 64; i++) {
      relax();
      if (done()) return true;
    }
  } while (nanoseconds() < end);
  return false;
}

void runAlone(int64_t count, int64_t grain, ChunkFunction function, void* argument, int32_t worker) {
  for (int64_t begin = 0; begin < count; begin += grain)
    function(argument, begin, begin + grain < count ? begin + grain : count, worker);
}

}  // namespace

struct ThreadPool {
  // What the current region does. Written while the gate is closed, read only by threads that passed it.
  ChunkFunction function = nullptr;
  void* argument = nullptr;
  int64_t count = 0;
  int64_t grain = 1;
  int64_t chunks = 0;
  int32_t participants = 0;

  alignas(64) std::atomic<int64_t> nextChunk{0};
  // Threads inside the region, and two flags. A worker enters by adding one, looks whether the gate is open, and leaves
  // by subtracting it; whoever opened the gate closes it when the chunks are gone and waits for the count to reach 0.
  alignas(64) std::atomic<uint32_t> gate{0};
  // Grows by one per region; workers watch it and sleep on it.
  alignas(64) std::atomic<uint32_t> regions{0};
  std::atomic<int32_t> sleepers{0};
  alignas(64) std::atomic<bool> taken{false};
  std::atomic<bool> maySpin{true};
  std::atomic<int32_t> threads{1};
  std::mutex growing;

  static constexpr uint32_t kOpen = 1u << 31;
  static constexpr uint32_t kOwnerSleeps = 1u << 30;
  static constexpr uint32_t kInside = kOwnerSleeps - 1;

  void takeChunks(int32_t worker) {
    for (;;) {
      const int64_t chunk = nextChunk.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= chunks) return;
      const int64_t begin = chunk * grain;
      function(argument, begin, count - begin < grain ? count : begin + grain, worker);
    }
  }

  void visit(int32_t worker) {
    const bool open = gate.fetch_add(1, std::memory_order_acquire) & kOpen;
    if (open && worker < participants) takeChunks(worker);
    const uint32_t before = gate.fetch_sub(1, std::memory_order_release);
    if ((before & kOwnerSleeps) && (before & kInside) == 1) wake(gate, 1);
  }

  [[noreturn]] void work(int32_t worker) {
    workerOfThisThread = worker;
#ifdef __linux__
    prctl(PR_SET_NAME, "ocellus", 0, 0, 0);
#endif
    uint32_t seen = 0;
    for (;;) {
      const auto changed = [&] { return regions.load(std::memory_order_acquire) != seen; };
      if (!spinUntil(maySpin.load(std::memory_order_relaxed), changed)) {
        sleepers.fetch_add(1);
        while (regions.load() == seen) sleepWhile(regions, seen);
        sleepers.fetch_sub(1);
      }
      seen = regions.load(std::memory_order_acquire);
      visit(worker);
    }
  }

  void run(int32_t maxThreads) {
    participants = maxThreads;
    // A woken worker may turn out to be one too many for this region: then all of them must be asked.
    const bool anyWillDo = threads.load() <= maxThreads;
    const int32_t wanted = anyWillDo && chunks - 1 < kMaxThreads ? static_cast<int32_t>(chunks - 1) : kMaxThreads;
    nextChunk.store(0, std::memory_order_relaxed);
    gate.fetch_or(kOpen, std::memory_order_release);
    regions.fetch_add(1);
    if (sleepers.load() > 0) wake(regions, wanted);

    workerOfThisThread = 0;
    takeChunks(0);
    workerOfThisThread = -1;

    gate.fetch_and(~kOpen, std::memory_order_acquire);
    const auto empty = [&] { return (gate.load(std::memory_order_acquire) & kInside) == 0; };
    if (spinUntil(maySpin.load(std::memory_order_relaxed), empty)) return;
    gate.fetch_or(kOwnerSleeps);
    while (!empty()) {
      const uint32_t value = gate.load();
      if (value & kInside) sleepWhile(gate, value);
    }
    gate.fetch_and(~kOwnerSleeps);
  }
};

ThreadPool* threadPool() {
  static ThreadPool* pool = new ThreadPool;
  return pool;
}

int32_t growThreadPool(ThreadPool* pool, int32_t threads) {
  if (threads > kMaxThreads) threads = kMaxThreads;
  if (pool->threads.load() >= threads) return threads;
  const std::lock_guard<std::mutex> lock(pool->growing);
  while (pool->threads.load() < threads) {
    const int32_t worker = pool->threads.load();
    try {
      std::thread([pool, worker] { pool->work(worker); }).detach();
    } catch (const std::system_error&) {
      break;
    }
    pool->threads.store(worker + 1);
  }
  // Spinning threads that share a processor with working ones only steal its time.
  pool->maySpin.store(pool->threads.load() <= defaultThreads());
  return pool->threads.load() < threads ? pool->threads.load() : threads;
}

void parallelChunks(const KernelContext& context, int64_t count, int64_t grain, ChunkFunction function,
                    void* argument) {
  if (count <= 0) return;
  const int64_t chunks = (count - 1) / grain + 1;
  const int32_t worker = workerOfThisThread;
  if (worker >= 0 || chunks == 1 || context.threads <= 1 || context.pool == nullptr)
    return runAlone(count, grain, function, argument, worker >= 0 ? worker : 0);
  ThreadPool& pool = *context.pool;
  if (pool.taken.exchange(true, std::memory_order_acquire)) return runAlone(count, grain, function, argument, 0);
  const int32_t threads = growThreadPool(&pool, context.threads);
  pool.function = function;
  pool.argument = argument;
  pool.count = count;
  pool.grain = grain;
  pool.chunks = chunks;
  pool.run(threads);
  pool.taken.store(false, std::memory_order_release);
}

}  // namespace ocellus
