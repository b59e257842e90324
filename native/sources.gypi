{
  "variables": {
    "core_sources": [
      "native/base/cpu.cc",
      "native/base/memory.cc",
      "native/base/portability.cc",
      "native/base/thread_pool.cc",
      "native/runtime/registry.cc",
      "native/runtime/plan.cc",
      "native/binding/addon.cc",
      "native/binding/plan_binding.cc",
      "native/binding/runner.cc"
    ],
    "kernel_sources": [
      "native/gemm/gemm.cc",
      "native/gemm/peak.cc",
      "native/kernels/activation.cc",
      "native/kernels/adaptive.cc",
      "native/kernels/batch_matmul.cc",
      "native/kernels/conv.cc",
      "native/kernels/conv3d.cc",
      "native/kernels/dropout.cc",
      "native/kernels/elementwise.cc",
      "native/kernels/folding.cc",
      "native/kernels/loss.cc",
      "native/kernels/matmul.cc",
      "native/kernels/normalization.cc",
      "native/kernels/optimizer.cc",
      "native/kernels/padding.cc",
      "native/kernels/pooling.cc",
      "native/kernels/pooling3d.cc",
      "native/kernels/power.cc",
      "native/kernels/reduce.cc",
      "native/kernels/resize.cc",
      "native/kernels/shape.cc",
      "native/kernels/table.cc",
      "native/kernels/unpooling.cc",
      "native/kernels/winograd.cc",
      "native/kernels/winograd_gradient.cc"
    ],
    "core_cflags": ["-fvisibility=hidden", "-frtti"],
    "kernel_cflags": ["-fvisibility=hidden", "-fno-exceptions", "-fno-rtti", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"],
    "scalar_cflags": [],
    "x64_avx2_cflags": ["-mavx2", "-mfma", "-mf16c"],
    "x64_avx512_cflags": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx2", "-mfma", "-mf16c", "-mprefer-vector-width=512"],
    "arm64_neon_cflags": ["-march=armv8-a"],
    "link_flags": ["-Wl,--exclude-libs,ALL", "-Wl,-z,nodelete", "-Wl,-z,now"]
  }
}
