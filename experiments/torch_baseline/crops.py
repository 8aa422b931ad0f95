"""The context crop in PyTorch: whole pixels, bilinear, the mean colour beyond the frame."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor


def to_frame(image: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 [1, 3, H, W] on the device of an image [H, W, 3]."""
    return torch.from_numpy(image).to(device).permute(2, 0, 1)[None]


def mean_colour(frame: Tensor) -> Tensor:
    """float32 [1, 3, 1, 1]."""
    return frame.float().mean((2, 3), keepdim=True)


def crop(
    frame: Tensor, corner: NDArray[np.float64], side: float, pad: Tensor, out_size: int
) -> Tensor:
    """float32 [1, 3, out_size, out_size] of the square with this upper-left corner (x, y), all in
    whole pixels; it need not lie inside the frame, but has to touch it."""
    height, width = frame.shape[2:]
    size, (left, top) = int(side), corner.astype(int)
    x0, x1 = np.clip([left, left + size], 0, width)
    y0, y1 = np.clip([top, top + size], 0, height)
    region = frame[:, :, y0:y1, x0:x1].float() - pad
    around = [int(v) for v in (x0 - left, left + size - x1, y0 - top, top + size - y1)]
    if any(around):
        region = F.pad(region, around)
    resized = F.interpolate(region, (out_size, out_size), mode="bilinear", align_corners=False)
    return (resized + pad).contiguous(memory_format=torch.channels_last)
