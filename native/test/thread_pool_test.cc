// The pool and the processor detection: every chunk once, nesting, several callers at once, sleeping workers, growth.
// Built with -fsanitize=thread it is the proof that regions hand their data over correctly.
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/cpu.h"
#include "harness.h"

using namespace ocellus;

namespace {

KernelContext contextOf(int32_t threads) {
  KernelContext context = {};
  context.pool = threadPool();
  context.threads = threads;
  return context;
}

// Plain, unsynchronised memory: only the pool orders the accesses.
bool everyElementOnce(const KernelContext& context, int64_t count, int64_t grain) {
  std::vector<int> hits(static_cast<size_t>(count), 0);
  std::atomic<bool> ok{true};
  parallelFor(context, count, grain, [&](int64_t begin, int64_t end, int32_t worker) {
    if (worker < 0 || worker >= context.threads || begin % grain != 0 || end - begin > grain) ok = false;
    for (int64_t i = begin; i < end; i++) hits[static_cast<size_t>(i)]++;
  });
  for (int hit : hits)
    if (hit != 1) return false;
  return ok;
}

// A worker number belongs to one thread at a time: its scratch would be shared otherwise.
bool workersAreExclusive(int32_t threads) {
  std::vector<std::atomic<int>> busy(static_cast<size_t>(threads));
  std::atomic<bool> ok{true};
  parallelFor(contextOf(threads), 2000, 1, [&](int64_t, int64_t, int32_t worker) {
    if (busy[static_cast<size_t>(worker)].fetch_add(1) != 0) ok = false;
    busy[static_cast<size_t>(worker)].fetch_sub(1);
  });
  return ok;
}

void nested() {
  const KernelContext context = contextOf(3);
  std::vector<int> hits(300, 0);
  std::atomic<bool> ok{true};
  parallelFor(context, 30, 1, [&](int64_t begin, int64_t, int32_t outer) {
    parallelFor(context, 10, 3, [&](int64_t from, int64_t to, int32_t inner) {
      if (inner != outer) ok = false;
      for (int64_t i = from; i < to; i++) hits[static_cast<size_t>(begin * 10 + i)]++;
    });
  });
  for (int hit : hits) ok = ok && hit == 1;
  check(ok, "a nested region runs on the worker that meets it");
}

void severalCallers() {
  std::atomic<int> right{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; c++)
    callers.emplace_back([&] {
      for (int i = 0; i < 500; i++)
        if (everyElementOnce(contextOf(2), 40, 7)) right++;
    });
  for (std::thread& caller : callers) caller.join();
  check(right == 2000, "several callers at once");
}

void sleepers() {
  bool ok = true;
  for (int i = 0; i < 20; i++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ok = ok && everyElementOnce(contextOf(3), 100, 1);
  }
  check(ok, "workers wake from sleep");
  // A slow chunk elsewhere makes the caller sleep too.
  std::atomic<int> done{0};
  parallelFor(contextOf(2), 2, 1, [&](int64_t begin, int64_t, int32_t) {
    if (begin == 1) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    done++;
  });
  check(done == 2, "the caller waits for the last chunk");
}

void writeFile(const std::string& path, const char* text) {
  FILE* file = fopen(path.c_str(), "w");
  if (file == nullptr) return;
  fputs(text, file);
  fclose(file);
}

void quotas() {
  char folder[] = "/tmp/ocellusXXXXXX";
  if (!check(mkdtemp(folder) != nullptr, "temporary folder")) return;
  const std::string root = folder, group = root + "/a", leaf = group + "/b", cpu = root + "/cpu";
  mkdir(group.c_str(), 0700);
  mkdir(leaf.c_str(), 0700);
  mkdir(cpu.c_str(), 0700);
  writeFile(root + "/member2", "0::/a/b\n");
  writeFile(leaf + "/cpu.max", "max 100000\n");
  check(cgroupCpuQuota((root + "/member2").c_str(), folder) == 0, "no quota");
  writeFile(group + "/cpu.max", "150000 100000\n");
  check(cgroupCpuQuota((root + "/member2").c_str(), folder) == 1.5, "the parent's quota binds");
  writeFile(leaf + "/cpu.max", "50000 100000\n");
  check(cgroupCpuQuota((root + "/member2").c_str(), folder) == 0.5, "the smallest quota binds");
  writeFile(root + "/member1", "5:memory:/x\n4:cpu,cpuacct:/elsewhere\n");
  check(cgroupCpuQuota((root + "/member1").c_str(), folder) == 0, "version 1 without files");
  writeFile(cpu + "/cpu.cfs_quota_us", "300000\n");
  writeFile(cpu + "/cpu.cfs_period_us", "100000\n");
  check(cgroupCpuQuota((root + "/member1").c_str(), folder) == 3, "version 1, the mount is the group");
  writeFile(cpu + "/cpu.cfs_quota_us", "-1\n");
  check(cgroupCpuQuota((root + "/member1").c_str(), folder) == 0, "version 1 without a quota");
  check(cgroupCpuQuota((root + "/missing").c_str(), folder) == 0, "no membership file");
  const char* files[] = {
      "/member2", "/member1", "/a/b/cpu.max", "/a/cpu.max", "/cpu/cpu.cfs_quota_us", "/cpu/cpu.cfs_period_us"};
  for (const char* file : files) unlink((root + file).c_str());
  for (const std::string& each : {leaf, group, cpu, root}) rmdir(each.c_str());
}

}  // namespace

int main() {
  const int64_t counts[] = {0, 1, 2, 7, 64, 1000};
  bool ok = true;
  for (int64_t count : counts)
    for (int64_t grain : {1, 3, 64, 5000})
      for (int32_t threads : {1, 2, 3, 5}) ok = ok && everyElementOnce(contextOf(threads), count, grain);
  check(ok, "every element once");
  ok = true;
  for (int i = 0; i < 3000; i++) ok = ok && everyElementOnce(contextOf(2 + i % 2), 16, 1);
  check(ok, "thousands of regions in a row");
  check(workersAreExclusive(4), "worker numbers are exclusive");
  nested();
  severalCallers();
  sleepers();
  check(growThreadPool(threadPool(), 2) == 2, "growing to what is there");
  check(growThreadPool(threadPool(), 1000000) <= 256, "growing is bounded");
  quotas();
  check(defaultThreads() >= 1, "default threads");
  check(cacheSizes().l1 > 0 && cacheSizes().l2 >= cacheSizes().l1, "cache sizes");
  check(cpuSupports("scalar") && !cpuSupports("mmx"), "instruction sets by name");
  int isas = 0;
  while (supportedIsas()[isas] != nullptr) isas++;
  check(isas >= 1 && strcmp(supportedIsas()[isas - 1], "scalar") == 0, "scalar is always supported, and last");
  return finish();
}
