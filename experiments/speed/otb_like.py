"""A benchmark of OTB's size and layout, of rendered frames."""

import io
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.synthetic import DEMO, render_clip

# OTB-100: 59 000 frames of 100 targets; most are of these sizes.
_SIZES = ((320, 240), (640, 480), (640, 360), (480, 360), (320, 240))
_SEQUENCES = 100
_RENDERED = 24


def write_otb_like(folder: Path, frames: int) -> Path:
    """Write so many JPEG frames as OTB's folders, and return `folder`.

    A rendered clip runs to and fro in each sequence; every frame is a file of its own.
    """
    count = min(_SEQUENCES, max(1, frames // 100))
    clips = [_encoded(size, seed) for seed, size in enumerate(_SIZES)]
    for number in range(count):
        jpegs, boxes = clips[number % len(clips)]
        length = frames // count + (number < frames % count)
        order = list(islice(cycle([*range(len(jpegs)), *range(len(jpegs) - 2, 0, -1)]), length))
        images = folder / f"Like{number:03d}" / "img"
        images.mkdir(parents=True)
        for place, index in enumerate(order, 1):
            (images / f"{place:04d}.jpg").write_bytes(jpegs[index])
        rows = np.round(boxes[order] + [1, 1, 0, 0]).astype(int)
        np.savetxt(images.parent / "groundtruth_rect.txt", rows, "%d", ",")
    return folder


def _encoded(size: tuple[int, int], seed: int) -> tuple[list[bytes], np.ndarray]:
    """Frames as JPEG, and the boxes [n, 4] of the first target."""
    width, height = size
    clip = render_clip(replace(DEMO, width=width, height=height, n_frames=_RENDERED), seed=seed)
    return [_jpeg(frame) for frame in clip.frames], np.asarray(clip.boxes[:, 0], np.float64)


def _jpeg(frame: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "JPEG", quality=90)
    return stream.getvalue()
