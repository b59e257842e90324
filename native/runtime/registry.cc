// Registry of kernels: one table per instruction set, chosen at run time by what the processor can do.
#include "registry.h"

#include <stdexcept>
#include <thread>

#include "../base/cpu.h"
#include "../gemm/gemm.h"

namespace ocellus {

namespace scalar {
extern const KernelTable kernelTable;
}
#ifdef OCELLUS_HAVE_AVX2
namespace avx2 {
extern const KernelTable kernelTable;
}
#endif
#ifdef OCELLUS_HAVE_AVX512
namespace avx512 {
extern const KernelTable kernelTable;
}
#endif
#ifdef OCELLUS_HAVE_NEON
namespace neon {
extern const KernelTable kernelTable;
}
#endif

namespace {

[[noreturn]] void malformed(const std::string& text, const char* what) {
  throw std::invalid_argument("kernel signature '" + text + "': " + what);
}

// The text between `open` and `close`, which must follow at `position`; moves position behind it.
std::string enclosed(const std::string& text, size_t& position, char open, char close) {
  if (position >= text.size() || text[position] != open) malformed(text, "bracket missing");
  const size_t end = text.find(close, position);
  if (end == std::string::npos) malformed(text, "bracket not closed");
  const std::string inner = text.substr(position + 1, end - position - 1);
  position = end + 1;
  return inner;
}

std::vector<std::string> splitList(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t start = 0; start < text.size();) {
    size_t end = text.find(", ", start);
    if (end == std::string::npos) end = text.size();
    parts.push_back(text.substr(start, end - start));
    start = end + 2;
  }
  return parts;
}

std::vector<const KernelTable*> runnableTables() {
  std::vector<const KernelTable*> tables;
#ifdef OCELLUS_HAVE_AVX512
  if (cpuSupports("avx512")) tables.push_back(&avx512::kernelTable);
#endif
#ifdef OCELLUS_HAVE_AVX2
  if (cpuSupports("avx2")) tables.push_back(&avx2::kernelTable);
#endif
#ifdef OCELLUS_HAVE_NEON
  if (cpuSupports("neon")) tables.push_back(&neon::kernelTable);
#endif
  tables.push_back(&scalar::kernelTable);
  return tables;
}

}  // namespace

KernelInfo parseSignature(const KernelEntry& entry) {
  const std::string text = entry.signature;
  KernelInfo info;
  info.entry = &entry;
  size_t position = text.find('(');
  if (position == std::string::npos || position == 0) malformed(text, "no name");
  info.name = text.substr(0, position);
  info.repeats = false;
  for (const std::string& input : splitList(enclosed(text, position, '(', ')'))) {
    info.repeats = input.compare(0, 3, "...") == 0;
    info.optionalInputs.push_back(!input.empty() && input.back() == '?');
  }
  if (text.compare(position, 4, " -> ") != 0) malformed(text, "no outputs");
  position += 4;
  info.numOutputs = static_cast<int32_t>(splitList(enclosed(text, position, '(', ')')).size());
  position += 1;
  for (const std::string& attribute : splitList(enclosed(text, position, '{', '}'))) {
    const size_t colon = attribute.find(':');
    if (colon == std::string::npos || colon + 1 >= attribute.size()) malformed(text, "attribute without a type");
    const char letter = attribute[colon + 1];
    if (letter != 'i' && letter != 'f') malformed(text, "attribute type is neither i nor f");
    const std::string count = attribute.substr(colon + 2);
    info.slots.append(count.empty() ? 1 : std::stoul(count), letter);
  }
  if (static_cast<size_t>(entry.attrBytes) != 4 * info.slots.size())
    malformed(text, "attribute struct of another size");
  return info;
}

Registry::Registry(const KernelTable& table) : isa_(table.isa), diagnostics_(table.diagnostics) {
  for (int32_t f = 0; f < table.count; f++) {
    const KernelFamily& family = *table.families[f];
    for (int32_t i = 0; i < family.count; i++) {
      KernelInfo info = parseSignature(family.entries[i]);
      if (!kernels_.emplace(info.name, info).second) malformed(info.name, "declared twice");
    }
  }
}

const std::vector<std::string>& Registry::supported() {
  static const std::vector<std::string>& names = *[] {
    auto* list = new std::vector<std::string>();
    for (const KernelTable* table : runnableTables()) list->push_back(table->isa);
    return list;
  }();
  return names;
}

const Registry* Registry::find(const std::string& isa) {
  // Leaked on purpose: threads may still run at process exit, when static objects are destroyed.
  static const std::map<std::string, const Registry*>& registries = *[] {
    auto* map = new std::map<std::string, const Registry*>();
    for (const KernelTable* table : runnableTables()) map->emplace(table->isa, new Registry(*table));
    return map;
  }();
  const auto found = registries.find(isa);
  return found == registries.end() ? nullptr : found->second;
}

const KernelInfo* Registry::kernel(const std::string& name) const {
  const auto found = kernels_.find(name);
  return found == kernels_.end() ? nullptr : &found->second;
}

std::vector<std::string> Registry::signatures() const {
  std::vector<std::string> list;
  for (const auto& pair : kernels_) list.push_back(pair.second.entry->signature);
  return list;
}

double Registry::fmaPeakGflops(int32_t threads, double seconds) const {
  std::vector<double> rates(static_cast<size_t>(threads));
  std::vector<std::thread> others;
  for (size_t i = 1; i < rates.size(); i++)
    others.emplace_back([this, &rates, i, seconds] { rates[i] = diagnostics_->fmaPeakGflops(seconds); });
  rates[0] = diagnostics_->fmaPeakGflops(seconds);
  for (std::thread& thread : others) thread.join();
  double sum = 0;
  for (double rate : rates) sum += rate;
  return sum;
}

}  // namespace ocellus
