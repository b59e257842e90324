"""What activity regularizers add to the loss, and where they lead, in Keras 3 (JAX) and float64.

    KERAS_BACKEND=jax python scripts/goldens/activity.py

Writes test/train/activity.safetensors, which test/train/activity-golden.test.ts compares on every backend: the losses of
three steps of SGD, the weights afterwards, an evaluation in batches.
"""

import os
import pathlib

os.environ["KERAS_BACKEND"] = "jax"
import jax

jax.config.update("jax_enable_x64", True)
import keras
import numpy as np
from store import Store, quantized

keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")
# Keras takes means in float32 whatever the type.
keras.src.backend.numpy.mean = lambda x, axis=None, keepdims=False: jax.numpy.mean(x, axis=axis, keepdims=keepdims)
L, R = keras.layers, keras.regularizers
TARGET = pathlib.Path(__file__).parents[2] / "test/train/activity.safetensors"
SAMPLES = 7
store = Store()
g = np.random.default_rng(11)
regularizers = {
    "l1": ({"name": "l1", "l1": 0.03}, lambda: R.L1(0.03)),
    "l2": ({"name": "l2", "l2": 0.02}, lambda: R.L2(0.02)),
    "l1l2": ({"name": "l1l2", "l1": 0.01, "l2": 0.02}, lambda: R.L1L2(0.01, 0.02)),
}
signal, image, volume = (9, 2), (5, 6, 2), (3, 4, 4, 2)
kernel = {"kernelSize": 2, "activation": "tanh"}
filters = {"filters": 3, **kernel}
kinds = [
    ("dense", L.Dense, (4,), {"units": 5, "activation": "relu"}),
    ("dense", L.Dense, (3, 4), {"units": 2}),
    ("embedding", L.Embedding, (4,), {"inputDim": 6, "outputDim": 3}),
    ("conv1d", L.Conv1D, signal, {**filters, "padding": "causal"}),
    ("conv2d", L.Conv2D, image, {**filters, "activation": "relu", "padding": "same"}),
    ("conv3d", L.Conv3D, volume, filters),
    ("conv1dTranspose", L.Conv1DTranspose, signal, {**filters, "strides": 2}),
    ("conv2dTranspose", L.Conv2DTranspose, image, filters),
    ("conv3dTranspose", L.Conv3DTranspose, volume, filters),
    ("depthwiseConv1d", L.DepthwiseConv1D, signal, {**kernel, "depthMultiplier": 2}),
    ("depthwiseConv2d", L.DepthwiseConv2D, image, kernel),
    ("separableConv1d", L.SeparableConv1D, signal, filters),
    ("separableConv2d", L.SeparableConv2D, image, filters),
]


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def case(layer_name, make, shape, options, regularizer, alone=False):
    described, regularize = regularizers[regularizer]
    integers = layer_name == "embedding"
    x = g.integers(0, 6, (SAMPLES, *shape)) if integers else quantized(g.normal(size=(SAMPLES, *shape)))
    entry = keras.Input(shape)
    if alone:
        layer = L.ActivityRegularization(**{k: v for k, v in described.items() if k != "name"})
        inner = L.Dense(5, name="dense")(entry)
    else:
        layer = make(**{snake(k): v for k, v in options.items()}, activity_regularizer=regularize(), name="layer")
        inner = entry
    y = layer(inner)
    outputs = L.Dense(2, name="head")(L.Flatten()(y))
    model = keras.Model(entry, outputs)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mean_squared_error")
    model.set_weights([quantized(g.normal(size=w.shape) * 0.3) for w in model.get_weights()])
    place = lambda: {w.path: store.input(np.asarray(w)) for w in model.weights}
    first = place()
    target = quantized(g.normal(size=(SAMPLES, 2)))
    losses = [float(model.train_on_batch(x, target)) for _ in range(3)]
    store.cases.append(
        {
            "layer": "activityRegularization" if alone else layer_name,
            "options": {k: v for k, v in described.items() if k != "name"} if alone else options,
            "regularizer": described,
            "x": store.input(x),
            "y": store.input(target),
            "first": first,
        }
    )
    store.result(losses)
    for w in model.weights:
        store.result(np.asarray(w))
    store.result([model.evaluate(x, target, batch_size=4, verbose=0)])


for index, kind in enumerate(kinds):
    case(*kind, list(regularizers)[index % 3])
case("dense", L.Dense, (4,), {}, "l1l2", alone=True)
store.write(TARGET, f"Keras {keras.__version__}, float64")
