"""Golden courses of optimizers and schedules, from Keras 3 and PyTorch in double precision.

    pip install keras jax torch
    KERAS_BACKEND=jax JAX_ENABLE_X64=1 python scripts/goldens/optimizers.py     writes test/nn/optimizers.safetensors

Ten steps along given gradients for the weights of a small network: a convolution (kernel, bias) and a dense layer
(kernel, bias). The file holds `start`, `gradients` (step by step) and `courses` (run by run, step by step), each with
the weights in that order, in float32; its metadata lists the runs and schedules by our options. Everything was made
from numbers that float32 can hold.
"""

import json
import math
import re
import struct
from pathlib import Path

import jax
import keras
import numpy as np
import torch

jax.config.update("jax_enable_x64", True)
keras.config.set_floatx("float64")

TARGET = Path(__file__).resolve().parents[2] / "test" / "nn" / "optimizers.safetensors"
SHAPES = {"conv/kernel": [2, 2, 2, 3], "conv/bias": [3], "fc/kernel": [3, 5], "fc/bias": [5]}
STEPS = 10

source = np.random.default_rng(7)
START = [source.normal(size=shape).astype(np.float32) for shape in SHAPES.values()]
# Sizes that differ from parameter to parameter and from step to step: clipping has work, but not always.
GRADIENTS = [
    [(source.normal(size=shape) * size * (1 + step % 3)).astype(np.float32) for shape, size in zip(SHAPES.values(), [1, 0.1, 0.3, 2])]
    for step in range(STEPS)
]

runs = []
courses = []
schedules = []


def record(witness, options, course):
    label = ", ".join(f"{key} {value}" for key, value in options.items() if key != "name")
    runs.append({"name": f"{options['name']} ({label or 'defaults'}), {witness}", "optimizer": options})
    courses.extend(weight.ravel() for step in course for weight in step)


# ---- Keras ---------------------------------------------------------------------------------------------------------

CLASSES = {
    "sgd": "SGD", "rmsprop": "RMSprop", "adagrad": "Adagrad", "adadelta": "Adadelta", "adam": "Adam", "adamW": "AdamW",
    "adamax": "Adamax", "nadam": "Nadam", "lion": "Lion", "lamb": "Lamb", "adafactor": "Adafactor",
    "exponentialDecay": "ExponentialDecay", "inverseTimeDecay": "InverseTimeDecay", "polynomialDecay": "PolynomialDecay",
    "cosineDecay": "CosineDecay", "cosineDecayRestarts": "CosineDecayRestarts",
    "piecewiseConstant": "PiecewiseConstantDecay",
}
KERAS_NAMES = {"clipNorm": "clipnorm", "clipValue": "clipvalue", "globalClipNorm": "global_clipnorm"}


def keras_arguments(options):
    snake = lambda name: re.sub(r"([A-Z]|\d)", lambda letter: "_" + letter[0].lower(), name)
    return {KERAS_NAMES.get(name, snake(name)): value for name, value in options.items() if name != "name"}


def keras_schedule(options):
    return getattr(keras.optimizers.schedules, CLASSES[options["name"]])(**keras_arguments(options))


def keras_optimizer(options):
    own = {**options}
    excluded = own.pop("excludeFromWeightDecay", None)
    if isinstance(own.get("learningRate"), dict):
        own["learningRate"] = keras_schedule(own["learningRate"])
    optimizer = getattr(keras.optimizers, CLASSES[own["name"]])(**keras_arguments(own))
    if excluded:
        optimizer.exclude_from_weight_decay(var_names=excluded)
    return optimizer


def keras_course(parts, indices):
    """Weights after each step; `parts` are optimizers, each for the parameters of its list of indices."""
    variables = [keras.Variable(w.astype(np.float64), name=path.replace("/", "_")) for w, path in zip(START, SHAPES)]
    course = []
    for gradients in GRADIENTS:
        for optimizer, own in zip(parts, indices):
            optimizer.apply([keras.ops.convert_to_tensor(gradients[i].astype(np.float64)) for i in own], [variables[i] for i in own])
        course.append([np.array(variable.value) for variable in variables])
    return course


def by_keras(name, **options):
    options = {"name": name, **options}
    record("Keras", options, keras_course([keras_optimizer(options)], [[0, 1, 2, 3]]))


def in_groups(name, groups, **options):
    """`groups`: what our optimizer is given, and for each parameter the options it has then."""
    given, own = groups
    parts = [keras_optimizer({"name": name, **options, **extra}) for extra in own]
    record("Keras", {"name": name, **options, "parameterGroups": given}, keras_course(parts, [[i] for i in range(4)]))


by_keras("sgd")
by_keras("sgd", learningRate=0.125, weightDecay=0.25)
by_keras("sgd", learningRate=0.125, momentum=0.875)
by_keras("sgd", learningRate=0.125, momentum=0.75, nesterov=True, weightDecay=0.0625)
by_keras("sgd", momentum=0.5, learningRate={"name": "exponentialDecay", "initialLearningRate": 0.25, "decaySteps": 3, "decayRate": 0.5})
by_keras("rmsprop")
by_keras("rmsprop", learningRate=0.02, rho=0.75, epsilon=0.001)
by_keras("rmsprop", learningRate=0.02, momentum=0.5)
by_keras("rmsprop", learningRate=0.02, centered=True)
by_keras("rmsprop", learningRate=0.02, centered=True, momentum=0.875, weightDecay=0.1)
by_keras("adagrad")
by_keras("adagrad", learningRate=0.5, initialAccumulatorValue=0.0, epsilon=0.01, weightDecay=0.1)
by_keras("adadelta")
by_keras("adadelta", learningRate=1.0, rho=0.75, epsilon=0.001, weightDecay=0.1)
by_keras("adam")
by_keras("adam", learningRate=0.05, beta1=0.75, beta2=0.96, epsilon=0.01, weightDecay=0.25)
by_keras("adam", learningRate=0.05, amsgrad=True, beta2=0.5)
by_keras("adamW", learningRate=0.05)
by_keras("adamW", learningRate=0.05, weightDecay=0.25, excludeFromWeightDecay=["bias"])
by_keras("adamax")
by_keras("adamax", learningRate=0.05, beta1=0.5, beta2=0.75, epsilon=0.01, weightDecay=0.1)
by_keras("nadam")
by_keras("nadam", learningRate=0.05, beta1=0.5, beta2=0.75, epsilon=0.01, weightDecay=0.1)
by_keras("lion")
by_keras("lion", learningRate=0.05, beta1=0.5, beta2=0.75, weightDecay=0.1)
by_keras("lamb")
by_keras("lamb", learningRate=0.05, beta1=0.5, beta2=0.75, epsilon=0.01, weightDecay=0.5)
by_keras("lamb", learningRate=0.05, weightDecay=0.5, excludeFromWeightDecay=["bias", "conv"])
by_keras("adafactor")
by_keras("adafactor", learningRate=0.05, beta2Decay=-0.5, epsilon1=0.001, epsilon2=0.5, clipThreshold=0.5, weightDecay=0.5)
by_keras("adafactor", learningRate=0.5, weightDecay=0.5, excludeFromWeightDecay=["fc"], relativeStep=False)
for name in ["sgd", "adam", "lamb", "adafactor", "rmsprop"]:
    by_keras(name, learningRate=0.05, clipValue=0.25)
    by_keras(name, learningRate=0.05, clipNorm=0.75)
    by_keras(name, learningRate=0.05, globalClipNorm=2.5)
for name in ["sgd", "adamW", "lamb", "adafactor", "nadam"]:
    by_keras(name, learningRate=0.05, useEma=True, emaMomentum=0.75, emaOverwriteFrequency=3)
    by_keras(name, learningRate=0.05, gradientAccumulationSteps=3)
by_keras("adam", learningRate=0.05, gradientAccumulationSteps=2, useEma=True, emaMomentum=0.5, emaOverwriteFrequency=2, clipNorm=0.75, weightDecay=0.25)
by_keras("sgd", momentum=0.5, gradientAccumulationSteps=4, globalClipNorm=0.5, learningRate={"name": "cosineDecay", "initialLearningRate": 0.5, "decaySteps": 9})
groups = (
    [{"match": "^conv", "learningRateMultiplier": 0.25}, {"match": "bias", "weightDecay": 0}],
    [{"learningRate": 0.0125}, {"learningRate": 0.0125}, {}, {"weightDecay": 0.0}],
)
for name in ["sgd", "adam", "adafactor", "lamb"]:
    in_groups(name, groups, learningRate=0.05, weightDecay=0.5)
in_groups("rmsprop", groups, learningRate=0.05, weightDecay=0.5, clipNorm=0.75)


# ---- PyTorch -------------------------------------------------------------------------------------------------------


def by_torch(make, name, **options):
    parameters = [torch.nn.Parameter(torch.tensor(w.astype(np.float64))) for w in START]
    optimizer = make(parameters)
    course = []
    for gradients in GRADIENTS:
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = torch.tensor(gradient.astype(np.float64))
        optimizer.step()
        course.append([parameter.detach().numpy().copy() for parameter in parameters])
    record("PyTorch", {"name": name, **options}, course)


# An epsilon of 0 stands in the same place for both.
optim, l2 = torch.optim, {"decoupledWeightDecay": False}
by_torch(lambda p: optim.SGD(p, 0.125, momentum=0.75, nesterov=True, weight_decay=0.25), "sgd", learningRate=0.125, momentum=0.75, nesterov=True, weightDecay=0.25, **l2)
by_torch(lambda p: optim.SGD(p, 0.125, weight_decay=0.25), "sgd", learningRate=0.125, weightDecay=0.25, **l2)
by_torch(lambda p: optim.Adam(p, 0.05, (0.75, 0.96), 0, weight_decay=0.25), "adam", learningRate=0.05, beta1=0.75, beta2=0.96, epsilon=0, weightDecay=0.25, **l2)
by_torch(lambda p: optim.Adam(p, 0.05, (0.9, 0.5), 0, amsgrad=True), "adam", learningRate=0.05, beta2=0.5, epsilon=0, amsgrad=True)
by_torch(lambda p: optim.AdamW(p, 0.05, eps=0, weight_decay=0.25), "adamW", learningRate=0.05, epsilon=0, weightDecay=0.25)
by_torch(lambda p: optim.NAdam(p, 0.05, eps=0, momentum_decay=1, weight_decay=0.25), "nadam", learningRate=0.05, epsilon=0, weightDecay=0.25, **l2)
by_torch(lambda p: optim.Adamax(p, 0.05, eps=0, weight_decay=0.25), "adamax", learningRate=0.05, epsilon=0, weightDecay=0.25, **l2)
by_torch(lambda p: optim.RMSprop(p, 0.05, 0.75, 0, 0.25, 0.5, True), "rmsprop", learningRate=0.05, rho=0.75, epsilon=0, weightDecay=0.25, momentum=0.5, centered=True, **l2)
by_torch(lambda p: optim.Adagrad(p, 0.5, weight_decay=0.25, initial_accumulator_value=0.5, eps=0), "adagrad", learningRate=0.5, weightDecay=0.25, initialAccumulatorValue=0.5, epsilon=0, **l2)
by_torch(lambda p: optim.Adadelta(p, 1.0, 0.75, 0.001, 0.25), "adadelta", learningRate=1.0, rho=0.75, epsilon=0.001, weightDecay=0.25, **l2)
by_torch(lambda p: optim.SGD([{"params": p[:2], "lr": 0.03125}, {"params": p[2:]}], 0.125, momentum=0.5), "sgd", learningRate=0.125, momentum=0.5, parameterGroups=[{"match": "conv", "learningRateMultiplier": 0.25}])


# ---- schedules -----------------------------------------------------------------------------------------------------

AT = [*range(0, 34), 40, 41, 57, 63, 70, 99, 100, 101, 123, 200, 999, 1000, 5000]


def schedule(name, **options):
    options = {"name": name, **options}
    course = keras_schedule(options)
    # jnp.int64 steps, as the counter of a training
    schedules.append({"schedule": options, "at": AT, "rates": [float(course(np.int64(step))) for step in AT]})


def torch_schedule(make, steps, name, **options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], options.get("initialLearningRate", 1.0))
    course = make(optimizer)
    rates = []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < steps:
            course.step()
    schedules.append({"schedule": {"name": name, **options}, "at": list(range(steps)), "rates": rates})


for staircase in [False, True]:
    schedule("exponentialDecay", initialLearningRate=0.1, decaySteps=7, decayRate=0.9, staircase=staircase)
    schedule("inverseTimeDecay", initialLearningRate=0.1, decaySteps=7, decayRate=0.5, staircase=staircase)
for power in [1.0, 0.5, 2.0]:
    for cycle in [False, True]:
        schedule("polynomialDecay", initialLearningRate=0.1, decaySteps=13, power=power, cycle=cycle)
schedule("polynomialDecay", initialLearningRate=0.1, decaySteps=100, endLearningRate=0.02)
schedule("piecewiseConstant", boundaries=[10, 20, 100], values=[1.0, 0.5, 0.25, 0.125])
schedule("cosineDecay", initialLearningRate=0.1, decaySteps=100)
schedule("cosineDecay", initialLearningRate=0.1, decaySteps=31, alpha=0.25)
schedule("cosineDecay", initialLearningRate=0.01, decaySteps=50, warmupTarget=0.5, warmupSteps=11)
schedule("cosineDecay", initialLearningRate=0.0, decaySteps=50, warmupTarget=0.5, warmupSteps=1, alpha=0.1)
schedule("cosineDecayRestarts", initialLearningRate=0.1, firstDecaySteps=11)
schedule("cosineDecayRestarts", initialLearningRate=0.1, firstDecaySteps=11, tMul=1.0, mMul=0.75)
schedule("cosineDecayRestarts", initialLearningRate=0.1, firstDecaySteps=11, tMul=1.5, mMul=0.75, alpha=0.125)
schedulers = torch.optim.lr_scheduler
torch_schedule(lambda o: schedulers.OneCycleLR(o, 0.5, 41), 41, "oneCycle", maxLearningRate=0.5, totalSteps=41)
torch_schedule(lambda o: schedulers.OneCycleLR(o, 0.5, 40, pct_start=0.4, anneal_strategy="linear", div_factor=10, final_div_factor=100), 40, "oneCycle", maxLearningRate=0.5, totalSteps=40, pctStart=0.4, annealStrategy="linear", divFactor=10, finalDivFactor=100)
torch_schedule(lambda o: schedulers.OneCycleLR(o, 0.5, 50, pct_start=0.25, three_phase=True), 50, "oneCycle", maxLearningRate=0.5, totalSteps=50, pctStart=0.25, threePhase=True)
torch_schedule(lambda o: schedulers.StepLR(o, 7, 0.5), 40, "step", initialLearningRate=0.1, stepSize=7, gamma=0.5)
torch_schedule(lambda o: schedulers.StepLR(o, 10), 40, "step", initialLearningRate=0.1, stepSize=10)


def write(path, tensors, metadata):
    header, offset, parts = {"__metadata__": metadata}, 0, []
    for name, values in tensors.items():
        data = np.concatenate([np.asarray(value, dtype=np.float32).ravel() for value in values])
        header[name] = {"dtype": "F32", "shape": [data.size], "data_offsets": [offset, offset + data.nbytes]}
        parts.append(data.tobytes())
        offset += data.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


assert all(math.isfinite(value) for course in courses for value in course.ravel())
compact = lambda value: json.dumps(value, separators=(",", ":"))
write(
    TARGET,
    {"start": START, "gradients": [w for step in GRADIENTS for w in step], "courses": courses},
    {"steps": str(STEPS), "shapes": compact(SHAPES), "runs": compact(runs), "schedules": compact(schedules)},
)
print(f"{TARGET.name}: {len(runs)} runs, {len(schedules)} schedules, {TARGET.stat().st_size} bytes")
