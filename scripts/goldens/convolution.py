"""Golden values and gradients of the convolution layers in double precision, from Keras 3 and from PyTorch.

    pip install keras==3.15.1 jax          python scripts/goldens/convolution.py keras
    pip install torch==2.13.0              python scripts/goldens/convolution.py torch

Each writes test/nn/convolution.<peer>.safetensors: one long float32 tensor `results`, and in its metadata the cases in
the order in which their results lie there: the output, the gradient of the input, then those of the weights. The loss
is the sum of the outputs, each times a coefficient. Inputs, weights and coefficients are not stored: they are the
numbers of `filled`, which the test computes too (streams 0, 1, 2, …: input, weights, coefficients).
"""

import itertools
import json
import os
import struct
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[2] / "test" / "nn"

cases = []
results = []


def filled(case, stream, shape):
    """Numbers in [-2, 2) that a hash of case, stream and place gives, in 64ths."""
    place = np.arange(int(np.prod(shape)), dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    h = (place * np.uint64(2654435761) + np.uint64(case * 40503 + stream * 97 + 1)) & mask
    h ^= h >> np.uint64(15)
    h = (h * np.uint64(2246822519)) & mask
    h ^= h >> np.uint64(13)
    return ((h & np.uint64(255)).astype(np.float64) - 128).reshape(shape) / 64


# Cases of PyTorch's grid with more results than this are left out, to keep the file small.
LARGEST = 600


def is_large(*shapes):
    return sum(int(np.prod(shape)) for shape in shapes) > LARGEST


def store(layer, options, shape, weights, output, gradients):
    """`shape` with the batch; `weights`: names and shapes in our order; options in our names, without empty ones."""
    results.extend([output, *gradients])
    cases.append({
        "layer": layer,
        "options": {name: value for name, value in options.items() if value is not None},
        "input": list(shape),
        "weights": [[name, list(size)] for name, size in weights],
        "output": list(output.shape),
    })


def write(peer, version):
    flat = np.concatenate([np.asarray(array, np.float32).ravel() for array in results])
    assert np.isfinite(flat).all()
    header = {
        "__metadata__": {"source": version, "cases": json.dumps(cases, separators=(",", ":"))},
        "results": {"dtype": "F32", "shape": [flat.size], "data_offsets": [0, flat.nbytes]},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path = FOLDER / f"convolution.{peer}.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + flat.tobytes())
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


# Prime sizes, axes of one, sizes that leave a rest.
SIZES = {
    1: [(11,), (7,), (1,), (2,), (8,)],
    2: [(5, 7), (1, 6), (4, 4), (7, 1), (6, 5)],
    3: [(3, 4, 5), (1, 5, 3), (5, 1, 4), (2, 3, 2), (4, 3, 1)],
}
KERNELS = {
    1: [(3,), (1,), (2,), (5,)],
    2: [(3, 3), (1, 1), (2, 3), (5, 1), (1, 4)],
    3: [(3, 3, 3), (1, 1, 1), (2, 1, 3), (1, 3, 2)],
}
STEPS = {
    1: [(1,), (2,), (3,), (4,)],
    2: [(1, 1), (2, 2), (3, 1), (2, 4)],
    3: [(1, 1, 1), (2, 2, 2), (1, 3, 2), (4, 1, 2)],
}


def take(rank, count, *axes):
    """Every size with every kernel; of the product of the further axes, `count` entries each, walking through all."""
    products = itertools.cycle(itertools.product(*axes))
    for size, kernel in itertools.product(SIZES[rank], KERNELS[rank]):
        for _ in range(count):
            yield size, kernel, next(products)


# ---- Keras -----------------------------------------------------------------------------------------------------------


def keras_cases():
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
    import jax

    jax.config.update("jax_enable_x64", True)
    import keras

    names = {
        "kernel_size": "kernelSize",
        "dilation_rate": "dilation",
        "depth_multiplier": "depthMultiplier",
        "output_padding": "outputPadding",
        "use_bias": "useBias",
    }
    weight_names = {"depthwise_kernel": "depthwiseKernel", "pointwise_kernel": "pointwiseKernel"}

    def add(layer, keras_name, shape, **options):
        """One case, unless Keras refuses it."""
        case = len(cases)
        try:
            built = getattr(keras.layers, keras_name)(dtype="float64", **options)
            built.build(shape)
            output = built.compute_output_shape(shape)
        except (ValueError, ZeroDivisionError):
            return
        if min(output) < 1:
            return
        x = filled(case, 0, shape)
        variables = built.trainable_variables
        values = [filled(case, 1 + i, v.shape) for i, v in enumerate(variables)]
        coefficients = filled(case, 1 + len(values), output)

        @jax.jit
        def run(x, values):
            return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(x, values)

        def loss(x, values):
            y, _ = built.stateless_call(values, [], x)
            return (y * coefficients).sum(), y

        (_, y), (dx, dw) = run(x, values)
        ours = {names.get(name, name): list(v) if isinstance(v, tuple) else v for name, v in options.items()}
        weights = [(weight_names.get(v.name, v.name), v.shape) for v in variables]
        store(layer, ours, shape, weights, np.asarray(y), [dx, *dw])

    ones = lambda rank: (1,) * rank
    for rank in (1, 2, 3):
        plain = [(s, ones(rank)) for s in STEPS[rank]] + [(ones(rank), d) for d in STEPS[rank][1:]]
        paddings = ["valid", "same", "causal"] if rank == 1 else ["same", "valid"]
        groups = [(2, 3, 1), (4, 6, 2), (1, 2, 1), (3, 3, 3)]
        for size, kernel, (padding, (channels, filters, g), (strides, dilation)) in take(rank, 1, paddings, groups, plain):
            add(f"conv{rank}d", f"Conv{rank}D", (2 if rank < 3 else 1, *size, channels), filters=filters,
                kernel_size=kernel, strides=strides, padding=padding, dilation_rate=dilation, groups=g,
                use_bias=channels != 1, activation="tanh" if g == 2 else None)
        extras = [None, 0, 1]
        for size, kernel, (padding, extra, (strides, dilation)) in take(rank, 1, ["valid", "same"], extras, plain):
            extra = None if extra is None else tuple(min(extra, step - 1) for step in strides)
            add(f"conv{rank}dTranspose", f"Conv{rank}DTranspose", (1, *size, 2), filters=3, kernel_size=kernel,
                strides=strides, padding=padding, dilation_rate=dilation, output_padding=extra)
        if rank == 3:
            continue
        even = [(s, ones(rank)) for s in ones_to(3, rank)] + [(ones(rank), d) for d in ones_to(3, rank)[1:]]
        for size, kernel, (padding, multiplier, (strides, dilation)) in take(rank, 1, ["valid", "same"], [1, 2, 3], even):
            shared = dict(kernel_size=kernel, strides=strides, padding=padding, dilation_rate=dilation,
                          depth_multiplier=multiplier)
            add(f"depthwiseConv{rank}d", f"DepthwiseConv{rank}D", (1, *size, 3), **shared)
            add(f"separableConv{rank}d", f"SeparableConv{rank}D", (1, *size, 2), filters=3, **shared)
    write("keras", f"keras {keras.__version__}, jax {jax.__version__}")


def ones_to(count, rank):
    return [(step,) * rank for step in range(1, count + 1)]


# ---- PyTorch ---------------------------------------------------------------------------------------------------------


def torch_cases():
    import torch
    import torch.nn as nn

    def moved(rank, x):
        """Channels first."""
        return x.permute(0, rank + 1, *range(1, rank + 1))

    def add(layer, rank, build, shape, weight_shape, bias_shape, **options):
        """One case, unless PyTorch refuses it."""
        case = len(cases)
        x = torch.tensor(filled(case, 0, shape), requires_grad=True)
        weights = [torch.tensor(filled(case, 1, weight_shape), requires_grad=True)]
        if bias_shape:
            weights.append(torch.tensor(filled(case, 2, bias_shape), requires_grad=True))
        try:
            module = build().double()
            parameters = {"weight": weights[0].permute(rank + 1, rank, *range(rank)).contiguous()}
            if bias_shape:
                parameters["bias"] = weights[1]
            y = torch.func.functional_call(module, parameters, (moved(rank, x),))
        except (RuntimeError, ValueError):
            return
        y = y.permute(0, *range(2, rank + 2), 1)
        if is_large(shape, y.shape, weight_shape):
            return
        coefficients = torch.tensor(filled(case, 1 + len(weights), y.shape))
        gradients = torch.autograd.grad((y * coefficients).sum(), [x, *weights])
        named = [("kernel", weight_shape)] + ([("bias", bias_shape)] if bias_shape else [])
        store(layer, options, shape, named, y.detach().numpy(), [g.numpy() for g in gradients])

    modes = ["reflect", "replicate", "circular", "zeros"]
    groups = [(2, 3, 1), (4, 6, 2), (3, 6, 3), (1, 2, 1), (2, 6, 2)]
    for rank in (1, 2, 3):
        conv, transposed = getattr(nn, f"Conv{rank}d"), getattr(nn, f"ConvTranspose{rank}d")
        pads = [(1,) * rank, (2, 0, 1)[:rank], (4,) * rank]
        axes = (groups, pads, modes, [*itertools.product(STEPS[rank][:3], STEPS[rank][:3])])
        for size, kernel, (((channels, filters, g), pad, mode, (strides, dilation)),) in take(rank, 3, mixed(*axes)):
            bias = g != 2
            add(f"conv{rank}d", rank,
                lambda: conv(channels, filters, kernel, strides, pad, dilation, g, bias, mode),
                (1, *size, channels), (*kernel, channels // g, filters), (filters,) if bias else None,
                filters=filters, kernelSize=list(kernel), strides=list(strides), dilation=list(dilation), groups=g,
                padding=[[p, p] for p in pad], paddingMode=mode, useBias=bias)
        extras = [(0,) * rank, (1,) * rank, (2, 0, 1)[:rank]]
        axes = (groups, pads[:2] + [(0,) * rank], extras, [*itertools.product(STEPS[rank][1:], STEPS[rank][:3])])
        for size, kernel, (((channels, filters, g), pad, extra, (strides, dilation)),) in take(rank, 3, mixed(*axes)):
            bias = g != 2
            extra = tuple(min(e, s - 1) for e, s in zip(extra, strides))
            add(f"conv{rank}dTranspose", rank,
                lambda: transposed(channels, filters, kernel, strides, pad, extra, g, bias, dilation),
                (1, *size, channels), (*kernel, filters // g, channels), (filters,) if bias else None,
                filters=filters, kernelSize=list(kernel), strides=list(strides), dilation=list(dilation), groups=g,
                padding=[[p, p] for p in pad], outputPadding=list(extra), useBias=bias)
    write("torch", f"torch {torch.__version__.split('+')[0]}")


def mixed(*axes):
    """One axis that walks through all of the given ones at once, each at its own pace, so that few cases mix them well."""
    length = int(np.lcm.reduce([len(axis) for axis in axes]))
    return [tuple(axis[(i * (n + 1)) % len(axis)] for n, axis in enumerate(axes)) for i in range(length)]


if __name__ == "__main__":
    {"keras": keras_cases, "torch": torch_cases}[sys.argv[1]]()
