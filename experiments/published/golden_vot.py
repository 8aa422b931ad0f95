"""Annotation of VOT2018 and VOT2019 as one JSON file each, beside published raw results."""

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from siamfc_jax.evaluation.sequences import VotSequence


class PublishedVot(NamedTuple):
    """What a profile must make of a tracker's results; None: not published."""

    year: int
    tracker: str
    profile: str
    eao: float
    accuracy: float | None = None
    robustness: float | None = None


VOT_PUBLISHED = (
    PublishedVot(2018, "DaSiamRPN", "vot-classic", 0.383, 0.586, 0.276),
    PublishedVot(2018, "NanoTrack", "vot-classic", 0.311),
    PublishedVot(2018, "SiamAPN", "vot-classic", 0.248),
    PublishedVot(2019, "LightTrack", "vot-classic", 0.328),
    PublishedVot(2019, "SiamAPN++", "pysot", 0.234),
    PublishedVot(2019, "SiamAPN++", "vot-classic", 0.2355),
)


def vot_sequences(file: Path) -> list[VotSequence]:
    """Sequences, without frames, of `vot<year>_gt.json.gz`: {name: {width, height, gt, tags}}."""
    with gzip.open(file, "rt") as stream:
        annotated = json.load(stream)
    return [_sequence(name, one) for name, one in annotated.items()]


def _sequence(name: str, annotated: dict[str, Any]) -> VotSequence:
    truth = tuple(np.asarray(row, np.float64) for row in annotated["gt"])
    # Tags of VOT2019 are empty: unknown, rather than absent from every frame.
    tags = {tag: np.asarray(flags) > 0 for tag, flags in annotated["tags"].items() if flags}
    return VotSequence(name, (), truth, (annotated["width"], annotated["height"]), tags)
