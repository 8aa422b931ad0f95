"""A view as the bytes that the page draws: a line of JSON, then a JPEG."""

import base64
import io
import json
import struct
from typing import Any

import numpy as np
from PIL import Image

from experiments.studio.session import TargetView, View
from experiments.studio.track import ResponseMap
from siamfc_jax.media.palette import HEAT_TABLE, target_colour

_QUALITY = 85
# A score is a byte: 0..254, and this where there is none.
_NO_SCORE = 255


def message(view: View, with_responses: bool) -> bytes:
    """uint32, little-endian: the length of the JSON in UTF-8, which follows; then the JPEG."""
    height, width = view.image.shape[:2]
    header = {
        "frame": view.frame,
        "frames": view.n_frames,
        "playing": view.playing,
        "width": width,
        "height": height,
        "targets": [
            {"number": number, "colour": colour(number)} | _target(target, with_responses)
            for number, target in enumerate(view.targets)
        ],
    }
    text = json.dumps(header, allow_nan=False).encode()
    return b"".join((struct.pack("<I", len(text)), text, jpeg(view.image)))


def jpeg(image: np.ndarray) -> bytes:
    """uint8 RGB [H, W, 3] as a JPEG file; by simplejpeg, where it is installed, in a third of
    the time."""
    try:
        import simplejpeg
    except ModuleNotFoundError:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=_QUALITY)
        return buffer.getvalue()
    encoded: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image), _QUALITY, "RGB", "420", fastdct=True
    )
    return encoded


def colour(number: int) -> str:
    """A target's colour in CSS, the one it has in the annotated video."""
    return "#{:02x}{:02x}{:02x}".format(*target_colour(number))


def heat_colours() -> str:
    """The colours of response maps for the page: 256 times RGB, in base 64."""
    return _text(np.rint(HEAT_TABLE).astype(np.uint8))


def _target(target: TargetView, with_response: bool) -> dict[str, Any]:
    values: dict[str, Any] = {
        "key": target.key,
        "first": target.first,
        "last": target.last,
        "box": None if target.box is None else [round(float(v), 2) for v in target.box],
        "score": target.score,
        "lost": target.lost,
        "history": _text(_as_bytes(target.history)),
    }
    if with_response and target.response is not None:
        values |= _response(target.response)
    return values


def _response(response: ResponseMap) -> dict[str, Any]:
    """Cells as bytes that span the map's own range."""
    cells = np.nan_to_num(response.cells)
    low, span = cells.min(), np.ptp(cells)
    levels = np.zeros(cells.shape, np.uint8)
    if span > 0:
        levels = np.rint((cells - low) / span * 255).astype(np.uint8)
    return {
        "cells": _text(levels),
        "rows": len(cells),
        "place": [round(float(v), 2) for v in response.place],
    }


def _as_bytes(scores: np.ndarray) -> np.ndarray:
    levels = np.where(np.isfinite(scores), np.clip(scores, 0, 1) * 254, _NO_SCORE)
    return np.rint(levels).astype(np.uint8)


def _text(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()
