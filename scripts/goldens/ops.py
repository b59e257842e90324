"""Golden values and gradients of ops, from PyTorch in double precision.

    pip install torch==2.13.0
    python scripts/goldens/ops.py            writes test/ops/goldens.safetensors

Every tensor has the layout of Ocellus (NHWC images, HWIO kernels); the permutations to PyTorch's layout are part of
what is differentiated, so gradients come out in our layout too. A case is a short program of our ops; its loss is the
sum of outputs times given weights.

The file holds two long tensors: `inputs`, a byte b for the number (b - 128) / 64 (labels: the byte itself), and
`results` in float32. Its metadata lists the cases with their shapes in the order in which they lie there: the inputs,
then the values, then a gradient for each differentiated input.
"""

import json
import struct
from pathlib import Path

import torch
import torch.nn.functional as F

TARGET = Path(__file__).resolve().parents[2] / "test" / "ops" / "goldens.safetensors"

inputs = []
results = []
cases = []


def quantized(data):
    """The nearest number that the file can hold."""
    return (data.double() * 64).round().clamp(-128, 127) / 64


def store_input(data):
    inputs.append(data.long() if data.dtype == torch.int64 else (data * 64 + 128).long())


def channels_first(x):
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def oihw(kernel):
    return kernel.permute(3, 2, 0, 1)


def padded(x, padding, value=0.0):
    """NCHW with rows and columns added: top, bottom, left, right."""
    top, bottom, left, right = padding
    return F.pad(x, (left, right, top, bottom), value=value)


class Case:
    """Leaves in, program and results out."""

    def __init__(self, name):
        self.name = name
        self.shapes = {}
        self.integers = []
        self.leaves = {}
        self.steps = []
        self.generator = torch.Generator().manual_seed(len(cases) + 1)

    def store(self, name, data):
        self.shapes[name] = list(data.shape)
        store_input(data)
        return data

    def given(self, name, data, grad=False):
        leaf = self.store(name, quantized(data))
        if grad:
            self.leaves[name] = leaf.requires_grad_()
        return leaf

    def leaf(self, name, *shape, grad=True, positive=False):
        """Normal values; `positive`: in [0.5, 1.5]."""
        draw = torch.rand if positive else torch.randn
        return self.given(name, draw(shape, generator=self.generator) + 0.5 * positive, grad)

    def distinct(self, name, *shape):
        """No value twice, so that there is one maximum. At most 256 of them."""
        size = torch.Size(shape).numel()
        assert size <= 256
        order = torch.randperm(size, generator=self.generator)
        return self.given(name, ((order - size // 2) / 64).reshape(shape), True)

    def labels(self, name, count, classes):
        self.integers.append(name)
        return self.store(name, torch.randint(classes, (count,), generator=self.generator))

    def step(self, op, inputs, outputs, **attrs):
        self.steps.append({"op": op, "inputs": inputs.split(), "outputs": outputs.split(), "attrs": attrs})

    def finish(self, values, weighted=None, tolerance=None):
        """Stores values by name, and gradients of the sum of `weighted` ones (default: all), each times a weight."""
        weighted = list(values) if weighted is None else weighted
        loss = 0.0
        for name in weighted:
            loss = loss + (values[name] * self.leaf(f"d{name}", *values[name].shape, grad=False)).sum()
        gradients = torch.autograd.grad(loss, list(self.leaves.values()))
        results.extend([*values.values(), *gradients])
        cases.append({
            "name": self.name,
            "inputs": self.shapes,
            "integers": self.integers,
            "steps": self.steps,
            "values": {name: list(value.shape) for name, value in values.items()},
            "weighted": weighted,
            "gradients": list(self.leaves),
            **({"tolerance": tolerance} if tolerance else {}),
        })


# ---- convolutions --------------------------------------------------------------------------------------------------


def conv2d(name, x, kernel, filters, strides=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1, bias=True,
           relu=False, tolerance=None):
    case = Case(name)
    image = case.leaf("x", *x)
    weight = case.leaf("weight", *kernel, x[3] // groups, filters)
    offset = case.leaf("bias", filters) if bias else None
    y = F.conv2d(padded(channels_first(image), padding), oihw(weight), offset, strides, 0, dilation, groups)
    attrs = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    case.step("conv2d", "x weight bias" if bias else "x weight", "z" if relu else "y", **attrs)
    if relu:
        case.step("relu", "z", "y")
        y = F.relu(y)
    case.finish({"y": channels_last(y)}, tolerance=tolerance)


conv2d("conv2d 3x3", (2, 6, 7, 3), (3, 3), 4)
conv2d("conv2d without bias", (2, 5, 6, 3), (2, 3), 5, bias=False)
conv2d("conv2d 1x1", (2, 4, 5, 7), (1, 1), 6)
conv2d("conv2d 1x1, strides", (1, 5, 7, 5), (1, 1), 3, strides=(2, 3))
conv2d("conv2d strides", (1, 9, 8, 3), (3, 3), 4, strides=(2, 3))
conv2d("conv2d padding", (1, 5, 6, 3), (3, 3), 4, padding=(1, 1, 1, 1))
conv2d("conv2d asymmetric padding", (1, 5, 6, 3), (4, 3), 4, padding=(1, 2, 0, 2))
conv2d("conv2d strides, asymmetric padding", (2, 7, 6, 2), (3, 4), 3, strides=(3, 2), padding=(0, 2, 2, 1))
conv2d("conv2d dilation", (1, 9, 8, 3), (3, 3), 2, dilation=(2, 3))
conv2d("conv2d dilation, asymmetric padding", (1, 6, 7, 2), (3, 2), 3, dilation=(2, 3), padding=(2, 1, 0, 3))
conv2d("conv2d groups", (2, 5, 5, 6), (3, 3), 4, groups=2)
conv2d("conv2d depthwise", (1, 6, 6, 4), (3, 3), 8, groups=4, padding=(1, 1, 1, 1))
conv2d("conv2d depthwise, strides", (1, 7, 8, 5), (3, 3), 5, groups=5, strides=(2, 2), padding=(0, 1, 1, 1))
conv2d("conv2d everything", (2, 9, 8, 6), (3, 2), 9, strides=(2, 1), padding=(2, 0, 1, 2), dilation=(1, 3), groups=3)
conv2d("conv2d with relu", (2, 5, 6, 3), (3, 3), 5, padding=(1, 1, 1, 1), relu=True)
WINOGRAD = 5e-5
conv2d("conv2d 3x3, many channels", (1, 7, 9, 16), (3, 3), 17, padding=(1, 1, 1, 1), relu=True, tolerance=WINOGRAD)
conv2d("conv2d 3x3, many channels, asymmetric", (2, 5, 6, 17), (3, 3), 16, padding=(2, 0, 0, 1), tolerance=WINOGRAD)
conv2d("conv2d 5x5, many channels", (1, 7, 6, 16), (5, 5), 16, padding=(2, 2, 2, 2), tolerance=WINOGRAD)


def conv2d_transpose(name, x, kernel, filters, strides=(1, 1), padding=(0, 0, 0, 0), output_padding=(0, 0),
                     dilation=(1, 1), groups=1, bias=True):
    case = Case(name)
    image = case.leaf("x", *x)
    weight = case.leaf("weight", *kernel, filters // groups, x[3])
    offset = case.leaf("bias", filters) if bias else None
    top, bottom, left, right = padding
    # PyTorch crops both sides by the same amount; the difference is cut off afterwards.
    symmetric = (min(top, bottom), min(left, right))
    options = (strides, symmetric, output_padding, groups, dilation)
    y = F.conv_transpose2d(channels_first(image), oihw(weight), offset, *options)
    height, width = y.shape[2:]
    y = y[:, :, top - symmetric[0]:height - (bottom - symmetric[0]), left - symmetric[1]:width - (right - symmetric[1])]
    attrs = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    case.step("conv2dTranspose", "x weight bias" if bias else "x weight", "y", outputSize=list(y.shape[2:]), **attrs)
    case.finish({"y": channels_last(y)})


conv2d_transpose("conv2dTranspose 3x3", (2, 4, 5, 3), (3, 3), 4)
conv2d_transpose("conv2dTranspose strides", (1, 4, 3, 3), (2, 3), 4, strides=(2, 3), bias=False)
conv2d_transpose("conv2dTranspose padding", (1, 4, 5, 4), (3, 3), 3, strides=(2, 2), padding=(1, 1, 1, 1))
conv2d_transpose("conv2dTranspose output padding", (1, 4, 3, 3), (3, 3), 2, strides=(2, 3), padding=(1, 1, 1, 1),
                 output_padding=(1, 2))
conv2d_transpose("conv2dTranspose asymmetric padding", (1, 4, 4, 3), (4, 3), 2, strides=(2, 2), padding=(0, 2, 1, 0))
conv2d_transpose("conv2dTranspose groups", (2, 3, 4, 6), (3, 3), 4, strides=(1, 2), groups=2)
conv2d_transpose("conv2dTranspose everything", (1, 4, 3, 4), (3, 2), 6, strides=(2, 3), padding=(1, 1, 1, 1),
                 output_padding=(1, 0), dilation=(2, 3), groups=2)

# ---- pooling -------------------------------------------------------------------------------------------------------


def ceil_rest(size, pool, stride, pad):
    """Cells that ceil_mode lets the last window reach beyond the padding."""
    reach = size + 2 * pad - pool
    count = -(-reach // stride) + 1
    if (count - 1) * stride >= size + pad:  # a window must start inside the image or the padding before it
        count -= 1
    return max(0, (count - 1) * stride - reach)


def pool2d(kind, name, x, pool, strides, pad=(0, 0), ceil_mode=False, count_include_pad=False):
    case = Case(f"{kind} {name}")
    rests = [ceil_rest(x[1 + axis], pool[axis], strides[axis], pad[axis]) if ceil_mode else 0 for axis in (0, 1)]
    attrs = {"poolSize": pool, "strides": strides, "padding": [pad[0], pad[0] + rests[0], pad[1], pad[1] + rests[1]]}
    if kind == "maxPool2d":
        image = case.distinct("x", *x)
        y = F.max_pool2d(channels_first(image), pool, strides, pad, ceil_mode=ceil_mode)
        case.step(kind, "x", "y indices", **attrs)
    else:
        image = case.leaf("x", *x)
        y = F.avg_pool2d(channels_first(image), pool, strides, pad, ceil_mode, count_include_pad)
        case.step(kind, "x", "y", countIncludePad=int(count_include_pad), **attrs)
    case.finish({"y": channels_last(y)})


for kind in ("maxPool2d", "averagePool2d"):
    pool2d(kind, "2x2", (2, 6, 8, 2), (2, 2), (2, 2))
    pool2d(kind, "rest left out", (1, 7, 5, 5), (2, 2), (2, 2))
    pool2d(kind, "overlapping", (1, 7, 9, 3), (3, 3), (2, 2))
    pool2d(kind, "overlapping, padded", (2, 5, 6, 3), (3, 3), (1, 2), (1, 1))
    pool2d(kind, "ceil mode", (1, 5, 8, 3), (2, 3), (2, 2), ceil_mode=True)
    pool2d(kind, "ceil mode, padded", (1, 6, 7, 2), (3, 3), (2, 3), (1, 1), ceil_mode=True)
pool2d("averagePool2d", "padding counts", (2, 5, 6, 3), (3, 3), (1, 2), (1, 1), count_include_pad=True)

# ---- dense, matmul -------------------------------------------------------------------------------------------------


def dense(name, rows, units_in, units, activation=None):
    case = Case(name)
    x, weight, bias = case.leaf("x", rows, units_in), case.leaf("weight", units_in, units), case.leaf("bias", units)
    y = F.linear(x, weight.t(), bias)
    case.step("dense", "x weight bias", "z" if activation else "y")
    if activation:
        case.step(activation, "z", "y")
        y = getattr(torch, activation)(y)
    case.finish({"y": y})


dense("dense", 5, 7, 11)
dense("dense with tanh", 3, 17, 4, "tanh")
dense("dense with sigmoid", 4, 3, 19, "sigmoid")


def matmul(name, transpose_a, transpose_b):
    case = Case(name)
    a = case.leaf("a", *((7, 5) if transpose_a else (5, 7)))
    b = case.leaf("b", *((6, 7) if transpose_b else (7, 6)))
    case.step("matmul", "a b", "y", transposeA=int(transpose_a), transposeB=int(transpose_b))
    case.finish({"y": (a.t() if transpose_a else a) @ (b.t() if transpose_b else b)})


matmul("matmul", False, False)
matmul("matmul, both transposed", True, True)

# ---- batch normalization -------------------------------------------------------------------------------------------


def batch_norm(name, shape, epsilon, relu=False):
    case = Case(name)
    channels = shape[-1]
    x, gamma, beta = case.leaf("x", *shape), case.leaf("gamma", channels, positive=True), case.leaf("beta", channels)
    mean = case.leaf("runningMean", channels, grad=False)
    variance = case.leaf("runningVariance", channels, grad=False, positive=True)
    new_mean, new_variance = mean.clone(), variance.clone()
    y = F.batch_norm(x.reshape(-1, channels), new_mean, new_variance, gamma, beta, True, 0.25, epsilon).reshape(shape)
    count = x.numel() // channels
    case.step("batchNorm", "x gamma beta", "z mean variance" if relu else "y mean variance", epsilon=epsilon)
    if relu:
        case.step("relu", "z", "y")
        y = F.relu(y)
    case.step("updateAverage", "runningMean mean", "newMean", momentum=0.75, correction=1)
    case.step("updateAverage", "runningVariance variance", "newVariance", momentum=0.75, correction=count / (count - 1))
    case.finish({"y": y, "newMean": new_mean, "newVariance": new_variance}, weighted=["y"])


batch_norm("batchNorm images", (2, 3, 5, 7), 1e-3)
batch_norm("batchNorm rows", (11, 5), 1e-5)
batch_norm("batchNorm with relu", (2, 4, 4, 3), 1e-3, relu=True)


def batch_norm_inference(name, shape, epsilon):
    case = Case(name)
    channels = shape[-1]
    x, gamma, beta = case.leaf("x", *shape), case.leaf("gamma", channels, positive=True), case.leaf("beta", channels)
    mean = case.leaf("mean", channels, grad=False)
    variance = case.leaf("variance", channels, grad=False, positive=True)
    y = F.batch_norm(x.reshape(-1, channels), mean, variance, gamma, beta, False, 0.0, epsilon).reshape(shape)
    case.step("batchNormInference", "x gamma beta mean variance", "y", epsilon=epsilon)
    case.finish({"y": y})


batch_norm_inference("batchNormInference", (2, 3, 4, 5), 1e-3)

# ---- activations, softmax, losses ----------------------------------------------------------------------------------


def pointwise(name, function, op, shape, **attrs):
    case = Case(name)
    x = case.leaf("x", *shape)
    case.step(op, "x", "y", **attrs)
    case.finish({"y": function(x)})


pointwise("relu", F.relu, "relu", (7, 13))
pointwise("leakyRelu", lambda x: F.leaky_relu(x, 0.25), "leakyRelu", (7, 13), alpha=0.25)
pointwise("sigmoid", torch.sigmoid, "sigmoid", (7, 13))
pointwise("tanh", torch.tanh, "tanh", (7, 13))
pointwise("exp", torch.exp, "exp", (7, 13))
pointwise("softmax", lambda x: F.softmax(x, -1), "softmax", (2, 3, 11))
pointwise("logSoftmax", lambda x: F.log_softmax(x, -1), "logSoftmax", (2, 3, 11))
pointwise("softmax, large values", lambda x: F.softmax(16 * x, -1), "softmax", (5, 7))
cases[-1]["steps"].insert(0, {"op": "rescale", "inputs": ["x"], "outputs": ["z"], "attrs": {"scale": 16, "offset": 0}})
cases[-1]["steps"][1]["inputs"] = ["z"]


def cross_entropy(name, rows, classes, sparse):
    case = Case(name)
    logits = case.leaf("logits", rows, classes)
    if sparse:
        labels = case.labels("labels", rows, classes)
    else:
        # Rounded as the file rounds them, so rows sum to about 1: the gradient must take the sum into account.
        labels = case.given("labels", torch.softmax(torch.randn(rows, classes, generator=case.generator), -1))
    case.step("sparseSoftmaxCrossEntropy" if sparse else "softmaxCrossEntropy", "logits labels", "y probabilities")
    loss = F.cross_entropy(logits, labels, reduction="none")
    case.finish({"y": loss, "probabilities": F.softmax(logits, -1)}, weighted=["y"])


cross_entropy("cross-entropy, sparse", 7, 10, True)
cross_entropy("cross-entropy, probabilities", 5, 11, False)


def binary_cross_entropy():
    case = Case("binary cross-entropy")
    logits = case.leaf("logits", 9, 5)
    labels = case.given("labels", torch.rand(9, 5, generator=case.generator))
    case.step("sigmoidCrossEntropy", "logits labels", "y")
    case.finish({"y": F.binary_cross_entropy_with_logits(logits, labels, reduction="none")})


binary_cross_entropy()

# ---- the file ------------------------------------------------------------------------------------------------------


def write(path):
    input_bytes = bytes(torch.cat([data.flatten() for data in inputs]).tolist())
    values = torch.cat([data.detach().flatten() for data in results]).tolist()
    result_bytes = struct.pack(f"<{len(values)}f", *values)
    end = len(result_bytes) + len(input_bytes)
    header = {
        "__metadata__": {
            "source": f"PyTorch {torch.__version__.split('+')[0]}, float64, scripts/goldens/ops.py",
            "cases": json.dumps(cases, separators=(",", ":")),
        },
        "results": {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, len(result_bytes)]},
        "inputs": {"dtype": "U8", "shape": [len(input_bytes)], "data_offsets": [len(result_bytes), end]},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + result_bytes + input_bytes)
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")


write(TARGET)
