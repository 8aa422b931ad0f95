"""SiamFC-3s in plain PyTorch, written for the benchmark: what a careful port would do.

Channels-last, inference mode, one batch for all scales, no work repeated between frames. Only
`experiments.benchmark` imports it; PyTorch is in the extra `benchmark`.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.config import SiamFCTracking
from siamfc_jax.tracking.online import Model

Layers = list[tuple[Tensor, Tensor]]


class TorchSiamFC:
    """The same network and tracking loop (direct pyramid) as the given SiamFC with an AlexNet."""

    def __init__(self, model: Model, device: str = "cpu") -> None:
        network, tracking = model.network, model.tracking
        assert isinstance(network, SiamFCNetwork) and isinstance(tracking, SiamFCTracking)
        assert isinstance(network.backbone, AlexNetConfig)
        self.settings, self.device = tracking, torch.device(device)
        self.gain, self.groups = network.gain, network.backbone.groups
        self.head_bias = float(model.params["head"]["bias"])
        self.layers: Layers = [
            (
                self._tensor(np.asarray(layer["kernel"]).transpose(3, 2, 0, 1)).contiguous(
                    memory_format=torch.channels_last
                ),
                self._tensor(layer["bias"]),
            )
            for layer in (model.params[f"conv{index}"] for index in range(1, 6))
        ]
        size = self.settings.upsample * 17
        hann = np.hanning(size)
        self.window = self._tensor(np.outer(hann, hann) / hann.sum() ** 2)
        penalty = [self.settings.scale_penalty] * self.settings.n_scales
        penalty[self.settings.n_scales // 2] = 1.0
        self.penalty = self._tensor(penalty)

    def _tensor(self, array: Any) -> Tensor:
        return torch.tensor(np.asarray(array, np.float32), device=self.device)

    def embed(self, images_Bx3xHxW: Tensor) -> Tensor:
        """Features [B, C, h, w]."""
        x = images_Bx3xHxW
        layers = zip(self.layers, self.groups, strict=True)
        for index, ((weight, bias), groups) in enumerate(layers):
            x = F.conv2d(x, weight, bias, stride=2 if index == 0 else 1, groups=groups)
            x = F.relu(x) if index < 4 else x
            x = F.max_pool2d(x, 3, 2) if index < 2 else x
        return x

    @torch.inference_mode()
    def init(self, image: NDArray[np.uint8], box: tuple[float, float, float, float]) -> None:
        """Start on a uint8 RGB frame with a box (x, y, w, h)."""
        x, y, w, h = box
        self.centre, self.size = np.asarray([x + w / 2, y + h / 2]), np.asarray([w, h], float)
        margin = self.settings.context * (w + h)
        exemplar_side = float(np.sqrt((w + margin) * (h + margin)))
        self.side = exemplar_side * self.settings.search_size / self.settings.exemplar_size
        self.limits = self.side * self.settings.min_side, self.side * self.settings.max_side
        frame = self._frame(image)
        self.pad = frame.float().mean((2, 3), keepdim=True)
        exemplar = self._crop(frame, exemplar_side, self.settings.exemplar_size)
        self.template = self.embed(exemplar)

    @torch.inference_mode()
    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Box (x, y, w, h) in the next frame."""
        scales = self.settings.scales
        frame = self._frame(image)
        crops = [self._crop(frame, self.side * s, self.settings.search_size) for s in scales]
        pyramid = torch.cat(crops).contiguous(memory_format=torch.channels_last)
        response = F.conv2d(self.embed(pyramid), self.template) * self.gain + self.head_bias
        up = F.interpolate(
            response, scale_factor=self.settings.upsample, mode="bicubic", align_corners=False
        )[:, 0]
        best = int(torch.argmax(up.amax((1, 2)) * self.penalty))
        chosen = up[best] - up[best].min()
        mixed = chosen / chosen.sum() * (1 - self.settings.window_influence)
        mixed += self.settings.window_influence * self.window
        place = int(torch.argmax(mixed))
        cells = mixed.shape[0]
        offset = np.asarray([place % cells, place // cells]) - (cells - 1) / 2
        pixel = self.side / self.settings.search_size
        self.centre += offset * self.settings.stride / self.settings.upsample * pixel
        damped = 1 + self.settings.scale_lerp * (scales[best] - 1)
        self.side = float(np.clip(self.side * damped, *self.limits))
        self.size *= damped
        return np.concatenate([self.centre - self.size / 2, self.size])

    def _frame(self, image: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(image).to(self.device).permute(2, 0, 1)[None]

    def _crop(self, frame: Tensor, side: float, out_size: int) -> Tensor:
        height, width = frame.shape[2:]
        size = round(side)
        left, top = np.round(self.centre - size / 2).astype(int)
        x0, x1 = np.clip([left, left + size], 0, width)
        y0, y1 = np.clip([top, top + size], 0, height)
        region = frame[:, :, y0:y1, x0:x1].float() - self.pad
        around = [int(v) for v in (x0 - left, left + size - x1, y0 - top, top + size - y1)]
        if any(around):
            region = F.pad(region, around)
        resized = F.interpolate(region, (out_size, out_size), mode="bilinear", align_corners=False)
        return resized + self.pad


def torch_train_step(
    model: TorchSiamFC, batch: int, search_size: int, compute: str = "float32"
) -> Any:
    """A closure that does one SGD step (forward, backward, update) on random images.

    It returns the loss, on CUDA before the device is done. `compute` "bfloat16" is autocast.
    """
    # The shapes stay the same, so it pays to let cuDNN try out its algorithms.
    torch.backends.cudnn.benchmark = True
    modules: list[torch.nn.Module] = []
    shapes = [
        (*weight.shape, groups)
        for (weight, _), groups in zip(model.layers, model.groups, strict=True)
    ]
    for index, (out, per_group, kernel, _, groups) in enumerate(shapes):
        stride = 2 if index == 0 else 1
        modules.append(torch.nn.Conv2d(per_group * groups, out, kernel, stride, groups=groups))
        if index < 4:
            modules += [torch.nn.BatchNorm2d(out), torch.nn.ReLU(inplace=True)]
        if index < 2:
            modules.append(torch.nn.MaxPool2d(3, 2))
    network: Any = torch.nn.Sequential(*modules).to(model.device)
    network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(network.parameters(), 1e-2, momentum=0.9, weight_decay=5e-4)

    def images(size: int) -> Tensor:
        pixels = torch.rand(batch, 3, size, size, device=model.device) * 255
        return pixels.contiguous(memory_format=torch.channels_last)

    exemplar, search = images(127), images(search_size)
    cells = (search_size - 127) // 8 + 1
    rows = torch.arange(cells, device=model.device) - (cells - 1) / 2
    positive = rows[:, None] ** 2 + rows[None] ** 2 <= 4
    sign = torch.where(positive, 1.0, -1.0)
    weight = torch.where(positive, 0.5 / positive.sum(), 0.5 / (~positive).sum())

    def step() -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(model.device.type, torch.bfloat16, enabled=compute == "bfloat16"):
            template, features = network(exemplar), network(search)
            stacked = features.reshape(1, -1, *features.shape[2:])
            response = F.conv2d(stacked, template, groups=batch)[0] * model.gain
        loss = (F.softplus(-sign * response.float()) * weight).sum() / batch
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step
