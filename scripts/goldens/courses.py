"""Ten training steps of five small networks, from PyTorch in double precision.

    pip install torch==2.13.0 numpy
    python scripts/goldens/courses.py        writes test/train/courses.safetensors

Networks, optimizers and losses stand in test/train/courses.test.ts under the same names; here weights have our layout
(kernels [window, inputs, filters], channels last) and are turned where PyTorch wants them. Tensors: `<net>/x0`, … and
`<net>/y0`, … with 40 samples, `<net>/first/<path>` and `<net>/last/<path>` with the weights, and the loss of each step
under `<net>/losses`. Everything is made from numbers that float32 can hold.
"""

import json
import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

TARGET = Path(__file__).resolve().parents[2] / "test" / "train" / "courses.safetensors"
STEPS, BATCH = 10, 4
torch.set_default_dtype(torch.float64)
tensors = {}
rng = np.random.default_rng(21)


def normal(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


class Net:
    """Weights by path, made when first asked for."""

    def __init__(self):
        self.weights, self.statistics = {}, {}

    def weight(self, path, shape, start=None):
        if path not in self.weights:
            fan = int(np.prod(shape[:-1])) or 1
            values = normal(*shape, scale=fan**-0.5) if start is None else start + normal(*shape, scale=0.1)
            self.weights[path] = torch.tensor(values.astype(np.float32), dtype=torch.float64, requires_grad=True)
        return self.weights[path]

    def dense(self, name, x, units):
        return x @ self.weight(f"{name}/kernel", [x.shape[-1], units]) + self.weight(f"{name}/bias", [units], 0)

    def conv(self, name, x, filters, size, stride=1, padding=0, dilation=1, bias=True):
        """x has channels first. `padding`: on all sides, or (before, after) for signals."""
        rank = x.ndim - 2
        kernel = self.weight(f"{name}/kernel", [*([size] * rank), x.shape[1], filters])
        if isinstance(padding, tuple):
            x, padding = F.pad(x, padding), 0
        turned = kernel.permute(rank + 1, rank, *range(rank))
        function = [F.conv1d, F.conv2d, F.conv3d][rank - 1]
        b = self.weight(f"{name}/bias", [filters], 0) if bias else None
        return function(x, turned, b, stride, padding, dilation)

    def transposed(self, name, x, filters, size, stride):
        """As Keras has it, the kernel is [window, filters, inputs]."""
        kernel = self.weight(f"{name}/kernel", [size, size, filters, x.shape[1]])
        return F.conv_transpose2d(x, kernel.permute(3, 2, 0, 1), self.weight(f"{name}/bias", [filters], 0), stride)

    def norm(self, name, x, momentum=0.9, epsilon=1e-3):
        channels = x.shape[1]
        gamma, beta = self.weight(f"{name}/gamma", [channels], 1), self.weight(f"{name}/beta", [channels], 0)
        axes = [axis for axis in range(x.ndim) if axis != 1]
        for kind, value in [("movingMean", x.mean(axes)), ("movingVariance", x.var(axes, unbiased=False))]:
            start = torch.zeros(channels) if kind == "movingMean" else torch.ones(channels)
            before = self.statistics.get(f"{name}/{kind}", start)
            self.statistics[f"{name}/{kind}"] = momentum * before + (1 - momentum) * value.detach()
        return F.batch_norm(x, None, None, gamma, beta, True, 0, epsilon)


def first(x):
    return x.movedim(-1, 1)


def two_inputs(net, image, vector):
    features = torch.relu(net.conv("conv", first(image), 4, 3, padding=1)).mean((2, 3))
    hidden = torch.tanh(net.dense("hidden", torch.cat([features, vector], 1), 6))
    return net.dense("kind", hidden, 3), net.dense("size", hidden, 1)


def residual(net, image):
    x = torch.relu(net.norm("stem/norm", net.conv("stem/conv", first(image), 4, 3, padding=1, bias=False)))
    y = torch.relu(net.norm("norm1", net.conv("conv1", x, 8, 3, stride=2, padding=1, bias=False)))
    y = net.norm("norm2", net.conv("conv2", y, 8, 3, padding=1, bias=False))
    shortcut = net.norm("norm3", net.conv("conv3", x, 8, 1, stride=2, bias=False))
    return net.dense("out", torch.relu(y + shortcut).mean((2, 3)), 3)


def signal(net, x):
    y = F.elu(net.conv("causal", first(x), 6, 3, padding=(4, 0), dilation=2))
    y = F.max_pool1d(y, 3, 2)
    depthwise = net.weight("separable/depthwiseKernel", [3, 6, 2])
    y = F.conv1d(y, depthwise.permute(1, 2, 0).reshape(12, 1, 3), groups=6)
    y = torch.einsum("bct,cf->btf", y, net.weight("separable/pointwiseKernel", [1, 12, 5])[0])
    y = F.silu(y + net.weight("separable/bias", [5], 0))
    return net.dense("out", y.mean(1), 1)


def volume(net, x):
    y = torch.tanh(net.conv("conv1", first(x), 4, 3, padding=1))
    y = F.avg_pool3d(y, 2)
    y = F.softplus(net.conv("conv2", y, 3, 2, stride=1))
    return net.dense("out", y.movedim(1, -1).flatten(1), 2)


def unet(net, image):
    down = torch.relu(net.conv("down", first(image), 4, 3, padding=1))
    middle = torch.relu(net.conv("middle", F.max_pool2d(down, 2), 8, 3, padding=1))
    up = torch.cat([down, net.transposed("up", middle, 4, 2, 2)], 1)
    return net.conv("out", torch.relu(net.conv("merge", up, 4, 3, padding=1)), 1, 1).movedim(1, -1)


def crossentropy(logits, labels):
    return F.cross_entropy(logits, labels.long())


def course(name, function, inputs, targets, losses, optimizer):
    net = Net()
    x = [torch.tensor(array, dtype=torch.float64) for array in inputs]
    y = [torch.tensor(array, dtype=torch.float64) for array in targets]
    function(net, *[array[:BATCH] for array in x])
    net.statistics = {}
    for path, value in net.weights.items():
        tensors[f"{name}/first/{path}"] = value.detach().numpy().astype(np.float32)
    descent = optimizer(list(net.weights.values()))
    found = []
    for step in range(STEPS):
        part = slice(step * BATCH, (step + 1) * BATCH)
        outputs = function(net, *[array[part] for array in x])
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        total = sum(weight * loss(output, target[part]) for (weight, loss), output, target in zip(losses, outputs, y))
        descent.zero_grad()
        total.backward()
        descent.step()
        found.append(total.item())
    for path, value in [*net.weights.items(), *net.statistics.items()]:
        tensors[f"{name}/last/{path}"] = value.detach().numpy().astype(np.float32)
    for kind, arrays in [("x", inputs), ("y", targets)]:
        for i, array in enumerate(arrays):
            tensors[f"{name}/{kind}{i}"] = array
    tensors[f"{name}/losses"] = np.array(found)


def labels(classes):
    return rng.integers(0, classes, STEPS * BATCH).astype(np.int32)


COUNT = STEPS * BATCH
course(
    "twoInputs", two_inputs, [normal(COUNT, 7, 6, 2), normal(COUNT, 3)], [labels(3), normal(COUNT, 1)],
    [(1.0, crossentropy), (0.5, F.mse_loss)], lambda w: torch.optim.SGD(w, 0.1, momentum=0.9, nesterov=True),
)
course("residual", residual, [normal(COUNT, 8, 8, 3)], [labels(3)], [(1.0, crossentropy)], lambda w: torch.optim.SGD(w, 0.05, momentum=0.9))
course(
    "signal", signal, [normal(COUNT, 19, 3)], [labels(2).reshape(-1, 1).astype(np.float32)],
    [(1.0, F.binary_cross_entropy_with_logits)], lambda w: torch.optim.Adam(w, 0.01, eps=1e-12),
)
course("volume", volume, [normal(COUNT, 4, 6, 5, 2)], [normal(COUNT, 2)], [(1.0, F.huber_loss)], lambda w: torch.optim.RMSprop(w, 0.003, alpha=0.9, eps=1e-12))
course(
    "unet", unet, [normal(COUNT, 8, 8, 1)], [(normal(COUNT, 8, 8, 1) > 0).astype(np.float32)],
    [(1.0, F.binary_cross_entropy_with_logits)], lambda w: torch.optim.SGD(w, 0.2, momentum=0.8),
)

names = {np.dtype(np.float32): "F32", np.dtype(np.float64): "F64", np.dtype(np.int32): "I32"}
header, blobs, at = {"__metadata__": {"source": f"PyTorch {torch.__version__}, float64"}}, [], 0
for name, array in sorted(tensors.items(), key=lambda item: -item[1].itemsize):
    header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
    blobs.append(np.ascontiguousarray(array).tobytes())
    at += array.nbytes
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
TARGET.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
print(f"{TARGET.name}: {TARGET.stat().st_size} bytes", {n: t.tolist() for n, t in tensors.items() if n.endswith("losses")})
