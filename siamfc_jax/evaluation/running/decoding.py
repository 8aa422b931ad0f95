"""Frames decoded fast enough for many threads at a time.

Pillow copies each image under the interpreter's lock, about a millisecond for 640x480, which caps
all threads together at some thousand frames a second; simplejpeg (an extra) does not. Both use
libjpeg-turbo and give the same pixels.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.sequences import read_frame

try:
    import simplejpeg
except ImportError:
    simplejpeg = None

_JPEG_BEGINS = b"\xff\xd8"


def decode_frame(path: Path) -> NDArray[np.uint8]:
    """Read a frame as uint8 [H, W, 3] RGB, with the pixels of `sequences.read_frame`; raises as
    that."""
    if simplejpeg is None:
        return read_frame(path)
    try:
        content = path.read_bytes()
        # Colours of other kinds (CMYK), other formats and damaged files are Pillow's to judge.
        if content[:2] == _JPEG_BEGINS and simplejpeg.decode_jpeg_header(content)[2] in (
            "YCbCr",
            "Gray",
        ):
            return simplejpeg.decode_jpeg(content, "RGB")
    except (OSError, ValueError):
        pass
    return read_frame(path)
