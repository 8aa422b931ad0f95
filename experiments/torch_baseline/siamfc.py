"""SiamFC's tracking loop in PyTorch."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from experiments.torch_baseline.backbones import embedding
from experiments.torch_baseline.crops import crop, mean_colour, to_frame
from experiments.torch_baseline.layers import to_device
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.config import SiamFCTracking
from siamfc_jax.tracking.online import Model
from siamfc_jax.tracking.upsampling import bicubic_matrix


class TorchSiamFC:
    """The same network, and the tracking loop with the simpler of all choices, whatever the
    settings say: the direct pyramid, crops of whole pixels, the penalty on the raw response, the
    displacement from the true centre in the previous side, the centre kept inside the frame, and
    a box that is not cut at its border.
    """

    def __init__(self, model: Model, device: torch.device) -> None:
        network, settings = model.network, model.tracking
        assert isinstance(network, SiamFCNetwork) and isinstance(settings, SiamFCTracking)
        self.settings, self.device, self.gain = settings, device, network.gain
        self.head_bias = float(model.params["head"]["bias"])
        self.embed = to_device(embedding(network.backbone, model.params), device).eval()
        cells = (settings.search_size - settings.exemplar_size) // settings.stride + 1
        self.upsampling = self._tensor(bicubic_matrix(cells, settings.upsample))
        hann = np.hanning(settings.upsample * cells)
        window = np.outer(hann, hann) / hann.sum() ** 2
        self.window = self._tensor(settings.window_influence * window)
        penalty = np.full(settings.n_scales, settings.scale_penalty)
        penalty[settings.n_scales // 2] = 1.0
        self.penalty = self._tensor(penalty)

    @torch.inference_mode()
    def init(self, image: NDArray[np.uint8], box: tuple[float, float, float, float]) -> None:
        """Start on a uint8 RGB frame with a box (x, y, w, h)."""
        x, y, w, h = box
        self.centre, self.size = np.asarray([x + w / 2, y + h / 2]), np.asarray([w, h], float)
        exemplar_side = float(np.sqrt(np.prod(self.size + self.settings.context * (w + h))))
        self.side = exemplar_side * self.settings.search_size / self.settings.exemplar_size
        self.limits = self.side * self.settings.min_side, self.side * self.settings.max_side
        frame = to_frame(image, self.device)
        self.pad = mean_colour(frame)
        self.template = self.embed(self._crop(frame, exemplar_side, self.settings.exemplar_size))

    @torch.inference_mode()
    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Box (x, y, w, h) in the next frame."""
        settings = self.settings
        frame = to_frame(image, self.device)
        pyramid = torch.cat(
            [
                self._crop(frame, self.side * scale, settings.search_size)
                for scale in settings.scales
            ]
        )
        response = F.conv2d(self.embed(pyramid), self.template)[:, 0]
        best, place = self._locate(response * self.gain + self.head_bias)

        cells = len(self.upsampling)
        offset = np.asarray([place % cells, place // cells]) - (cells - 1) / 2
        pixel = _round(self.side) / settings.search_size
        moved = self.centre + offset * settings.stride / settings.upsample * pixel
        self.centre = np.clip(moved, 0, image.shape[1::-1])
        damped = 1 + settings.scale_lerp * (settings.scales[best] - 1)
        self.side = float(np.clip(self.side * damped, *self.limits))
        self.size *= damped
        return np.concatenate([self.centre - self.size / 2, self.size])

    def _locate(self, response_SxYxX: Tensor) -> tuple[int, int]:
        """The best scale, and the peak's place among the cells of its upsampled response."""
        up = self.upsampling @ response_SxYxX @ self.upsampling.T
        best = torch.argmax(up.amax((1, 2)) * self.penalty, 0, keepdim=True)
        chosen = up.index_select(0, best)[0]
        chosen = chosen - chosen.min()
        mixed = chosen * ((1 - self.settings.window_influence) / chosen.sum()) + self.window
        # Together, for a GPU's sake: each number that the host asks for makes it wait.
        scale, place = torch.cat([best, torch.argmax(mixed)[None]]).tolist()
        return scale, place

    def _crop(self, frame: Tensor, side: float, out_size: int) -> Tensor:
        whole = max(_round(side), 1.0)
        corner = _round(self.centre + 1 - (whole + 1) / 2) - 1
        return crop(frame, corner, whole, self.pad, out_size)

    def _tensor(self, array: NDArray[np.floating]) -> Tensor:
        return torch.tensor(array, dtype=torch.float32, device=self.device)


def _round(values: Any) -> Any:
    """To whole numbers, halves away from zero: `centre` often lies between two pixels."""
    return np.trunc(values + np.copysign(0.5, values))
