// Detection behind cpu.h. Files that are missing or unreadable count as "no limit": a sandbox must not stop the
// library.
#include "cpu.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

#include <string>

namespace ocellus {
namespace {

std::string readFile(const std::string& path) {
  std::string text;
  if (FILE* file = fopen(path.c_str(), "re")) {
    char buffer[4096];
    size_t got;
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0) text.append(buffer, got);
    fclose(file);
  }
  return text;
}

double smallerLimit(double a, double b) { return a <= 0 ? b : b <= 0 ? a : a < b ? a : b; }

double quotaOfVersion2(const std::string& folder) {
  double quota = 0, period = 0;
  const std::string text = readFile(folder + "/cpu.max");
  return sscanf(text.c_str(), "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0 ? quota / period : 0;
}

double quotaOfVersion1(const std::string& folder) {
  const double quota = atof(readFile(folder + "/cpu.cfs_quota_us").c_str());
  const double period = atof(readFile(folder + "/cpu.cfs_period_us").c_str());
  return quota > 0 && period > 0 ? quota / period : 0;
}

// A group is bound by its ancestors too. Inside a container the path may lead out of what is mounted: then the files of
// the missing levels read as "no limit" and the mount point itself, always visited last, is the container's group.
double quotaUpwards(const std::string& mount, std::string path, double (*quotaOf)(const std::string&)) {
  double limit = 0;
  while (!path.empty() && path != "/") {
    limit = smallerLimit(limit, quotaOf(mount + path));
    path.erase(path.find_last_of('/'));
  }
  return smallerLimit(limit, quotaOf(mount));
}

bool listHas(const std::string& list, const char* word) {
  return ("," + list + ",").find("," + std::string(word) + ",") != std::string::npos;
}

int64_t cacheBytes(int level, const char* type) {
  for (int index = 0; index < 8; index++) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
    if (atoi(readFile(folder + "/level").c_str()) != level) continue;
    const std::string kind = readFile(folder + "/type");
    if (kind.compare(0, strlen(type), type) != 0 && kind.compare(0, 7, "Unified") != 0) continue;
    char unit = 0;
    long long amount = 0;
    if (sscanf(readFile(folder + "/size").c_str(), "%lld%c", &amount, &unit) >= 1 && amount > 0)
      return amount * (unit == 'K' ? 1024 : unit == 'M' ? 1024 * 1024 : 1);
  }
  return 0;
}

}  // namespace

bool cpuSupports(const char* isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (strcmp(isa, "avx512") == 0)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && cpuSupports("avx2");
  if (strcmp(isa, "avx2") == 0)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
#elif defined(__aarch64__)
  if (strcmp(isa, "neon") == 0) return true;
#endif
  return strcmp(isa, "scalar") == 0;
}

const char* const* supportedIsas() {
  static const char* names[5];
  static const bool filled = [] {
    int count = 0;
    for (const char* isa : {"avx512", "avx2", "neon", "scalar"})
      if (cpuSupports(isa)) names[count++] = isa;
    return true;
  }();
  (void)filled;
  return names;
}

CacheSizes cacheSizes() {
  static const CacheSizes sizes = [] {
    CacheSizes found = {cacheBytes(1, "Data"), cacheBytes(2, "Data"), cacheBytes(3, "Data")};
    if (found.l1 == 0) found.l1 = 32 << 10;
    if (found.l2 == 0) found.l2 = 512 << 10;
    if (found.l3 == 0) found.l3 = 8 << 20;
    return found;
  }();
  return sizes;
}

double cgroupCpuQuota(const char* membershipFile, const char* mountPoint) {
  const std::string memberships = readFile(membershipFile);
  const std::string mount = mountPoint;
  double limit = 0;
  size_t at = 0;
  while (at < memberships.size()) {
    size_t end = memberships.find('\n', at);
    if (end == std::string::npos) end = memberships.size();
    const std::string line = memberships.substr(at, end - at);
    at = end + 1;
    const size_t first = line.find(':'), second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (!path.empty() && path[0] != '/') continue;
    if (controllers.empty()) {
      limit = smallerLimit(limit, quotaUpwards(mount, path, quotaOfVersion2));
    } else if (listHas(controllers, "cpu")) {
      limit = smallerLimit(limit, quotaUpwards(mount + "/cpu", path, quotaOfVersion1));
      limit = smallerLimit(limit, quotaUpwards(mount + "/" + controllers, path, quotaOfVersion1));
    }
  }
  return limit;
}

int32_t defaultThreads() {
  int32_t processors = 0;
#ifdef __linux__
  // The mask must be as large as the kernel's own: grow until it fits.
  for (int limit = 1024; limit <= 1 << 16 && processors == 0; limit *= 2) {
    cpu_set_t* mask = CPU_ALLOC(limit);
    if (mask == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(limit);
    CPU_ZERO_S(bytes, mask);
    if (sched_getaffinity(0, bytes, mask) == 0) processors = CPU_COUNT_S(bytes, mask);
    CPU_FREE(mask);
  }
#endif
  if (processors <= 0) processors = static_cast<int32_t>(sysconf(_SC_NPROCESSORS_ONLN));
  if (processors <= 0) processors = 1;
  const double quota = cgroupCpuQuota("/proc/self/cgroup", "/sys/fs/cgroup");
  if (quota > 0 && ceil(quota) < processors) processors = static_cast<int32_t>(ceil(quota));
  return processors < 1 ? 1 : processors;
}

}  // namespace ocellus
