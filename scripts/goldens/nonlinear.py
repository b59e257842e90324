"""Golden values and gradients of activation and normalization layers, from Keras 3 on JAX in double precision.

    pip install keras jax
    python scripts/goldens/nonlinear.py      writes test/nn/nonlinear.safetensors

A case is a layer of Ocellus (type and options), a batch and the layer's weights by name, beside the Keras layer or
function of the same meaning. Its loss is the sum of the output times given weights `dy`; stored are the output, the
gradients of the batch (unless it holds integers) and of the weights, and running statistics after the step.

The file holds two long tensors: `inputs`, a byte b for the number scale * (b - 128) / 64, and `results` in float32, in
the order of the cases in its metadata: inputs are x, dy, then the weights; results are y, then a gradient of each
differentiated one, then the statistics.
"""

import json
import os
import struct
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import keras
import numpy as np
from keras import activations as A
from keras import layers as L

keras.config.set_floatx("float64")
TARGET = Path(__file__).resolve().parents[2] / "test" / "nn" / "nonlinear.safetensors"
random = np.random.default_rng(4)
inputs, results, cases = [], [], []


def draw(shape, scale, positive=False):
    """Numbers that the file can hold. No zeros: there, what is right is a matter of convention."""
    bytes_ = np.clip(np.rint(random.normal(size=shape) * 42), -127, 127)
    bytes_ = np.where(bytes_ == 0, 1, bytes_)
    if positive:
        bytes_ = np.minimum(np.abs(bytes_) + 16, 127)
    inputs.append((bytes_ + 128).astype(np.uint8).ravel())
    return bytes_ * (scale / 64)


def case(name, layer, shape, reference, options=None, weights=None, scale=1.0, training=False, integers=None, x=None,
         tolerance=None):
    """reference(x, weights) → y, or (y, {statistic: value}). weights: name → shape, or (shape, 'positive')."""
    if integers:
        data = random.integers(0, integers, size=shape)
        inputs.append((data + 128).astype(np.uint8).ravel())
    elif x is not None:
        data = np.asarray(x, dtype=np.float64).reshape(shape)
        bytes_ = np.rint(data * 64 / scale)
        assert np.all(bytes_ * scale / 64 == data) and np.all(np.abs(bytes_) < 128), name
        inputs.append((bytes_ + 128).astype(np.uint8).ravel())
    else:
        data = draw(shape, scale)
    place = len(inputs)
    inputs.append(None)
    values = {}
    for key, spec in (weights or {}).items():
        own, positive = (spec[0], True) if isinstance(spec[0], tuple) else (spec, False)
        values[key] = jnp.asarray(draw(own, 1.0, positive))
    split = lambda out: out if isinstance(out, tuple) else (out, {})
    y, statistics = split(reference(jnp.asarray(data), values))
    tail = inputs[place + 1:]
    del inputs[place:]
    dy = draw(y.shape, 1.0)
    inputs.extend(tail)
    trained = {k: v for k, v in values.items() if not k.startswith("moving")}
    fixed = {k: v for k, v in values.items() if k.startswith("moving")}
    loss = lambda x, w: jnp.sum(split(reference(x, {**fixed, **w}))[0] * dy)
    arguments = (1,) if integers else (0, 1)
    gradients = jax.grad(loss, arguments)(jnp.asarray(data), trained)
    results.append(np.asarray(y).ravel())
    if not integers:
        results.append(np.asarray(gradients[0]).ravel())
    results.extend(np.asarray(gradients[-1][k]).ravel() for k in trained)
    results.extend(np.asarray(v).ravel() for v in statistics.values())
    entry = {"name": name, "layer": layer, "options": options or {}, "shape": list(shape), "output": list(y.shape),
             "weights": {k: list(v.shape) for k, v in values.items()}, "trained": list(trained),
             "statistics": list(statistics), "scale": scale}
    if training:
        entry["training"] = True
    if integers:
        entry["integers"] = True
    if tolerance:
        entry["tolerance"] = tolerance
    cases.append(entry)


def of_layer(make, training=False, names=()):
    """The reference for a Keras layer; `names` are our names of its variables, trained ones first."""

    def run(x, weights):
        layer = make()
        layer.build(x.shape)
        trained = [weights[n] for n in names[: len(layer.trainable_variables)]]
        fixed = [weights[n] for n in names[len(trained):]]
        options = {"training": training} if isinstance(layer, L.BatchNormalization) else {}
        y, after = layer.stateless_call(trained, fixed, x, **options)
        return (y, dict(zip(names[len(trained):], after))) if training and fixed else y

    return run


# ---- activations ---------------------------------------------------------------------------------------------------

shapes = {"vector": (5, 7), "image": (2, 3, 5, 3), "one": (1, 1)}
plain = {
    "relu": A.relu, "relu6": A.relu6, "elu": A.elu, "selu": A.selu, "celu": A.celu,
    "gelu": lambda x: A.gelu(x, approximate=False), "geluTanh": lambda x: A.gelu(x, approximate=True), "silu": A.silu,
    "swish": A.swish, "mish": A.mish, "softplus": A.softplus, "softsign": A.softsign, "sigmoid": A.sigmoid,
    "hardSigmoid": A.hard_sigmoid, "hardSwish": A.hard_swish, "hardSilu": A.hard_silu, "tanh": A.tanh,
    "hardTanh": A.hard_tanh, "softmax": A.softmax, "logSoftmax": A.log_softmax, "linear": A.linear,
    "leakyRelu": A.leaky_relu, "exponential": A.exponential,
}
for name, function in plain.items():
    for what, shape in shapes.items():
        case(f"{name}, {what}", "activation", shape, lambda x, w, f=function: f(x), {"activation": name})
    for scale in (1 / 1024, 8.0, 32.0):
        if name != "exponential" or scale < 32:
            case(f"{name}, times {scale:g}", "activation", (11, 3), lambda x, w, f=function: f(x),
                 {"activation": name}, scale=scale)
case("glu", "activation", (3, 10), lambda x, w: A.glu(x), {"activation": "glu"})
case("glu, axis 1", "glu", (3, 4, 5), lambda x, w: A.glu(x, axis=1), {"axis": 1})

for options in ({"max_value": 1.0}, {"negative_slope": 0.25}, {"threshold": 0.75}, {"max_value": 1.5, "threshold": 0.5},
                {"max_value": 1.0, "negative_slope": 0.125}, {"negative_slope": 0.5, "threshold": 1.0},
                {"max_value": 1.25, "negative_slope": 0.25, "threshold": 0.5}, {"max_value": 6.0}):
    ours = {"max_value": "maxValue", "negative_slope": "negativeSlope", "threshold": "threshold"}
    renamed = {ours[k]: v for k, v in options.items()}
    # Corners are multiples of 1/16: between them, what is right is not a matter of convention.
    steps = np.rint(random.normal(size=63) * 42)
    case(f"relu {renamed}", "relu", (7, 9), of_layer(lambda o=options: L.ReLU(**o)), renamed,
         x=np.clip(np.where(steps % 4 == 0, steps + 1, steps), -127, 127) / 64)
for corner in ("relu6", "hardSigmoid", "hardSwish", "hardTanh"):
    case(f"{corner}, corners", "activation", (8,), lambda x, w, f=plain[corner]: f(x), {"activation": corner},
         x=[-6, -3, -1, 1, 3, 6, 7, -7], scale=8.0)
case("leakyRelu", "leakyRelu", (5, 7), of_layer(lambda: L.LeakyReLU(negative_slope=0.125)), {"negativeSlope": 0.125})
case("leakyRelu, default", "leakyRelu", (5, 7), of_layer(lambda: L.LeakyReLU()))
case("elu, alpha", "elu", (5, 7), of_layer(lambda: L.ELU(alpha=0.5)), {"alpha": 0.5})
case("celu, alpha", "celu", (5, 7), lambda x, w: A.celu(x, alpha=2.0), {"alpha": 2})
case("gelu, approximate", "gelu", (5, 7), lambda x, w: A.gelu(x, approximate=True), {"approximate": True})
case("threshold", "threshold", (5, 7), lambda x, w: A.threshold(x, 0.51, -2.0), {"threshold": 0.51, "defaultValue": -2})
for shared, own in ((None, (5, 7, 3)), ([1], (1, 7, 3)), ([1, 2], (1, 1, 3)), ([3], (5, 7, 1))):
    case(f"prelu, shared {shared}", "prelu", (2, 5, 7, 3), of_layer(lambda s=shared: L.PReLU(shared_axes=s), names=["alpha"]),
         {"sharedAxes": shared}, {"alpha": own})
case("prelu, vector", "prelu", (5, 11), of_layer(lambda: L.PReLU(), names=["alpha"]), {}, {"alpha": (11,)})
case("prelu, at 0", "prelu", (1, 3), of_layer(lambda: L.PReLU(), names=["alpha"]), {}, {"alpha": (3,)}, x=[-1, 0, 1])
for axis in (-1, 1, 2, [1, 2], [1, 3], [2, 3], [1, 2, 3]):
    case(f"softmax, axis {axis}", "softmax", (2, 3, 5, 4), of_layer(lambda a=axis: L.Softmax(axis=a)), {"axis": axis})
for axis in (-1, 1, -2):
    case(f"logSoftmax, axis {axis}", "logSoftmax", (2, 3, 5), lambda x, w, a=axis: A.log_softmax(x, axis=a),
         {"axis": axis})

# ---- normalization -------------------------------------------------------------------------------------------------

FULL = ["gamma", "beta", "movingMean", "movingVariance"]


def norm_weights(shape, center=True, scale=True):
    return {**({"gamma": (shape, "positive")} if scale else {}), **({"beta": shape} if center else {})}


def kept(center, scale):
    return [n for n, on in (("gamma", scale), ("beta", center)) if on]


for training in (True, False):
    for shape, axis in (((5, 7), -1), ((2, 3, 5, 4), -1), ((2, 3, 5, 4), 1), ((2, 3, 5, 4), 2), ((3, 5, 1), -1)):
        for center, scale in ((True, True), (True, False), (False, True), (False, False)):
            if not (center and scale) and axis != -1:
                continue
            channels = (shape[axis],)
            case(f"batchNormalization {shape}, axis {axis}, center {center}, scale {scale}, training {training}",
                 "batchNormalization", shape,
                 of_layer(lambda a=axis, c=center, s=scale: L.BatchNormalization(axis=a, momentum=0.75, center=c, scale=s),
                          training, kept(center, scale) + FULL[2:]),
                 {"axis": axis, "momentum": 0.75, "center": center, "scale": scale},
                 {**norm_weights(channels, center, scale), "movingMean": channels,
                  "movingVariance": (channels, "positive")}, training=training)
for shape, axis in (((5, 7), -1), ((2, 3, 5, 4), -1), ((2, 3, 5, 4), [1, 2, 3]), ((2, 3, 5, 4), [2, 3]),
                    ((2, 3, 5, 4), 1), ((2, 3, 5, 4), [1, 3]), ((3, 1), -1), ((1, 131), -1), ((67, 3), -1)):
    listed = axis if isinstance(axis, list) else [axis]
    own = tuple(shape[a] for a in listed)
    for center, scale in ((True, True), (False, True), (True, False), (False, False)):
        if not (center and scale) and shape != (5, 7):
            continue
        case(f"layerNormalization {shape}, axis {axis}, center {center}, scale {scale}", "layerNormalization", shape,
             of_layer(lambda a=axis, c=center, s=scale: L.LayerNormalization(axis=a, epsilon=0.01, center=c, scale=s),
                      names=kept(center, scale)),
             {"axis": axis, "epsilon": 0.01, "center": center, "scale": scale}, norm_weights(own, center, scale))
    if axis in (-1, [1, 2, 3], [2, 3]):  # others Keras does not broadcast
        case(f"rmsNormalization {shape}, axis {axis}", "rmsNormalization", shape,
             of_layer(lambda a=axis: L.RMSNormalization(axis=a, epsilon=0.01), names=["scale"]),
             {"axis": axis, "epsilon": 0.01}, {"scale": (own, "positive")})
    case(f"unitNormalization {shape}, axis {axis}", "unitNormalization", shape,
         of_layer(lambda a=axis: L.UnitNormalization(axis=a)), {"axis": axis})
for shape, axis, groups in (((2, 3, 5, 6), -1, 3), ((2, 3, 5, 6), -1, 6), ((2, 3, 5, 6), -1, 1), ((2, 4, 5, 3), 1, 2),
                            ((3, 7, 5), -1, 5), ((2, 11, 70), -1, 35), ((5, 6), -1, 2), ((1, 13, 13, 1), -1, 1),
                            ((1, 13, 11, 4), -1, -1), ((2, 4, 3, 5), 2, -1)):
    for center, scale in ((True, True), (False, True), (True, False), (False, False)):
        if not (center and scale) and groups != 3:
            continue
        options = {"axis": axis, "center": center, "scale": scale}
        case(f"groupNormalization {shape}, axis {axis}, groups {groups}, center {center}, scale {scale}",
             "groupNormalization", shape,
             of_layer(lambda a=axis, g=groups, c=center, s=scale: L.GroupNormalization(g, axis=a, center=c, scale=s),
                      names=kept(center, scale)),
             {"groups": groups, **options}, norm_weights((shape[axis],), center, scale), tolerance=2e-5)
    if groups == -1:
        case(f"instanceNormalization {shape}, axis {axis}", "instanceNormalization", shape,
             of_layer(lambda a=axis: L.GroupNormalization(-1, axis=a), names=["gamma", "beta"]), {"axis": axis},
             norm_weights((shape[axis],)))


def local_response(x, radius, bias, alpha, beta):
    """tf.nn.local_response_normalization, from its definition."""
    padded = jnp.pad(x * x, [(0, 0)] * (x.ndim - 1) + [(radius, radius)])
    total = sum(padded[..., k:k + x.shape[-1]] for k in range(2 * radius + 1))
    return x / (bias + alpha * total) ** beta


for shape in ((2, 3, 3, 13), (5, 7), (2, 5, 1)):
    for radius, bias, alpha, beta in ((5, 1.0, 1.0, 0.5), (2, 2.0, 0.25, 0.75), (0, 1.0, 0.5, 1.0), (1, 1.5, 0.125, 0.625)):
        case(f"localResponseNormalization {shape}, {radius} {bias} {alpha} {beta}", "localResponseNormalization", shape,
             lambda x, w, o=(radius, bias, alpha, beta): local_response(x, *o),
             {"depthRadius": radius, "bias": bias, "alpha": alpha, "beta": beta})

# ---- embedding -----------------------------------------------------------------------------------------------------

for shape, rows, length in (((3, 7), 11, 5), ((13,), 1, 3), ((2, 3, 5), 7, 1), ((5, 11), 3, 37)):
    case(f"embedding {shape}, {rows} x {length}", "embedding", shape if len(shape) > 1 else (*shape, 1),
         of_layer(lambda r=rows, n=length: L.Embedding(r, n), names=["embeddings"]),
         {"inputDim": rows, "outputDim": length}, {"embeddings": (rows, length)}, integers=rows)

# ---- the file ------------------------------------------------------------------------------------------------------


def write(path):
    input_bytes = b"".join(data.tobytes() for data in inputs)
    values = np.concatenate(results).astype("<f4")
    end = values.nbytes + len(input_bytes)
    header = {
        "__metadata__": {
            "source": f"Keras {keras.__version__} on JAX {jax.__version__}, float64, scripts/goldens/nonlinear.py",
            "cases": json.dumps(cases, separators=(",", ":")),
        },
        "results": {"dtype": "F32", "shape": [values.size], "data_offsets": [0, values.nbytes]},
        "inputs": {"dtype": "U8", "shape": [len(input_bytes)], "data_offsets": [values.nbytes, end]},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + values.tobytes() + input_bytes)
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


write(TARGET)
