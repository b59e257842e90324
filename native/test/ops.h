// Runs one row of a kernel family on small tensors: memory of exactly the right size (so that a sanitizer sees any
// element too many), outputs that start as garbage, and the same bits demanded of 1, 2 and 3 threads.
#pragma once

#include <cmath>

#include "harness.h"

namespace {

using ocellus::DType;
using ocellus::KernelContext;
using ocellus::KernelEntry;
using ocellus::KernelFamily;
using ocellus::TensorView;

using Shape = std::vector<int64_t>;

inline int64_t sizeOf(const Shape& shape) {
  int64_t size = 1;
  for (int64_t dim : shape) size *= dim;
  return size;
}

// Values of any type as doubles, which hold all of them exactly.
struct Tensor {
  Shape shape;
  DType dtype = ocellus::kFloat32;
  std::vector<double> values;
  bool present = true;
  double& operator[](int64_t i) { return values[static_cast<size_t>(i)]; }
  double operator[](int64_t i) const { return values[static_cast<size_t>(i)]; }
  int64_t size() const { return sizeOf(shape); }
};

inline Tensor empty(const Shape& shape, DType dtype = ocellus::kFloat32) {
  return {shape, dtype, std::vector<double>(static_cast<size_t>(sizeOf(shape))), true};
}
inline Tensor absent() { return {{}, ocellus::kFloat32, {}, false}; }
inline Tensor list(const std::vector<double>& values, DType dtype = ocellus::kFloat32) {
  return {{static_cast<int64_t>(values.size())}, dtype, values, true};
}
inline Tensor random(Random& source, const Shape& shape, double scale = 1, double offset = 0) {
  Tensor tensor = empty(shape);
  for (double& value : tensor.values) value = static_cast<float>(source.real() * scale + offset);
  return tensor;
}
inline Tensor randomIntegers(Random& source, const Shape& shape, int64_t limit, DType dtype) {
  Tensor tensor = empty(shape, dtype);
  for (double& value : tensor.values) value = static_cast<double>(source.below(limit));
  return tensor;
}

// Attribute slots.
struct Attrs {
  std::vector<int32_t> words;
  Attrs& i(int64_t value) {
    words.push_back(static_cast<int32_t>(value));
    return *this;
  }
  Attrs& f(float value) {
    int32_t word;
    memcpy(&word, &value, sizeof word);
    return i(word);
  }
  Attrs& shape(const Shape& dims) {
    i(static_cast<int64_t>(dims.size()));
    for (int at = 0; at < ocellus::kMaxRank; at++) i(at < static_cast<int>(dims.size()) ? dims[at] : 0);
    return *this;
  }
};

// The bytes of a tensor in memory of its own.
struct Storage {
  void* data = nullptr;
  int64_t bytes = 0;
  TensorView view = {};
  Storage() = default;
  Storage(const Storage&) = delete;
  ~Storage() { free(data); }
  void allocate(const Tensor& tensor, bool fill, bool aligned = false) {
    view.present = tensor.present;
    if (!tensor.present) return;
    view.size = tensor.size();
    view.rank = static_cast<int32_t>(tensor.shape.size());
    for (size_t axis = 0; axis < tensor.shape.size() && axis < ocellus::kMaxRank; axis++)
      view.dims[axis] = tensor.shape[axis];
    view.dtype = tensor.dtype;
    bytes = view.size * (tensor.dtype == ocellus::kUint8 ? 1 : 4);
    if (!aligned) data = malloc(static_cast<size_t>(bytes));
    if (aligned && posix_memalign(&data, 64, static_cast<size_t>(bytes)) != 0) abort();
    view.data = data;
    memset(data, 0xff, static_cast<size_t>(bytes));
    if (!fill) return;
    for (int64_t at = 0; at < view.size; at++) {
      if (tensor.dtype == ocellus::kFloat32) static_cast<float*>(data)[at] = static_cast<float>(tensor[at]);
      if (tensor.dtype == ocellus::kInt32) static_cast<int32_t*>(data)[at] = static_cast<int32_t>(tensor[at]);
      if (tensor.dtype == ocellus::kUint8) static_cast<uint8_t*>(data)[at] = static_cast<uint8_t>(tensor[at]);
    }
  }
  void read(Tensor& tensor) const {
    for (int64_t at = 0; at < view.size; at++) {
      if (tensor.dtype == ocellus::kFloat32) tensor[at] = static_cast<float*>(data)[at];
      if (tensor.dtype == ocellus::kInt32) tensor[at] = static_cast<int32_t*>(data)[at];
      if (tensor.dtype == ocellus::kUint8) tensor[at] = static_cast<uint8_t*>(data)[at];
    }
  }
};

inline const KernelEntry* find(const KernelFamily& family, const std::string& name) {
  for (int32_t i = 0; i < family.count; i++)
    if (strncmp(family.entries[i].signature, (name + "(").c_str(), name.size() + 1) == 0) return &family.entries[i];
  check(false, ("no row " + name).c_str());
  exit(1);
}

// What check says about a call; null when it may run.
inline const char* verdict(const KernelFamily& family, const std::string& name, const std::vector<Tensor>& inputs,
                           const std::vector<Tensor>& outputs, const Attrs& attrs) {
  std::vector<TensorView> in, out;
  for (const Tensor& tensor : inputs) {
    Storage storage;
    storage.allocate(tensor, false);
    in.push_back(storage.view);
    in.back().data = nullptr;
  }
  for (const Tensor& tensor : outputs) {
    Storage storage;
    storage.allocate(tensor, false);
    out.push_back(storage.view);
    out.back().data = nullptr;
  }
  KernelContext context = {};
  context.inputs = in.data();
  context.outputs = out.data();
  context.numInputs = static_cast<int32_t>(in.size());
  context.numOutputs = static_cast<int32_t>(out.size());
  context.attrs = attrs.words.data();
  return find(family, name)->check(context);
}

inline void rejects(const KernelFamily& family, const std::string& name, const std::vector<Tensor>& inputs,
                    const std::vector<Tensor>& outputs, const Attrs& attrs, const char* what) {
  check(verdict(family, name, inputs, outputs, attrs) != nullptr, (name + " rejects " + what).c_str());
}

// Runs the row and fills `outputs`. With two threads outputs are as plans place them, and too large for the caches.
inline bool run(const KernelFamily& family, const std::string& name, const std::vector<Tensor>& inputs,
                std::vector<Tensor>& outputs, const Attrs& attrs) {
  const KernelEntry* entry = find(family, name);
  if (const char* wrong = verdict(family, name, inputs, outputs, attrs))
    return check(false, (name + " rejected: " + wrong).c_str());
  if (!check(entry->attrBytes == static_cast<int32_t>(4 * attrs.words.size()), (name + " attribute bytes").c_str()))
    return false;
  std::vector<std::vector<char>> first;
  for (int32_t threads = 1; threads <= 3; threads++) {
    std::vector<Storage> in(inputs.size()), out(outputs.size());
    std::vector<TensorView> inViews, outViews;
    for (size_t i = 0; i < inputs.size(); i++) {
      in[i].allocate(inputs[i], true);
      inViews.push_back(in[i].view);
    }
    for (size_t i = 0; i < outputs.size(); i++) {
      out[i].allocate(outputs[i], false, threads == 2);
      outViews.push_back(out[i].view);
    }
    KernelContext shapes = {};
    shapes.inputs = inViews.data();
    shapes.outputs = outViews.data();
    shapes.numInputs = static_cast<int32_t>(inViews.size());
    shapes.numOutputs = static_cast<int32_t>(outViews.size());
    shapes.attrs = attrs.words.data();
    if (entry->algorithm && !check(entry->algorithm(shapes) != nullptr, (name + " names its algorithm").c_str()))
      return false;
    TestContext test(entry->workspace ? entry->workspace(shapes) : ocellus::Workspace{0, 0}, threads);
    KernelContext context = test.context;
    context.streamBytes = threads == 2 ? 1 : 0;
    context.inputs = shapes.inputs;
    context.outputs = shapes.outputs;
    context.numInputs = shapes.numInputs;
    context.numOutputs = shapes.numOutputs;
    context.attrs = shapes.attrs;
    entry->run(context);
    for (size_t i = 0; i < outputs.size(); i++) {
      const char* bytes = static_cast<const char*>(out[i].data);
      if (threads == 1) {
        first.emplace_back(bytes, bytes + out[i].bytes);
        out[i].read(outputs[i]);
      } else if (out[i].bytes && memcmp(first[i].data(), bytes, static_cast<size_t>(out[i].bytes)) != 0) {
        return check(false, (name + " gives the same bits for any number of threads").c_str());
      }
    }
  }
  return true;
}

// |got - want| <= tolerance (1 + |want|), NaN equal to NaN.
inline void close(const Tensor& got, const std::vector<double>& want, double tolerance, const std::string& what) {
  double worst = 0;
  int64_t where = -1;
  for (int64_t i = 0; i < got.size(); i++) {
    const double expected = want[static_cast<size_t>(i)];
    if (std::isnan(expected) && std::isnan(got[i])) continue;
    if (got[i] == expected || (float)expected == got[i]) continue;
    const double error = fabs(got[i] - expected) / (1 + fabs(expected));
    if (!(error <= worst)) worst = error, where = i;
    if (std::isnan(error)) break;
  }
  char text[256];
  snprintf(text, sizeof text, "%s (element %lld off by %g)", what.c_str(), (long long)where, worst);
  check(worst <= tolerance, text);
}

}  // namespace
