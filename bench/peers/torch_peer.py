"""PyTorch as a peer: times training steps or predictions of one network in this process.

The task is one JSON object in argv[1], the result one line of JSON. The networks are written out here, so that nothing
but torch is needed; structure and sizes as in bench/nets (torchvision's where it has the network).
"""

import json
import resource
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as error:
    sys.exit(f"no torch in {sys.executable}: {error}")


def conv_relu(i, o, k, padding=0, stride=1):
    return [nn.Conv2d(i, o, k, stride, padding), nn.ReLU(inplace=True)]


def linear_relu(i, o):
    return [nn.Linear(i, o), nn.ReLU(inplace=True)]


def lenet5():
    return nn.Sequential(
        *conv_relu(1, 6, 5, 2), nn.MaxPool2d(2), *conv_relu(6, 16, 5), nn.MaxPool2d(2), nn.Flatten(),
        *linear_relu(400, 120), *linear_relu(120, 84), nn.Linear(84, 10),
    )  # fmt: skip


def mnistcnn():
    return nn.Sequential(
        *conv_relu(1, 32, 3), nn.MaxPool2d(2), *conv_relu(32, 64, 3), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(1600, 10),
    )  # fmt: skip


def cifarcnn():
    return nn.Sequential(
        *conv_relu(3, 32, 3, 1), *conv_relu(32, 32, 3), nn.MaxPool2d(2), nn.Dropout(0.25),
        *conv_relu(32, 64, 3, 1), *conv_relu(64, 64, 3), nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), *linear_relu(2304, 512), nn.Dropout(0.5), nn.Linear(512, 10),
    )  # fmt: skip


def alexnet():
    return nn.Sequential(
        *conv_relu(3, 64, 11, 2, 4), nn.MaxPool2d(3, 2), *conv_relu(64, 192, 5, 2), nn.MaxPool2d(3, 2),
        *conv_relu(192, 384, 3, 1), *conv_relu(384, 256, 3, 1), *conv_relu(256, 256, 3, 1), nn.MaxPool2d(3, 2),
        nn.Flatten(), nn.Dropout(0.5), *linear_relu(9216, 4096), nn.Dropout(0.5), *linear_relu(4096, 4096),
        nn.Linear(4096, 1000),
    )  # fmt: skip


def vgg(*stages):
    modules, channels = [], 3
    for stage in stages:
        for filters in stage:
            modules += conv_relu(channels, filters, 3, 1)
            channels = filters
        modules.append(nn.MaxPool2d(2))
    return nn.Sequential(
        *modules, nn.Flatten(), *linear_relu(25088, 4096), nn.Dropout(0.5), *linear_relu(4096, 4096), nn.Dropout(0.5),
        nn.Linear(4096, 1000),
    )  # fmt: skip


def conv_norm(i, o, k, stride=1, groups=1, activation=None):
    conv = nn.Conv2d(i, o, k, stride, (k - 1) // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(o)] + ([activation(inplace=True)] if activation else [])


class Residual(nn.Module):
    """relu(main(x) + shortcut(x))"""

    def __init__(self, main, i, o, stride):
        super().__init__()
        self.main = nn.Sequential(*main)
        self.shortcut = nn.Sequential(*(conv_norm(i, o, 1, stride) if stride > 1 or i != o else []))

    def forward(self, x):
        return F.relu(self.main(x) + self.shortcut(x), inplace=True)


def basic(i, filters, stride):
    return Residual(conv_norm(i, filters, 3, stride, 1, nn.ReLU) + conv_norm(filters, filters, 3), i, filters, stride)


def bottleneck(i, filters, stride):
    o = 4 * filters
    main = conv_norm(i, filters, 1, 1, 1, nn.ReLU) + conv_norm(filters, filters, 3, stride, 1, nn.ReLU)
    return Residual(main + conv_norm(filters, o, 1), i, o, stride)


def resnet(stem, block, counts, filters, expansion, classes):
    blocks, channels = [], filters
    for stage, count in enumerate(counts):
        for index in range(count):
            blocks.append(block(channels, filters << stage, 2 if stage > 0 and index == 0 else 1))
            channels = expansion * (filters << stage)
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def large_stem():
    return conv_norm(3, 64, 7, 2, 1, nn.ReLU) + [nn.MaxPool2d(3, 2, 1)]


class Inverted(nn.Module):
    """Widen, filter each channel by itself, narrow again; plus x where the shapes agree."""

    def __init__(self, i, o, stride, expansion):
        super().__init__()
        wide = i * expansion
        widen = conv_norm(i, wide, 1, 1, 1, nn.ReLU6) if expansion > 1 else []
        self.main = nn.Sequential(*widen, *conv_norm(wide, wide, 3, stride, wide, nn.ReLU6), *conv_norm(wide, o, 1))
        self.plus = stride == 1 and i == o

    def forward(self, x):
        return x + self.main(x) if self.plus else self.main(x)


def mobilenetv2():
    blocks, channels = [], 32
    for expansion, filters, count, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    ):  # fmt: skip
        for index in range(count):
            blocks.append(Inverted(channels, filters, stride if index == 0 else 1, expansion))
            channels = filters
    return nn.Sequential(
        *conv_norm(3, 32, 3, 2, 1, nn.ReLU6), *blocks, *conv_norm(320, 1280, 1, 1, 1, nn.ReLU6),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(1280, 1000),
    )  # fmt: skip


DIGIT, THUMBNAIL, PHOTO = ((1, 28, 28), 10), ((3, 32, 32), 10), ((3, 224, 224), 1000)
NETS = {
    "lenet5": (lenet5, DIGIT),
    "mnistcnn": (mnistcnn, DIGIT),
    "cifarcnn": (cifarcnn, THUMBNAIL),
    "resnet20": (lambda: resnet(conv_norm(3, 16, 3, 1, 1, nn.ReLU), basic, (3, 3, 3), 16, 1, 10), THUMBNAIL),
    "alexnet": (alexnet, PHOTO),
    "vgg11": (lambda: vgg([64], [128], [256] * 2, [512] * 2, [512] * 2), PHOTO),
    "vgg16": (lambda: vgg([64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3), PHOTO),
    "resnet18": (lambda: resnet(large_stem(), basic, (2, 2, 2, 2), 64, 1, 1000), PHOTO),
    "resnet50": (lambda: resnet(large_stem(), bottleneck, (3, 4, 6, 3), 64, 4, 1000), PHOTO),
    "mobilenetv2": (mobilenetv2, PHOTO),
}


def peak_rss_mib():
    """Of this program alone: getrusage also counts what the process was before it became this program."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def training_step(model, x, y):
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def prediction(model, x):
    def step():
        with torch.inference_mode():
            model(x)

    return step


def sample(step, seconds=2, least=3, most=2000, warmups=2):
    for _ in range(warmups):
        step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or (time.perf_counter() < end and len(times) < most):
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    return times


def main():
    task = json.loads(sys.argv[1])
    name = "torch " + torch.__version__.split("+")[0]
    if task.get("probe"):
        return {"name": name}
    torch.set_num_threads(task["threads"])
    torch.manual_seed(0)
    base = peak_rss_mib()
    make, (shape, classes) = NETS[task["net"]]
    layout = torch.channels_last if task["layout"] == "channels_last" else torch.contiguous_format
    training = task["mode"] == "train"
    model = make().train(training).to(memory_format=layout)
    x = torch.randn(task["batch"], *shape).contiguous(memory_format=layout)
    y = torch.randint(0, classes, (task["batch"],))
    sampling = {key: task[key] for key in ("seconds", "least", "most", "warmups") if key in task}
    times = sample(training_step(model, x, y) if training else prediction(model, x), **sampling)
    return {
        "name": name,
        "layout": task["layout"],
        "parameters": sum(p.numel() for p in model.parameters()),
        "times": times,
        "peakRssMiB": peak_rss_mib(),
        "baseRssMiB": base,
        "cpuSeconds": time.process_time(),
    }


print(json.dumps(main()))
