"""SiamRPN's tracking loop in PyTorch, its last part in NumPy as in released code."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.torch_baseline.backbones import embedding
from experiments.torch_baseline.crops import crop, mean_colour, to_frame
from experiments.torch_baseline.heads import rpn_head
from experiments.torch_baseline.layers import to_device
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.tracking.online import Model
from siamfc_jax.tracking.siamrpn_config import SiamRPNTracking

_MAX_LOG_GROWTH = 10.0


class TorchSiamRPN:
    """The same network, and the tracking loop as released, whatever the settings say: crops of
    whole pixels, all proposals count, none is suppressed, and the box is not cut at the frame's
    border.
    """

    def __init__(self, model: Model, device: torch.device) -> None:
        network, settings = model.network, model.tracking
        assert isinstance(network, SiamRPNNetwork) and isinstance(settings, SiamRPNTracking)
        self.settings, self.device = settings, device
        self.embed = to_device(embedding(network.backbone, model.params), device).eval()
        self.head = to_device(rpn_head(network.head, model.params), device).eval()
        cells = network.cells(settings.exemplar_size, settings.search_size)
        hann = np.hanning(cells)
        window = np.repeat(np.outer(hann, hann).ravel(), network.anchors.count)
        self.window = settings.window_influence * window.astype(np.float32)
        self.anchors = network.anchors.grid(cells).reshape(-1, 4)

    @torch.inference_mode()
    def init(self, image: NDArray[np.uint8], box: tuple[float, float, float, float]) -> None:
        """Start on a uint8 RGB frame with a box (x, y, w, h)."""
        x, y, w, h = box
        self.centre, self.size = np.asarray([x + w / 2, y + h / 2]), np.asarray([w, h], float)
        frame = to_frame(image, self.device)
        self.pad = mean_colour(frame)
        exemplar = self._crop(frame, self._context_side(*self.size), self.settings.exemplar_size)
        self.kernels = self.head.template(self.embed(exemplar))

    @torch.inference_mode()
    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Box (x, y, w, h) in the next frame."""
        settings = self.settings
        side = self._context_side(*self.size) * settings.search_size / settings.exemplar_size
        pixel = side / settings.search_size
        search = self._crop(to_frame(image, self.device), side, settings.search_size)
        cls, loc = self.head.respond(self.kernels, self.embed(search))
        margin = cls[:, 1::2] - cls[:, 0::2]
        # Together, for a GPU's sake: each array that the host asks for makes it wait.
        both = torch.cat([margin, loc], 1).permute(0, 2, 3, 1).cpu().numpy()
        k = margin.shape[1]
        box, share = self._best(both[..., :k].ravel(), both[..., k:].reshape(-1, 4), pixel)

        limit = np.asarray(image.shape[1::-1])
        self.centre = np.clip(self.centre + box[:2] * pixel, 0, limit)
        grown = self.size * (1 - share) + box[2:] * pixel * share
        self.size = np.maximum(np.minimum(grown, limit), settings.min_size)
        return np.concatenate([self.centre - self.size / 2, self.size])

    def _best(
        self, margin: NDArray[np.float32], offsets: NDArray[np.float32], pixel: float
    ) -> tuple[NDArray[np.float32], float]:
        """The chosen box (cx, cy, w, h) in search pixels, and its share in the new size."""
        settings, anchors = self.settings, self.anchors
        with np.errstate(over="ignore"):
            score = 1 / (1 + np.exp(-margin))
        sizes = np.clip(offsets[:, 2:], -_MAX_LOG_GROWTH, _MAX_LOG_GROWTH)
        width, height = (np.exp(sizes) * anchors[:, 2:]).T
        last_width, last_height = self.size / pixel
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

    def _crop(self, frame: Tensor, side: float, out_size: int) -> Tensor:
        whole = round(side)
        corner = np.floor(self.centre - (whole + 1) / 2)
        return crop(frame, corner, whole, self.pad, out_size)
