"""SiamFC's tracking loop in PyTorch."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from experiments.torch_baseline.backbones import embedding
from experiments.torch_baseline.crops import crop, mean_colour, to_frame
from experiments.torch_baseline.layers import Execution, in_execution
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.config import SiamFCTracking
from siamfc_jax.tracking.online import Model
from siamfc_jax.tracking.upsampling import bicubic_matrix


class TorchSiamFC:
    """The same network, and the tracking loop with the simpler of all choices, whatever the
    settings say: the direct pyramid, crops of whole pixels, the penalty on the raw response, the
    displacement from the true centre in the previous side, the centre kept inside the frame, and
    a box that is not cut at its border. T targets of one video are one batch.
    """

    def __init__(self, model: Model, execution: Execution) -> None:
        network, settings = model.network, model.tracking
        assert isinstance(network, SiamFCNetwork) and isinstance(settings, SiamFCTracking)
        self.settings, self.device, self.gain = settings, execution.device, network.gain
        self.head_bias = float(model.params["head"]["bias"])
        self.embed = in_execution(embedding(network.backbone, model.params), execution)
        cells = (settings.search_size - settings.exemplar_size) // settings.stride + 1
        self.upsampling = self._tensor(bicubic_matrix(cells, settings.upsample))
        hann = np.hanning(settings.upsample * cells)
        window = np.outer(hann, hann) / hann.sum() ** 2
        self.window = self._tensor(settings.window_influence * window)
        penalty = np.full(settings.n_scales, settings.scale_penalty)
        penalty[settings.n_scales // 2] = 1.0
        self.penalty = self._tensor(penalty)
        self.scales = np.asarray(settings.scales)

    @torch.inference_mode()
    def init(self, image: NDArray[np.uint8], boxes: ArrayLike) -> None:
        """Start on a uint8 RGB frame with boxes [T, 4] (x, y, w, h)."""
        settings = self.settings
        corner, self.size = np.split(np.array(boxes, float), 2, axis=1)
        self.centre = corner + self.size / 2
        margin = settings.context * self.size.sum(1, keepdims=True)
        exemplar_side = np.sqrt(np.prod(self.size + margin, axis=1))
        self.side = exemplar_side * settings.search_size / settings.exemplar_size
        self.limits = self.side * settings.min_side, self.side * settings.max_side
        frame = to_frame(image, self.device)
        self.pad = mean_colour(frame)
        sides = exemplar_side[:, None]
        self.template = self.embed(self._crops(frame, sides, settings.exemplar_size))

    @torch.inference_mode()
    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Boxes [T, 4] (x, y, w, h) in the next frame."""
        settings = self.settings
        frame = to_frame(image, self.device)
        pyramids = self._crops(frame, self.side[:, None] * self.scales, settings.search_size)
        response = self._correlate(self.embed(pyramids))
        best, place = self._locate(response * self.gain + self.head_bias)

        cells = len(self.upsampling)
        offset = np.stack([place % cells, place // cells], 1) - (cells - 1) / 2
        pixel = _round(self.side) / settings.search_size
        moved = self.centre + offset * settings.stride / settings.upsample * pixel[:, None]
        self.centre = np.clip(moved, 0, image.shape[1::-1])
        damped = 1 + settings.scale_lerp * (self.scales[best] - 1)
        self.side = np.clip(self.side * damped, *self.limits)
        self.size *= damped[:, None]
        return np.concatenate([self.centre - self.size / 2, self.size], 1)

    def _correlate(self, features_TSxCxHxW: Tensor) -> Tensor:
        """Responses [T, S, Y, X]: a convolution with a group for each target."""
        targets, channels = self.template.shape[:2]
        if targets == 1:
            return F.conv2d(features_TSxCxHxW, self.template)[:, 0][None]
        _, _, height, width = features_TSxCxHxW.shape
        by_target = features_TSxCxHxW.reshape(targets, -1, channels, height, width)
        images = by_target.transpose(0, 1).reshape(-1, targets * channels, height, width)
        return F.conv2d(images, self.template, groups=targets).transpose(0, 1)

    def _locate(self, response_TxSxYxX: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The best scales, and the peaks' places among the cells of their upsampled responses."""
        up = self.upsampling @ response_TxSxYxX @ self.upsampling.T
        best = torch.argmax(up.amax((2, 3)) * self.penalty, 1)
        chosen = up[torch.arange(len(up), device=self.device), best]
        chosen = chosen - chosen.amin((1, 2), keepdim=True)
        share = (1 - self.settings.window_influence) / chosen.sum((1, 2), keepdim=True)
        place = torch.argmax((chosen * share + self.window).flatten(1), 1)
        # Together, for a GPU's sake: each array that the host asks for makes it wait.
        scale, where = torch.stack([best, place]).cpu().numpy()
        return scale, where

    def _crops(self, frame: Tensor, side_TxS: NDArray[np.float64], out_size: int) -> Tensor:
        """All [T * S, 3, out_size, out_size]."""
        crops = []
        for centre, sides in zip(self.centre, side_TxS, strict=True):
            for side in sides:
                whole = max(_round(side), 1.0)
                corner = _round(centre + 1 - (whole + 1) / 2) - 1
                crops.append(crop(frame, corner, whole, self.pad, out_size))
        return torch.cat(crops).contiguous(memory_format=torch.channels_last)

    def _tensor(self, array: NDArray[np.floating]) -> Tensor:
        return torch.tensor(array, dtype=torch.float32, device=self.device)


def _round(values: Any) -> Any:
    """To whole numbers, halves away from zero: `centre` often lies between two pixels."""
    return np.trunc(values + np.copysign(0.5, values))
