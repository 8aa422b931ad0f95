"""The clip that comes with the package, to see the tracker work without a video at hand."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np

from siamfc_jax.media.errors import MediaError

_ASSETS = Path(str(files("siamfc_jax") / "assets"))


def demo_clip() -> tuple[Path, np.ndarray]:
    """The clip's path and its target's box in the first frame, float32 [4] as x, y, w, h.

    Raises MediaError when the installation lacks them.
    """
    clip, notes = _ASSETS / "demo.mp4", _ASSETS / "demo.json"
    try:
        box = np.array(json.loads(notes.read_text(encoding="utf-8"))["init"], np.float32)
        if not clip.is_file() or box.shape != (4,):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise MediaError(f"{clip}: the demo is missing; install the package again") from None
    return clip, box
