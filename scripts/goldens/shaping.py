"""Golden values and gradients of layers that pool, move, resize and merge, from PyTorch and Keras in double precision.

    pip install torch==2.13.0 keras==3.15.1 jax==0.10.2
    python scripts/goldens/shaping.py        writes test/nn/shaping.safetensors

A case is one of our layers with its options, on inputs with channels last; its loss is the sum of the output times given
weights. Cases with padding 'same' and all that Keras has under the same name come from Keras, the rest from PyTorch.

The file holds two long tensors: `inputs`, a byte b for the number (b - 128) / 64 (integers: the byte itself), and
`results` in float32. Its metadata lists the cases with their shapes in the order in which they lie there: the inputs and
the weights of the output, then the output and a gradient for each input that is not an integer.
"""

import itertools
import json
import os
import random
import struct
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

jax.config.update("jax_enable_x64", True)
import keras  # noqa: E402

keras.config.set_floatx("float64")

TARGET = Path(__file__).resolve().parents[2] / "test" / "nn" / "shaping.safetensors"

inputs, results, cases = [], [], []
choose = random.Random(4)


draws = itertools.count(1)


def rng():
    return np.random.default_rng(next(draws))


def normal(*shape):
    return (np.clip(np.round(rng().standard_normal(shape) * 64), -128, 127)) / 64


def positive(*shape):
    return np.round(rng().uniform(0.5, 1.9, shape) * 64) / 64


def distinct(*shape):
    """No value twice, so that there is one maximum; at most 256 of them."""
    size = int(np.prod(shape))
    assert size <= 256, shape
    return ((rng().permutation(256)[:size] - 128) / 64).reshape(shape)


def store(source, layer, options, data, y, gradients, weights):
    for array in [*data, weights]:
        if array.dtype.kind == "i":
            inputs.append(array.astype(np.uint8).ravel())
        else:
            inputs.append((array * 64 + 128).astype(np.uint8).ravel())
    for array in [y, *gradients]:
        results.append(np.asarray(array, np.float32).ravel())
    cases.append({
        "source": source,
        "layer": layer,
        "options": options,
        "inputs": [list(array.shape) for array in data],
        "integers": [i for i, array in enumerate(data) if array.dtype.kind == "i"],
        "output": list(y.shape),
        **({"isInteger": True} if y.dtype.kind == "i" else {}),
    })


def from_torch(layer, options, data, function):
    """False when PyTorch refuses, or gives -inf for a window that lies in the padding alone."""
    leaves = [torch.tensor(array, requires_grad=array.dtype.kind == "f") for array in data]
    try:
        y = function(*leaves)
    except RuntimeError:
        return False
    if not torch.isfinite(y).all() or y.numel() == 0:
        return False
    weights = normal(*y.shape)
    floats = [leaf for leaf in leaves if leaf.requires_grad]
    gradients = []
    if y.is_floating_point():
        gradients = torch.autograd.grad((y * torch.tensor(weights)).sum(), floats)
    store("torch", layer, options, data, y.detach().numpy(), [g.numpy() for g in gradients], weights)
    return True


def from_keras(layer, options, data, function):
    y, back = jax.vjp(function, *data)
    weights = normal(*y.shape)
    store("keras", layer, options, data, np.asarray(y), back(jax.numpy.asarray(weights)), weights)


def first(x):
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def pooled(function):
    return lambda x: last(function(first(x)))


MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
MEAN = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
LP = {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d}
UNPOOL = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}
ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
ADAPTIVE_MEAN = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
SIZES = {1: [1, 2, 5, 7, 11], 2: [1, 3, 5, 7], 3: [1, 2, 3, 5]}
COUNTS = {1: 70, 2: 60, 3: 45}


def axes(rank, values):
    return [choose.choice(values) for _ in range(rank)]


def sample_shape(rank, most=120):
    while True:
        shape = (choose.choice([1, 2]), *axes(rank, SIZES[rank]), choose.choice([1, 2, 3]))
        if np.prod(shape) <= most:
            return shape


def window(rank):
    pool = axes(rank, [1, 2, 3, 5] if rank < 3 else [1, 2, 3])
    return {
        "poolSize": pool,
        "strides": axes(rank, [1, 2, 3, 5]),
        "padding": [[choose.randint(0, size // 2)] * 2 for size in pool],
        "ceilMode": choose.random() < 0.5,
    }


# ---- poolings of windows -------------------------------------------------------------------------------------------

for rank in (1, 2, 3):
    done = 0
    while done < COUNTS[rank]:
        shape, options = sample_shape(rank), window(rank)
        pool, strides, pad = options["poolSize"], options["strides"], [pair[0] for pair in options["padding"]]
        ceil = options["ceilMode"]
        kind = done % 4
        if kind == 0:
            dilation = axes(rank, [1, 2, 3])
            done += from_torch(f"maxPooling{rank}d", {**options, "dilation": dilation}, [distinct(*shape)],
                               pooled(lambda x: MAX[rank](x, pool, strides, pad, dilation, ceil)))
        elif kind == 1:
            done += from_torch(f"maxPooling{rank}d", options, [distinct(*shape)],
                               pooled(lambda x: MAX[rank](x, pool, strides, pad, 1, ceil)))
        else:
            count = kind == 3
            done += from_torch(f"averagePooling{rank}d", {**options, "countIncludePad": count}, [normal(*shape)],
                               pooled(lambda x: MEAN[rank](x, pool, strides, pad, ceil, count)))

    for _ in range(6):
        shape, options = sample_shape(rank), window(rank)
        pool, strides, pad = options["poolSize"], options["strides"], [pair[0] for pair in options["padding"]]
        from_torch(f"maxPoolingIndices{rank}d", options, [distinct(*shape)],
                   pooled(lambda x: MAX[rank](x, pool, strides, pad, 1, options["ceilMode"], True)[1]))
        plain = {"poolSize": pool, "strides": strides}
        cells = int(np.prod(pool))
        from_torch(f"sumPooling{rank}d", plain, [normal(*shape)],
                   pooled(lambda x: MEAN[rank](x, pool, strides) * cells))
        for p in (1, 2, 3, 1.5):
            from_torch(f"lpPooling{rank}d", {**plain, "p": p}, [positive(*shape)],
                       pooled(lambda x: LP[rank](x, p, pool if rank > 1 else pool[0],
                                                 strides if rank > 1 else strides[0])))

    for _ in range(4):
        shape = (2, *axes(rank, [4, 5, 7] if rank < 3 else [2, 3]), 2)
        x = distinct(*shape)
        y, indices = MAX[rank](first(torch.tensor(x)), 2, return_indices=True)
        from_torch(f"maxUnpooling{rank}d", {"poolSize": 2, "outputSize": list(shape[1:-1])},
                   [last(y).numpy(), last(indices).numpy()],
                   lambda y, i: last(UNPOOL[rank](first(y), first(i), 2, output_size=shape[1:-1])))

    # ---- adaptive and global -----------------------------------------------------------------------------------

    for _ in range(8):
        shape, size = sample_shape(rank, 160), axes(rank, [1, 2, 3, 5])
        from_torch(f"adaptiveAveragePooling{rank}d", {"outputSize": size}, [normal(*shape)],
                   pooled(lambda x: ADAPTIVE_MEAN[rank](x, size)))
        from_torch(f"adaptiveMaxPooling{rank}d", {"outputSize": size}, [distinct(*shape)],
                   pooled(lambda x: ADAPTIVE_MAX[rank](x, size)))

    for keep in (False, True):
        for kind, data in (("Max", distinct(*sample_shape(rank))), ("Average", normal(*sample_shape(rank)))):
            make = getattr(keras.layers, f"Global{kind}Pooling{rank}D")
            from_keras(f"global{kind}Pooling{rank}d", {"keepDims": keep}, [data], make(keepdims=keep))

    # ---- Keras's windows ---------------------------------------------------------------------------------------

    for padding, kind in itertools.product(("same", "same", "same", "same", "valid"), ("Max", "Average")):
        shape, pool, strides = sample_shape(rank), axes(rank, [1, 2, 3]), axes(rank, [1, 2, 3, 5])
        if padding == "valid":
            pool = [min(*pair) for pair in zip(pool, shape[1:-1])]
        data = distinct(*shape) if kind == "Max" else normal(*shape)
        options = {"poolSize": pool, "strides": strides, "padding": padding}
        from_keras(f"{kind.lower()}Pooling{rank}d", options, [data],
                   getattr(keras.layers, f"{kind}Pooling{rank}D")(tuple(pool), tuple(strides), padding))

    # ---- borders, cropping, upsampling -------------------------------------------------------------------------

    for layer, mode in (("zero", "constant"), ("reflection", "reflect"), ("replication", "replicate"),
                        ("circular", "circular")):
        for _ in range(4):
            shape = sample_shape(rank, 60)
            most = [{"reflect": size - 1, "circular": size}.get(mode, 3) for size in shape[1:-1]]
            sides = [[choose.randint(0, min(3, m)), choose.randint(0, min(3, m))] for m in most]
            flat = [side for pair in reversed(sides) for side in pair]
            from_torch(f"{layer}Padding{rank}d", {"padding": sides}, [normal(*shape)],
                       pooled(lambda x: F.pad(x, flat, mode)))

    for _ in range(3):
        shape = (1, *axes(rank, [3, 5]), 2)
        sides = [[choose.randint(0, 1), choose.randint(0, 1)] for _ in range(rank)]
        amount = tuple(sides[0]) if rank == 1 else tuple(map(tuple, sides))
        from_keras(f"cropping{rank}d", {"cropping": sides}, [normal(*shape)],
                   getattr(keras.layers, f"Cropping{rank}D")(amount))

    modes = {1: "linear", 2: "bilinear", 3: "trilinear"}
    for align in (False, True):
        for _ in range(4):
            shape, size = sample_shape(rank, 24), axes(rank, [1, 2, 3])
            options = {"size": size, "interpolation": modes[rank], "alignCorners": align}
            from_torch(f"upSampling{rank}d", options, [normal(*shape)],
                       pooled(lambda x: F.interpolate(x, scale_factor=[float(s) for s in size], mode=modes[rank],
                                                      align_corners=align)))
    for _ in range(3):
        shape, size = sample_shape(rank, 24), axes(rank, [1, 2, 3])
        scale = size[0] if rank == 1 else tuple(size)
        from_keras(f"upSampling{rank}d", {"size": size}, [normal(*shape)],
                   getattr(keras.layers, f"UpSampling{rank}D")(scale))

# ---- fractional max pooling ----------------------------------------------------------------------------------------

for _ in range(8):
    shape, size, pool = (2, choose.choice([5, 7]), choose.choice([7, 9]), 2), axes(2, [1, 2, 3, 4]), axes(2, [1, 2])
    samples = [choose.randint(0, 63) / 64 for _ in range(2)]
    # PyTorch takes the sample of the columns first.
    given = torch.tensor(samples[::-1], dtype=torch.float64).expand(2, 2, 2)
    from_torch("fractionalMaxPooling2d", {"poolSize": pool, "outputSize": size, "samples": samples}, [distinct(*shape)],
               pooled(lambda x: F.fractional_max_pool2d(x, pool, size, _random_samples=given)))
for _ in range(4):
    shape, size, pool = (1, 5, 5, 7, 1), axes(3, [1, 2, 3]), axes(3, [1, 2])
    samples = [choose.randint(0, 63) / 64 for _ in range(3)]
    given = torch.tensor(samples, dtype=torch.float64).expand(1, 1, 3)
    from_torch("fractionalMaxPooling3d", {"poolSize": pool, "outputSize": size, "samples": samples}, [distinct(*shape)],
               pooled(lambda x: F.fractional_max_pool3d(x, pool, size, _random_samples=given)))

# ---- resizing ------------------------------------------------------------------------------------------------------

for interpolation in ("nearest", "bilinear", "bicubic"):
    for _ in range(6):
        shape, (height, width) = sample_shape(2, 60), axes(2, [1, 2, 3, 4, 7, 10])
        from_keras("resizing", {"height": height, "width": width, "interpolation": interpolation}, [normal(*shape)],
                   lambda x: keras.ops.image.resize(x, (height, width), interpolation, antialias=False,
                                                    data_format="channels_last"))
    shape = sample_shape(2, 30)
    from_keras("upSampling2d", {"size": [2, 3], "interpolation": interpolation}, [normal(*shape)],
               keras.layers.UpSampling2D((2, 3), interpolation=interpolation))
for align in (False, True):
    for _ in range(4):
        shape, size = sample_shape(2, 60), axes(2, [1, 2, 3, 4, 7, 10])
        options = {"height": size[0], "width": size[1], "alignCorners": align}
        from_torch("resizing", options, [normal(*shape)],
                   pooled(lambda x: F.interpolate(x, size, mode="bilinear", align_corners=align)))

# ---- blocks, shapes, merging ---------------------------------------------------------------------------------------

for factor in (1, 2, 3):
    from_torch("pixelShuffle", {"upscaleFactor": factor}, [normal(1, 2, 3, 2 * factor**2)],
               pooled(lambda x: F.pixel_shuffle(x, factor)))
    from_torch("pixelUnshuffle", {"downscaleFactor": factor}, [normal(1, 2 * factor, factor, 3)],
               pooled(lambda x: F.pixel_unshuffle(x, factor)))
    for layer, op in () if factor == 1 else (("depthToSpace", keras.ops.depth_to_space), ("spaceToDepth", keras.ops.space_to_depth)):
        shape = (2, 1, 3, 2 * factor**2) if layer == "depthToSpace" else (2, 2 * factor, factor, 3)
        from_keras(layer, {"blockSize": factor}, [normal(*shape)],
                   lambda x: op(x, factor, data_format="channels_last"))

from_keras("flatten", {}, [normal(2, 3, 2, 2)], keras.layers.Flatten())
from_keras("reshape", {"targetShape": [2, -1]}, [normal(2, 3, 4)], keras.layers.Reshape((2, -1)))
from_keras("permute", {"dims": [3, 1, 2]}, [normal(2, 3, 2, 4)], keras.layers.Permute((3, 1, 2)))
from_keras("repeatVector", {"n": 3}, [normal(2, 5)], keras.layers.RepeatVector(3))
for name in ("add", "subtract", "multiply", "average", "maximum", "minimum"):
    for shapes in [((2, 3, 5), (2, 3, 5)), ((2, 3, 5), (2, 1, 5))]:
        whole = distinct(2, *shapes[0])
        data = [whole[0], whole[1][:, :shapes[1][1]]]
        from_keras(name, {}, data, lambda a, b: getattr(keras.layers, name.capitalize())()([a, b]))
for axis in (1, 2, -1):
    shapes = [[2, 3, 5], [2, 3, 5]]
    shapes[1][axis] = 1
    from_keras("concatenate", {"axis": axis}, [normal(*shapes[0]), normal(*shapes[1])],
               lambda a, b: keras.layers.Concatenate(axis)([a, b]))
for normalize in (False, True):
    for shapes, place in [(((2, 5), (2, 5)), 1), (((2, 3, 5), (2, 4, 5)), -1), (((2, 3, 5), (2, 7, 3)), [1, 2]),
                          (((1, 3, 2), (1, 3, 5)), 1), (((2, 4, 3), (2, 3)), [2, 1]),
                          (((1, 2, 3, 4), (1, 5, 3)), [2, 2])]:
        from_keras("dot", {"axes": place, "normalize": normalize}, [normal(*shape) for shape in shapes],
                   lambda a, b: keras.layers.Dot(place, normalize)([a, b]))

# ---- the file ------------------------------------------------------------------------------------------------------

# ---- antialiased resizing ------------------------------------------------------------------------------------------

for interpolation in ("nearest", "bilinear", "bicubic"):
    for shape, height, width in [((1, 11, 7, 2), 3, 2), ((1, 4, 9, 1), 7, 4), ((2, 5, 6, 1), 1, 6), ((1, 13, 1, 2), 5, 1)]:
        options = {"height": height, "width": width, "interpolation": interpolation, "antialias": True}
        from_keras("resizing", options, [normal(*shape)],
                   lambda x: keras.ops.image.resize(x, (height, width), interpolation, antialias=True,
                                                    data_format="channels_last"))
        if interpolation != "nearest":
            from_torch("resizing", options, [normal(*shape)],
                       pooled(lambda x: F.interpolate(x, (height, width), mode=interpolation, antialias=True)))

input_bytes, result_bytes = np.concatenate(inputs).tobytes(), np.concatenate(results).tobytes()
header = {
    "__metadata__": {
        "source": f"PyTorch {torch.__version__.split('+')[0]}, Keras {keras.__version__}, float64, "
                  "scripts/goldens/shaping.py",
        "cases": json.dumps(cases, separators=(",", ":")),
    },
    "results": {"dtype": "F32", "shape": [len(result_bytes) // 4], "data_offsets": [0, len(result_bytes)]},
    "inputs": {"dtype": "U8", "shape": [len(input_bytes)],
               "data_offsets": [len(result_bytes), len(result_bytes) + len(input_bytes)]},
}
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
TARGET.write_bytes(struct.pack("<Q", len(text)) + text + result_bytes + input_bytes)
print(f"{TARGET.name}: {len(cases)} cases, {TARGET.stat().st_size} bytes")
