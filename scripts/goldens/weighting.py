"""Trainings with weights of samples and classes in Keras 3 (JAX), in float64.

    KERAS_BACKEND=jax python scripts/goldens/weighting.py

Writes test/train/weighting.safetensors, which test/train/weighting-golden.test.ts compares on every backend: the history
of three epochs, the weights afterwards and an evaluation with weights.
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
TARGET = pathlib.Path(__file__).parents[2] / "test/train/weighting.safetensors"
SAMPLES, FEATURES, POSITIONS, CLASSES = 11, 3, 4, 3
store = Store()
g = np.random.default_rng(5)


def one_hot(y):
    return np.eye(CLASSES)[y]


targets = {
    "labels": lambda shape: g.integers(0, CLASSES, shape),
    "oneHot": lambda shape: one_hot(g.integers(0, CLASSES, shape)),
    "bits": lambda shape: g.integers(0, 2, (*shape, 1)).astype(float),
    "values": lambda shape: quantized(g.uniform(0.1, 1, (*shape, 2))),
}
units = {"labels": CLASSES, "oneHot": CLASSES, "bits": 1, "values": 2}
activations = {"labels": "softmax", "oneHot": "softmax", "bits": "sigmoid", "values": "softplus"}


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part[0].upper() + part[1:] for part in rest)


def case(heads, weighting, split=0.0, positions=False, loss_weights=None):
    """heads: name -> (kind of target, loss, metric). weighting: what fit gets, shapes and class weights by head."""
    inner = (POSITIONS,) if positions else ()
    x = quantized(g.normal(size=(SAMPLES, *inner, FEATURES)))
    y = {name: targets[kind]((SAMPLES, *inner)) for name, (kind, _, _) in heads.items()}
    entry = keras.Input((*inner, FEATURES))
    outputs = {
        name: keras.layers.Dense(units[kind], activation=activations[kind], name=name)(entry)
        for name, (kind, _, _) in heads.items()
    }
    single = len(heads) == 1
    only = lambda table: next(iter(table.values())) if single else table
    model = keras.Model(entry, only(outputs))
    first = {}
    for layer in model.layers[1:]:
        values = [quantized(g.normal(size=w.shape) * 0.5) for w in layer.get_weights()]
        layer.set_weights(values)
        first |= {f"{layer.name}/{kind}": value for kind, value in zip(["kernel", "bias"], values)}
    metrics = {name: [metric] for name, (_, _, metric) in heads.items()}
    model.compile(
        optimizer=keras.optimizers.SGD(0.25),
        loss=only({name: loss for name, (_, loss, _) in heads.items()}),
        loss_weights=loss_weights and list(loss_weights),
        metrics=only(metrics),
        weighted_metrics=only(metrics),
    )
    given = {}
    weight = lambda: quantized(g.uniform(0, 3, (SAMPLES, *inner) if weighting == "positions" else SAMPLES))
    if weighting == "classes":
        table = {0: 0.5, 1: 3.0, 2: 1.25} if only(heads)[0] != "bits" else {0: 0.5, 1: 3.0}
        given = {"class_weight": table}
    elif weighting == "shared":
        given = {"sample_weight": weight()}
    else:
        given = {"sample_weight": only({name: weight() for name in heads})}
    history = model.fit(
        x, only(y), epochs=3, batch_size=4, shuffle=False, verbose=0, validation_split=split, **given
    ).history
    weights = {f"{layer.name}/{kind}": value for layer in model.layers[1:] for kind, value in zip(["kernel", "bias"], layer.get_weights())}
    again = weight()
    values = model.evaluate(
        x, only(y), batch_size=4, verbose=0, return_dict=True,
        sample_weight=again if single or weighting == "shared" else {name: again for name in heads},
    )
    place = lambda table: {name: store.input(value) for name, value in table.items()}
    described = {
        "heads": {name: [kind, camel(loss), camel(metric)] for name, (kind, loss, metric) in heads.items()},
        "weighting": weighting,
        "lossWeights": loss_weights,
        "validationSplit": split,
        "x": store.input(x),
        "y": place(y),
        "first": place(first),
        "evaluated": store.input(again),
        "history": [camel(name) for name in history],
        "results": [camel(name) for name in values],
    }
    if "class_weight" in given:
        described["classWeight"] = given["class_weight"]
    elif isinstance(given["sample_weight"], dict):
        described["sampleWeight"] = place(given["sample_weight"])
    else:
        described["sampleWeight"] = store.input(given["sample_weight"])
    for values_of_epochs in history.values():
        store.result(values_of_epochs)
    for path in first:
        store.result(weights[path])
    store.result(list(values.values()))
    store.cases.append(described)


sparse = ("labels", "sparse_categorical_crossentropy", "sparse_categorical_accuracy")
dense = ("oneHot", "categorical_crossentropy", "categorical_accuracy")
binary = ("bits", "binary_crossentropy", "binary_accuracy")
value = lambda loss: ("values", loss, "mean_absolute_error")

for head in [
    sparse,
    dense,
    binary,
    ("oneHot", "categorical_focal_crossentropy", "categorical_accuracy"),
    ("oneHot", "kl_divergence", "categorical_accuracy"),
    ("bits", "binary_focal_crossentropy", "binary_accuracy"),
    *map(value, ["mean_squared_error", "mean_absolute_error", "mean_squared_logarithmic_error", "huber", "log_cosh"]),
    value("poisson"),
]:
    case({"only": head}, "samples")
for head in [sparse, dense, binary]:
    case({"only": head}, "classes")
    case({"only": head}, "classes", split=0.3)
case({"only": sparse}, "samples", split=0.3)
for head in [sparse, dense, binary, value("mean_squared_error")]:
    case({"only": head}, "positions", positions=True)
two = {"digit": sparse, "size": value("huber")}
case(two, "samples")
case(two, "samples", loss_weights=(0.5, 2.0))
case(two, "shared")
case({"left": dense, "right": binary}, "samples", split=0.3)
store.write(TARGET, f"Keras {keras.__version__}, float64")
