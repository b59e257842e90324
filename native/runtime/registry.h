// Finds the kernels of an instruction set by op name, and reads their signatures.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "../kernel.h"

namespace ocellus {

// A kernel row with its signature taken apart.
struct KernelInfo {
  const KernelEntry* entry;
  std::string name;
  std::vector<bool> optionalInputs;  // one per declared input
  bool repeats;                      // the last input may stand any number of times
  int32_t numOutputs;
  std::string slots;  // one letter, i or f, per 4-byte attribute slot
};

// All kernels built for one instruction set.
class Registry {
 public:
  // Instruction sets that are built in and that this machine can run, best first. The last is always "scalar".
  static const std::vector<std::string>& supported();
  // Null when the name is not in supported().
  static const Registry* find(const std::string& isa);

  const std::string& isa() const { return isa_; }
  const KernelInfo* kernel(const std::string& name) const;
  std::vector<std::string> signatures() const;
  // Most multiply-adds per second (times two, in 1e9) that this many threads do at the same time.
  double fmaPeakGflops(int32_t threads, double seconds) const;

 private:
  explicit Registry(const KernelTable& table);

  std::string isa_;
  const Diagnostics* diagnostics_;
  std::map<std::string, KernelInfo> kernels_;
};

// Throws std::invalid_argument when the text is not a signature or disagrees with the row's attribute size.
KernelInfo parseSignature(const KernelEntry& entry);

}  // namespace ocellus
