"""SiamRPN as its public implementations have it, in PyTorch: the oracle of ours.

BGR images of 0..255, channels [2, k] and [4, k], batch norm -> pool -> ReLU, boxes by NumPy.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

RATIOS, STRIDE, SCALE = (0.33, 0.5, 1, 2, 3), 8, 8
K = len(RATIOS)


def alexnet(widths):
    """As PySOT's legacy AlexNet and DaSiamRPN's `featureExtract` (numbers 0, 1, 4, 5, 8, ...)."""
    layers, channels = [], 3
    for n, (width, taps) in enumerate(zip(widths, (11, 5, 3, 3, 3), strict=True)):
        layers += [nn.Conv2d(channels, width, taps, 2 if n == 0 else 1), nn.BatchNorm2d(width)]
        layers += [nn.MaxPool2d(3, 2)] if n < 2 else []
        layers += [nn.ReLU()] if n < 4 else []
        channels = width
    return nn.Sequential(*layers)


class UpChannel(nn.Module):
    def __init__(self, inputs, channels):
        super().__init__()
        self.template_cls = nn.Conv2d(inputs, channels * 2 * K, 3)
        self.template_loc = nn.Conv2d(inputs, channels * 4 * K, 3)
        self.search_cls = nn.Conv2d(inputs, channels, 3)
        self.search_loc = nn.Conv2d(inputs, channels, 3)
        self.adjust = nn.Conv2d(4 * K, 4 * K, 1)

    def template(self, features):
        cls, loc = self.template_cls(features), self.template_loc(features)
        size = cls.shape[-2:]
        return cls.view(2 * K, -1, *size), loc.view(4 * K, -1, *size)

    def forward(self, kernels, features):
        cls = F.conv2d(self.search_cls(features), kernels[0])
        return cls, self.adjust(F.conv2d(self.search_loc(features), kernels[1]))


class DepthwiseBranch(nn.Module):
    def __init__(self, inputs, channels, outputs):
        super().__init__()

        def block(inputs, taps):
            conv = nn.Conv2d(inputs, channels, taps, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())

        self.conv_kernel, self.conv_search = block(inputs, 3), block(inputs, 3)
        self.head = nn.Sequential(*block(channels, 1), nn.Conv2d(channels, outputs, 1))

    def forward(self, kernel, features):
        searched = self.conv_search(features)
        channels = searched.shape[1]
        return self.head(F.conv2d(searched, kernel.view(channels, 1, 4, 4), groups=channels))


class Depthwise(nn.Module):
    def __init__(self, inputs, channels):
        super().__init__()
        self.cls = DepthwiseBranch(inputs, channels, 2 * K)
        self.loc = DepthwiseBranch(inputs, channels, 4 * K)

    def template(self, features):
        return self.cls.conv_kernel(features), self.loc.conv_kernel(features)

    def forward(self, kernels, features):
        return self.cls(kernels[0], features), self.loc(kernels[1], features)


class Network(nn.Module):
    def __init__(self, head, widths=(8, 12, 16, 16, 12), channels=8, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.backbone = alexnet(widths)
        self.head = head(widths[-1], channels)
        self.eval()

    @torch.no_grad()
    def settle(self):
        """Give the batch norms statistics of their own, and the last layers small values."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.3, 0.3)
                module.momentum = 1.0
        self.train()
        generator = torch.Generator().manual_seed(1)
        features = self.backbone(torch.rand(2, 3, 175, 175, generator=generator) * 255)
        if isinstance(self.head, Depthwise):
            self.head(self.head.template(features[:1, :, :6, :6]), features)
            last = self.head.loc.head[-1]
        else:
            last = self.head.adjust
        last.weight *= 0.2
        self.eval()
        return self

    def forward(self, kernels, image):
        return self.head(kernels, self.backbone(image))


class ReleasedTracker:
    """The released loop, but that crops are not rounded to uint8, nor cut off from what is beyond
    their border before they are resized."""

    def __init__(self, network, search_size=271, penalty_k=0.16, window=0.40, lr=0.30):
        self.network, self.search_size = network, search_size
        self.penalty_k, self.window, self.lr = penalty_k, window, lr

    @torch.inference_mode()
    def init(self, image, box):
        """`image` BGR uint8; `box` (x, y, w, h) with (x, y) the corner of its first pixel."""
        x, y, w, h = box
        self.centre, self.size = np.asarray([x + w / 2, y + h / 2]), np.asarray([w, h], float)
        self.mean = image.mean((0, 1))
        side = round(self._exemplar_side())
        features = self.network.backbone(self._crop(image, side, 127))
        self.kernels = self.network.head.template(features)

    @torch.inference_mode()
    def update(self, image):
        """The box, and the probability of the foreground [k, Y, X]."""
        exemplar_side = self._exemplar_side()
        zoom = 127 / exemplar_side
        side = round(exemplar_side * self.search_size / 127)
        cls, loc = self.network(self.kernels, self._crop(image, side, self.search_size))
        self.cls, self.loc = cls, loc
        cells = cls.shape[-1]
        score = F.softmax(cls.view(2, -1), 0)[1].double().numpy()
        delta, anchors = loc.view(4, -1).double().numpy(), self._anchors(cells)
        x, y = delta[0] * anchors[2] + anchors[0], delta[1] * anchors[3] + anchors[1]
        w, h = np.exp(delta[2]) * anchors[2], np.exp(delta[3]) * anchors[3]

        def change(ratio):
            return np.maximum(ratio, 1 / ratio)

        def scale(w, h):
            return np.sqrt((w + (w + h) / 2) * (h + (w + h) / 2))

        s_c = change(scale(w, h) / scale(*self.size * zoom))
        r_c = change((self.size[0] / self.size[1]) / (w / h))
        penalty = np.exp(-(r_c * s_c - 1) * self.penalty_k)
        hann = np.tile(np.outer(np.hanning(cells), np.hanning(cells)).ravel(), K)
        best = np.argmax(penalty * score * (1 - self.window) + hann * self.window)

        lr = penalty[best] * score[best] * self.lr
        limits = np.asarray(image.shape[1::-1])
        self.centre = np.clip(self.centre + np.asarray([x[best], y[best]]) / zoom, 0, limits)
        size = self.size * (1 - lr) + np.asarray([w[best], h[best]]) / zoom * lr
        self.size = np.maximum(10, np.minimum(size, limits))
        box = np.concatenate([self.centre - self.size / 2, self.size])
        return box, score.reshape(K, cells, cells)

    def _exemplar_side(self):
        return np.sqrt(np.prod(self.size + self.size.sum() / 2))

    def _anchors(self, cells):
        """[4, k * Y * X] in the order of the network's channels and cells."""
        widths = [int(np.sqrt(STRIDE**2 / ratio)) for ratio in RATIOS]
        sizes = [(w * SCALE, int(w * r) * SCALE) for w, r in zip(widths, RATIOS, strict=True)]
        place = -(cells // 2) * STRIDE + STRIDE * np.arange(cells)
        grid = np.empty((4, K, cells, cells))
        grid[0], grid[1] = place[None, None], place[None, :, None]
        grid[2:] = np.asarray(sizes).T[:, :, None, None]
        return grid.reshape(4, -1)

    def _crop(self, image, side, out):
        pixel = np.floor(self.centre - 0.5 - (side + 1) / 2 + 0.5)
        position = pixel[:, None] + (np.arange(out) + 0.5) * side / out - 0.5
        room = 2 * side + 2
        around = ((room, room), (room, room), (0, 0))
        padded = np.pad(image - self.mean, around) + self.mean
        low = np.floor(position).astype(int)
        weight = position - low
        (xs, ys), (u, v) = low + room, weight
        limits = np.asarray(padded.shape[1::-1]) - 2
        xs, ys = np.clip(xs, 0, limits[0]), np.clip(ys, 0, limits[1])
        rows = padded[ys] * (1 - v)[:, None, None] + padded[ys + 1] * v[:, None, None]
        crop = rows[:, xs] * (1 - u)[None, :, None] + rows[:, xs + 1] * u[None, :, None]
        return torch.from_numpy(crop.transpose(2, 0, 1)[None].astype(np.float32))
