"""SiamRPN's tracking loop in PyTorch, its last part in NumPy as in released code."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from experiments.torch_baseline.backbones import embedding
from experiments.torch_baseline.crops import crop, mean_colour, to_frame
from experiments.torch_baseline.heads import rpn_head
from experiments.torch_baseline.layers import Execution, in_execution, to_device
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.tracking.online import Model
from siamfc_jax.tracking.siamrpn_config import SiamRPNTracking

_MAX_LOG_GROWTH = 10.0


class TorchSiamRPN:
    """The same network, and the tracking loop as released, whatever the settings say: crops of
    whole pixels, all proposals count, none is suppressed, and the box is not cut at the frame's
    border. T targets of one video are one batch, but for the head.
    """

    def __init__(self, model: Model, execution: Execution) -> None:
        network, settings = model.network, model.tracking
        assert isinstance(network, SiamRPNNetwork) and isinstance(settings, SiamRPNTracking)
        self.settings, self.device = settings, execution.device
        self.embed = in_execution(embedding(network.backbone, model.params), execution)
        self.head = to_device(rpn_head(network.head, model.params), self.device).eval()
        cells = network.cells(settings.exemplar_size, settings.search_size)
        hann = np.hanning(cells)
        window = np.repeat(np.outer(hann, hann).ravel(), network.anchors.count)
        self.window = settings.window_influence * window.astype(np.float32)
        self.anchors = network.anchors.grid(cells).reshape(-1, 4)

    @torch.inference_mode()
    def init(self, image: NDArray[np.uint8], boxes: ArrayLike) -> None:
        """Start on a uint8 RGB frame with boxes [T, 4] (x, y, w, h)."""
        corner, self.size = np.split(np.array(boxes, float), 2, axis=1)
        self.centre = corner + self.size / 2
        frame = to_frame(image, self.device)
        self.pad = mean_colour(frame)
        exemplars = self._crops(
            frame, self._context_side(*self.size.T), self.settings.exemplar_size
        )
        self.kernels = [self.head.template(one[None]) for one in self.embed(exemplars)]

    @torch.inference_mode()
    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Boxes [T, 4] (x, y, w, h) in the next frame."""
        settings = self.settings
        sides = self._context_side(*self.size.T) * settings.search_size / settings.exemplar_size
        pixels = sides / settings.search_size
        frame = to_frame(image, self.device)
        features = self.embed(self._crops(frame, sides, settings.search_size))
        margins, offsets = self._proposed(features)
        limit = np.asarray(image.shape[1::-1])
        for t, pixel in enumerate(pixels):
            box, share = self._best(margins[t], offsets[t], self.size[t] / pixel)
            self.centre[t] = np.clip(self.centre[t] + box[:2] * pixel, 0, limit)
            grown = self.size[t] * (1 - share) + box[2:] * pixel * share
            self.size[t] = np.maximum(np.minimum(grown, limit), settings.min_size)
        return np.concatenate([self.centre - self.size / 2, self.size], 1)

    def _proposed(self, features: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits of the foreground over the background [T, N] and offsets [T, N, 4]."""
        parts = []
        for kernels, one in zip(self.kernels, features, strict=True):
            cls, loc = self.head.respond(kernels, one[None])
            parts.append(torch.cat([cls[:, 1::2] - cls[:, 0::2], loc], 1))
        # Together, for a GPU's sake: each array that the host asks for makes it wait.
        both = torch.cat(parts).permute(0, 2, 3, 1).cpu().numpy()
        count, k = len(both), both.shape[-1] // 5
        return both[..., :k].reshape(count, -1), both[..., k:].reshape(count, -1, 4)

    def _best(
        self,
        margin: NDArray[np.float32],
        offsets: NDArray[np.float32],
        last_size: NDArray[np.float64],
    ) -> tuple[NDArray[np.float32], float]:
        """The chosen box (cx, cy, w, h) in search pixels, as `last_size` is, and its share in the
        new size."""
        settings, anchors = self.settings, self.anchors
        with np.errstate(over="ignore"):
            score = 1 / (1 + np.exp(-margin))
        sizes = np.clip(offsets[:, 2:], -_MAX_LOG_GROWTH, _MAX_LOG_GROWTH)
        width, height = (np.exp(sizes) * anchors[:, 2:]).T
        last_width, last_height = last_size
        scales = self._context_side(width, height) / self._context_side(last_width, last_height)
        ratios = width / height / np.float32(last_width / last_height)
        change = np.maximum(ratios, 1 / ratios) * np.maximum(scales, 1 / scales)
        penalty = np.exp(-(change - 1) * settings.penalty_k)
        best = np.argmax(penalty * score * (1 - settings.window_influence) + self.window)
        centre = offsets[best, :2] * anchors[best, 2:] + anchors[best, :2]
        box = np.asarray([*centre, width[best], height[best]])
        return box, float(penalty[best] * score[best] * settings.size_lr)

    def _context_side(self, width: Any, height: Any) -> Any:
        margin = self.settings.context * (width + height)
        return np.sqrt((width + margin) * (height + margin))

    def _crops(self, frame: Tensor, sides: NDArray[np.float64], out_size: int) -> Tensor:
        """All [T, 3, out_size, out_size]."""
        crops = []
        for centre, side in zip(self.centre, sides, strict=True):
            whole = round(side)
            corner = np.floor(centre - (whole + 1) / 2)
            crops.append(crop(frame, corner, whole, self.pad, out_size))
        return torch.cat(crops).contiguous(memory_format=torch.channels_last)
