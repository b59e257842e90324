"""Values and gradients of losses from Keras 3 (JAX) and PyTorch, in float64.

    KERAS_BACKEND=jax python scripts/goldens/losses.py

Writes test/nn/losses.safetensors, which test/nn/losses-golden.test.ts compares on every backend.
"""

import os
import pathlib
import zlib

os.environ["KERAS_BACKEND"] = "jax"
import jax

jax.config.update("jax_enable_x64", True)
import keras
import numpy as np
import torch
import torch.nn.functional as F
from store import Store, quantized

keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")
# Keras takes means in float32 whatever the type.
keras.src.backend.numpy.mean = lambda x, axis=None, keepdims=False: jax.numpy.mean(x, axis=axis, keepdims=keepdims)
K = keras.losses
TARGET = pathlib.Path(__file__).parents[2] / "test/nn/losses.safetensors"
store = Store()


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


# ---- data: functions (generator, shape) -> array --------------------------------------------------------------------


def normal(g, shape):
    return quantized(g.normal(size=shape))


def positive(g, shape):
    return quantized(g.uniform(0.2, 3, size=shape))


def probability(g, shape):
    return quantized(g.uniform(0.05, 0.95, size=shape))


def distribution(g, shape):
    """Rows that sum to about 1."""
    return quantized(softmax(g.normal(size=shape)))


def log_distribution(g, shape):
    return quantized(np.log(softmax(g.normal(size=shape))))


def bits(g, shape):
    return (g.random(shape) < 0.4).astype(float)


def signs(g, shape):
    return 2 * bits(g, shape) - 1


def one_hot(g, shape):
    return np.eye(shape[-1])[g.integers(0, shape[-1], shape[:-1])]


def labels(g, shape):
    return g.integers(0, shape[-1], shape[:-1])


def labels_with(index):
    def some(g, shape):
        found = labels(g, shape)
        found[g.random(found.shape) < 0.3] = index
        found.flat[0] = index
        return found

    return some


def weight(g, shape):
    return quantized(g.uniform(0.25, 2, shape))


def draw(make, shape, seed):
    return make(np.random.default_rng([seed, zlib.crc32(repr((make.__name__, shape)).encode())]), shape)


# ---- cases -----------------------------------------------------------------------------------------------------------


def record(config, target, output, weights, value, gradient):
    case = {"loss": config, "target": store.input(target), "output": store.input(output)}
    if np.issubdtype(target.dtype, np.integer):
        case["integer"] = True
    if weights is not None:
        case["weights"] = store.input(weights)
    store.result(value)
    store.result(gradient)
    store.cases.append(case)


def with_keras(config, loss, make_target, make_output, shape, weighted=None, axis=-1):
    """`weighted`: the rank of the weights given, or None."""
    target, output = draw(make_target, shape, 1), draw(make_output, shape, 2)
    if axis != -1:
        output = np.ascontiguousarray(np.moveaxis(output, -1, axis))
        if target.ndim == output.ndim:
            target = np.ascontiguousarray(np.moveaxis(target, -1, axis))
    weights = None if weighted is None else draw(weight, shape[:weighted], 3)
    # Keras aligns weights at the last axis: samples that have positions need axes of length 1.
    given = weights if weights is None else weights.reshape(weights.shape + (1,) * (len(shape) - 1 - weighted))

    def run(x):
        return loss(target, x, sample_weight=given)

    assert loss.dtype == "float64"

    value, gradient = jax.value_and_grad(run)(output)
    record(config, target, output, weights, value, gradient)


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def grid(name, make, targets, outputs, options=({},), shapes=((3, 5), (2, 3, 5)), **rest):
    """Every combination of data, options and shapes, plain and with weights; reductions on the first of them."""
    for at, given in enumerate(options):
        config = {"name": name, **{camel(key): value for key, value in given.items()}}
        if "ignoreClass" in config:
            config["ignoreIndex"] = config.pop("ignoreClass")
        for shape in shapes:
            for make_target, make_output in zip(targets, outputs):
                with_keras(config, make(**given), make_target, make_output, shape, **rest)
                for rank in range(1, len(shape)):
                    with_keras(config, make(**given), make_target, make_output, shape, weighted=rank, **rest)
        for reduction in ("sum", "mean_with_sample_weight") if at == 0 or "ignore_class" in given else ():
            more = {**config, "reduction": camel(reduction)}
            for rank in (None, len(shape) - 1):
                loss = make(**given, reduction=reduction)
                with_keras(more, loss, targets[0], outputs[0], shape, weighted=rank, **rest)


differences = dict(targets=[normal], outputs=[normal], shapes=((3, 5), (2, 3, 5), (5, 1), (1, 11)))
grid("meanSquaredError", K.MeanSquaredError, **differences)
grid("meanAbsoluteError", K.MeanAbsoluteError, **differences)
grid("meanAbsolutePercentageError", K.MeanAbsolutePercentageError, **differences)
grid("meanSquaredLogarithmicError", K.MeanSquaredLogarithmicError, targets=[positive, normal], outputs=[positive] * 2)
grid("huber", K.Huber, options=({}, {"delta": 0.5}, {"delta": 2.0}), **differences)
grid("logCosh", K.LogCosh, **differences)
grid("poisson", K.Poisson, targets=[positive], outputs=[positive])
grid("kullbackLeiblerDivergence", K.KLDivergence, targets=[distribution, one_hot], outputs=[distribution] * 2)
grid("cosineSimilarity", K.CosineSimilarity, targets=[normal], outputs=[normal])
grid("cosineSimilarity", K.CosineSimilarity, targets=[normal], outputs=[normal], options=({"axis": 1},), axis=1,
     shapes=((2, 3, 5),))
grid("hinge", K.Hinge, targets=[signs, bits, normal], outputs=[normal] * 3)
grid("squaredHinge", K.SquaredHinge, targets=[signs, bits, normal], outputs=[normal] * 3)
grid("categoricalHinge", K.CategoricalHinge, targets=[one_hot], outputs=[normal])

logits, smooth = {"from_logits": True}, {"label_smoothing": 0.25}
plain = {"from_logits": False}
classes = dict(targets=[one_hot, distribution])
grid("categoricalCrossentropy", K.CategoricalCrossentropy, **classes, outputs=[normal] * 2,
     options=(logits, {**logits, **smooth}))
grid("categoricalCrossentropy", K.CategoricalCrossentropy, **classes, outputs=[distribution, probability],
     options=(plain, {**plain, **smooth}))
grid("categoricalCrossentropy", K.CategoricalCrossentropy, **classes, outputs=[normal] * 2, axis=1,
     options=({**logits, "axis": 1},), shapes=((3, 2, 5),))
grid("sparseCategoricalCrossentropy", K.SparseCategoricalCrossentropy, targets=[labels], outputs=[normal],
     options=(logits,))
grid("sparseCategoricalCrossentropy", K.SparseCategoricalCrossentropy, targets=[labels], outputs=[distribution],
     options=(plain,))
for index in (255, -1, 2):
    for given, make_output in ((logits, normal), (plain, distribution)):
        grid("sparseCategoricalCrossentropy", K.SparseCategoricalCrossentropy, targets=[labels_with(index)],
             outputs=[make_output], options=({**given, "ignore_class": index},))
binary = dict(targets=[bits, probability], shapes=((3, 5), (2, 3, 5), (5, 1)))
grid("binaryCrossentropy", K.BinaryCrossentropy, **binary, outputs=[normal] * 2, options=(logits, {**logits, **smooth}))
grid("binaryCrossentropy", K.BinaryCrossentropy, **binary, outputs=[probability] * 2,
     options=(plain, {**plain, **smooth}))
focal = ({}, {"gamma": 0.0}, {"gamma": 1.5}, {"gamma": 3.0, "alpha": 0.4})
for given, make_output in ((logits, normal), (plain, probability)):
    options = [{**given, **more} for more in (*focal, {**smooth, "apply_class_balancing": True}, {
        "apply_class_balancing": True, "alpha": 0.7})]
    grid("binaryFocalCrossentropy", K.BinaryFocalCrossentropy, **binary, outputs=[make_output] * 2, options=options)
for given, make_output in ((logits, normal), (plain, distribution)):
    options = [{**given, **more} for more in (*focal, smooth, {"alpha": [0.1, 0.2, 0.3, 0.4, 0.5]})]
    grid("categoricalFocalCrossentropy", K.CategoricalFocalCrossentropy, **classes, outputs=[make_output] * 2,
         options=options)

for shape, axes in (((5, 7), (None, 1, 0)), ((2, 3, 4, 2), (None, [1, 2, 3], [0, 1, 2], -1))):
    for axis in axes:
        for name, make, options in (("dice", K.Dice, ({},)),
                                    ("tversky", K.Tversky, ({}, {"alpha": 0.25, "beta": 0.75}))):
            for more in options:
                given = {**more, "axis": tuple(axis) if isinstance(axis, list) else axis}
                config = {"name": name, **more, "axis": axis}
                with_keras(config, make(**given), bits, probability, shape)
                if axis in (None, 1):
                    with_keras(config, make(**given, reduction="sum"), bits, probability, shape)
                    store.cases[-1]["loss"] = {**config, "reduction": "sum"}


# ---- PyTorch ---------------------------------------------------------------------------------------------------------


def with_torch(config, run, make_target, make_output, shape):
    target, output = draw(make_target, shape, 1), draw(make_output, shape, 2)
    x = torch.tensor(output, requires_grad=True)
    value = run(x.movedim(-1, 1), torch.tensor(target))
    value.backward()
    record(config, target, output, None, value.item(), x.grad.numpy())


class_weight = [0.5, 1.0, 1.5, 2.0, 0.25]
tensor = torch.tensor(class_weight, dtype=torch.float64)
for shape in ((3, 5), (2, 3, 5)):
    for reduction, ours in (("mean", "meanWithSampleWeight"), ("sum", "sum")):
        for index in (-100, 2, 255):
            for weight in (None, tensor):
                for name, function, make, smoothings in (
                    ("negativeLogLikelihood", F.nll_loss, log_distribution, (None,)),
                    ("sparseCategoricalCrossentropy", F.cross_entropy, normal, (0, 0.125)),
                ):
                    for share in smoothings:
                        if share and weight is not None:
                            continue  # PyTorch weighs the smoothed part by its own classes
                        config = {"name": name, "reduction": ours, "ignoreIndex": index}
                        if name != "negativeLogLikelihood":
                            config |= {"fromLogits": True, "labelSmoothing": share}
                        if weight is not None:
                            config["classWeight"] = class_weight
                        more = {"label_smoothing": share} if share else {}

                        def run(x, y, function=function, more=more):
                            return function(x, y, weight=weight, ignore_index=index, reduction=reduction, **more)

                        with_torch(config, run, labels_with(index), make, shape)

versions = f"Keras {keras.__version__}, PyTorch {torch.__version__.split('+')[0]}"
store.write(TARGET, f"{versions}, float64, scripts/goldens/losses.py")
