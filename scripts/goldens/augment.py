"""Golden pictures of augmentation steps at given factors, from Keras's preprocessing layers in float32.

    pip install keras==3.15.1 jax==0.10.2
    python scripts/goldens/augment.py        writes test/data/augment/keras.safetensors

A case is one of our steps with its options, which leave nothing to chance, and what Keras makes of the same picture.
"""

import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import keras  # noqa: E402
import numpy as np  # noqa: E402
from store import Store  # noqa: E402

TARGET = Path(__file__).resolve().parents[2] / "test" / "data" / "augment" / "keras.safetensors"
layers = keras.layers
store = Store()
random = np.random.default_rng(5)


def picture(height, width, channels):
    return random.integers(0, 256, (height, width, channels)).astype(np.float32)


rgb, tall, grey, soft = picture(7, 11, 3), picture(13, 5, 3), picture(6, 6, 1), picture(8, 9, 3)
soft[:] = np.round(100 + soft / 8)


def case(step, options, image, expected, margin=0):
    """`margin`: pixels at the border where Keras pads with zeros and we do not."""
    at = store.input(image)
    store.result(expected)
    store.cases.append({"step": step, "options": options, "input": at, "margin": margin})


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def drawn(step, layer, image, margin=0, **options):
    """A layer whose factors are the same at both ends."""
    ours = {camel(k): (list(v) if isinstance(v, tuple) else v) for k, v in options.items()}
    result = layer(**options)(image[None], training=True)[0]
    case(step, ours, image, np.asarray(result), margin)


def told(step, options, image, layer, transformation, margin=0):
    result = layer.transform_images(image[None], transformation, training=True)[0]
    case(step, options, image, np.asarray(result), margin)


for mode in ["reflect", "wrap", "nearest", "constant"]:
    fill = {"fill_mode": mode, "fill_value": 17.0}
    for interpolation in ["nearest", "bilinear"]:
        both = {**fill, "interpolation": interpolation}
        for image in [rgb, tall]:
            drawn("randomRotation", layers.RandomRotation, image, factor=(0.07, 0.07), **both)
            drawn(
                "randomTranslation",
                layers.RandomTranslation,
                image,
                height_factor=(0.23, 0.23),
                width_factor=(-0.31, -0.31),
                **both,
            )
            drawn("randomZoom", layers.RandomZoom, image, height_factor=(0.37, 0.37), width_factor=(-0.21, -0.21), **both)
    drawn("randomRotation", layers.RandomRotation, grey, factor=(-0.4, -0.4), **fill)
drawn("randomZoom", layers.RandomZoom, rgb, height_factor=(-0.33, -0.33))
drawn("randomTranslation", layers.RandomTranslation, rgb, height_factor=(1.0, 1.0), width_factor=(1.0, 1.0))

for image in [rgb, tall, grey]:
    for factor in [-0.4, 0.25]:
        drawn("randomBrightness", layers.RandomBrightness, image, factor=(factor, factor))
    for factor in [0.3, 1.6]:
        layer = layers.RandomContrast(factor=0.5)
        told("contrast", {"factor": factor}, image, layer, {"contrast_factor": np.float32(factor)})
    inverted = layers.RandomInvert(factor=(1.0, 1.0))(image[None], training=True)[0]
    case("randomInvert", {}, image, np.asarray(inverted))
    drawn("equalization", layers.Equalization, image)
    drawn("autoContrast", layers.AutoContrast, image)
    for bits in [1, 3, 8]:
        drawn("randomPosterization", layers.RandomPosterization, image, factor=(bits, bits))
    told(
        "solarization",
        {"additionFactor": [0.2, 0.2], "thresholdFactor": [0.5, 0.5]},
        image,
        layers.Solarization(),
        {"additions": np.float32(51), "thresholds": np.float32(127.5)},
    )
    for factor in [0.1, 0.9]:
        drawn("randomSharpness", layers.RandomSharpness, image, 1, factor=(factor, factor))
    # Keras names the width first.
    told(
        "randomGaussianBlur",
        {"kernelSize": [5, 3], "sigma": [0.8, 0.8]},
        image,
        layers.RandomGaussianBlur(kernel_size=(3, 5)),
        {"should_apply_blur": np.array([True]), "blur_factor": np.array([0.8, 0.8], np.float32)},
        2,
    )
drawn("equalization", layers.Equalization, soft)
drawn("autoContrast", layers.AutoContrast, soft)
for image in [rgb, soft]:
    for factor in [0.0, 0.2, 0.5]:
        drawn("randomSaturation", layers.RandomSaturation, image, factor=(factor, factor))
    for factor in [0.0, 0.35, 1.0]:
        drawn("randomColorDegeneration", layers.RandomColorDegeneration, image, factor=(factor, factor))
    for share in [-0.4, 0.1, 0.5]:
        told("hue", {"share": share}, image, layers.RandomHue(factor=0.5), {"factor": np.array([share], np.float32)})

store.write(TARGET, f"Keras {keras.__version__}")
