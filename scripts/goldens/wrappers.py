"""Golden values and gradients of layers around other layers, from Keras in double precision.

    pip install keras==3.15.1 jax==0.10.2
    python scripts/goldens/wrappers.py        writes test/nn/wrappers.safetensors

A case is a config as networks keep it, its weights by path and one input; its loss is the sum of the output times given
coefficients. Expected: the output, then the gradients of the input and of each weight.
"""

import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax  # noqa: E402
import numpy as np  # noqa: E402

jax.config.update("jax_enable_x64", True)
import keras  # noqa: E402

from store import Store, quantized  # noqa: E402

keras.config.set_floatx("float64")

TARGET = Path(__file__).resolve().parents[2] / "test" / "nn" / "wrappers.safetensors"
store, rng = Store(), np.random.default_rng(8)
L = keras.layers

INNER = [
    ("dense", {"units": 3, "activation": "tanh"}, L.Dense(3, activation="tanh"), (5, 4)),
    ("dense", {"units": 2}, L.Dense(2), (1, 3, 4)),
    ("conv1d", {"filters": 3, "kernelSize": 2, "strides": 2}, L.Conv1D(3, 2, 2), (3, 7, 2)),
    ("conv2d", {"filters": 2, "kernelSize": 3, "padding": "same"}, L.Conv2D(2, 3, padding="same"), (4, 3, 5, 2)),
    ("averagePooling2d", {}, L.AveragePooling2D(2), (2, 4, 6, 3)),
    ("flatten", {}, L.Flatten(), (3, 2, 3, 2)),
    ("layerNormalization", {}, L.LayerNormalization(), (3, 2, 5)),
]

for kind, options, inner, sample in INNER:
    x = quantized(rng.standard_normal((2, *sample)))
    layer = L.TimeDistributed(inner)
    layer.build(x.shape)
    weights = [quantized(rng.standard_normal(v.shape)) for v in layer.trainable_variables]
    names = [v.path.split("/")[-1] for v in layer.trainable_variables]

    def apply(x, weights):
        return layer.stateless_call(list(weights), [], x)[0]

    y = apply(x, weights)
    coefficients = quantized(rng.standard_normal(y.shape))
    gradients = jax.grad(lambda x, w: (apply(x, w) * coefficients).sum(), argnums=(0, 1))(x, weights)
    store.cases.append({
        "layer": "timeDistributed",
        "options": {"layer": {"name": "inner", "type": kind, "config": options, "trainable": True}},
        "x": store.input(x),
        "coefficients": store.input(coefficients),
        "weights": {f"it/inner/{name}": store.input(w) for name, w in zip(names, weights)},
    })
    for array in [y, gradients[0], *gradients[1]]:
        store.result(array)

store.write(TARGET, f"Keras {keras.__version__} with JAX {jax.__version__}, float64")
