{
  "includes": ["native/sources.gypi"],
  "target_defaults": {
    "include_dirs": ["native"],
    "cflags_cc": ["-std=gnu++17"]
  },
  "targets": [
    {
      "target_name": "ocellus",
      "sources": ["<@(core_sources)"],
      "dependencies": [
        "<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except",
        "ocellus_scalar"
      ],
      "defines": ["NAPI_VERSION=8", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags_cc": ["<@(core_cflags)"],
      "conditions": [
        ["OS=='linux'", {
          "ldflags": ["<@(link_flags)", "-Wl,--version-script=<(module_root_dir)/native/exports.map"]
        }],
        ["target_arch=='x64'", {
          "dependencies": ["ocellus_avx2", "ocellus_avx512"],
          "defines": ["OCELLUS_HAVE_AVX2", "OCELLUS_HAVE_AVX512"]
        }],
        ["target_arch=='arm64'", {
          "dependencies": ["ocellus_neon"],
          "defines": ["OCELLUS_HAVE_NEON"]
        }]
      ]
    },
    {
      "target_name": "ocellus_scalar",
      "type": "static_library",
      "sources": ["<@(kernel_sources)"],
      "defines": ["OCELLUS_ISA=scalar"],
      "cflags_cc": ["<@(kernel_cflags)", "<@(scalar_cflags)"]
    }
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "ocellus_avx2",
          "type": "static_library",
          "sources": ["<@(kernel_sources)"],
          "defines": ["OCELLUS_ISA=avx2"],
          "cflags_cc": ["<@(kernel_cflags)", "<@(x64_avx2_cflags)"]
        },
        {
          "target_name": "ocellus_avx512",
          "type": "static_library",
          "sources": ["<@(kernel_sources)"],
          "defines": ["OCELLUS_ISA=avx512"],
          "cflags_cc": ["<@(kernel_cflags)", "<@(x64_avx512_cflags)"]
        }
      ]
    }],
    ["target_arch=='arm64'", {
      "targets": [
        {
          "target_name": "ocellus_neon",
          "type": "static_library",
          "sources": ["<@(kernel_sources)"],
          "defines": ["OCELLUS_ISA=neon"],
          "cflags_cc": ["<@(kernel_cflags)", "<@(arm64_neon_cflags)"]
        }
      ]
    }]
  ]
}
