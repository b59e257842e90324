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
        bytes_ = np.abs(bytes_) + 16
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
