"""Annotation as the JSON files that circulate with Siamese trackers, in either of their formats.

    {"Basketball": {"video_dir": "Basketball", "init_rect": [198, 214, 34, 81],       pysot:
                    "img_names": ["Basketball/img/0001.jpg", ...],                    OTB100.json,
                    "gt_rect": [[198, 214, 34, 81], ...],                             LaSOT.json,
                    "attr": ["Occlusion", ...], "absent": [1, ...]}, ...}             GOT-10k.json
    {"Basketball": {"name": "Basketball", "image_files": ["0001.jpg", ...],           DaSiamRPN,
                    "gt_rect": [[198, 214, 34, 81], ...]}, ...}                       SiamDW

Numbers are the benchmarks' own, pixels from 1. "absent" is the inverse of what it says: 1 where the
target is to be seen. The file rules which frames there are, the first image's number which is the
first. Of Tiger1, some files have the 349 of OTB's toolkit, others all 354, of which OTB omits five.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.benchmarks.annotation import read_each, read_text, size_of
from siamfc_jax.evaluation.benchmarks.otb_facts import OtbFacts, canonical_name, otb_facts
from siamfc_jax.evaluation.sequences import (
    NO_FILE_NAME,
    Sequence,
    SequenceError,
    names_a_file,
)

_CODES = {
    "Illumination Variation": "IV",
    "Scale Variation": "SV",
    "Occlusion": "OCC",
    "Deformation": "DEF",
    "Motion Blur": "MB",
    "Fast Motion": "FM",
    "In-Plane Rotation": "IPR",
    "Out-of-Plane Rotation": "OPR",
    "Out-of-View": "OV",
    "Background Clutters": "BC",
    "Background Clutter": "BC",
    "Low Resolution": "LR",
    "Partial Occlusion": "POC",
    "Full Occlusion": "FOC",
    "Camera Motion": "CM",
    "Rotation": "ROT",
    "Viewpoint Change": "VC",
    "Aspect Ratio Change": "ARC",
    "Aspect Ration Change": "ARC",
}


def read_dataset_json(
    file: Path, images: Path | None = None, *, damaged: dict[str, str] | None = None
) -> list[Sequence]:
    """The sequences of a dataset JSON, in its order.

    Args:
      file: in either format of this module. Where all its names are OTB's, in whatever spelling,
        they become `canonical_name`s, and the intervals that TRE omits are known.
      images: the folder its image names are relative to; without one, sequences have no frames
        and no size.
      damaged: takes sequences that cannot be read, name -> why; without it, the first raises.

    Of lists of differing lengths the shortest counts; `completeness.missing` knows what is due.

    Raises:
      SequenceError: no JSON of these formats; without `damaged`, an entry with a garbled or
        missing list.
    """
    try:
        entries = json.loads(read_text(file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise SequenceError(f"{file}: is no JSON ({error}); fetch it again") from None
    if not isinstance(entries, dict) or not entries:
        raise SequenceError(f"{file}: is no JSON of sequences by name; give e.g. OTB100.json")
    is_otb = all(canonical_name(name) in otb_facts() for name in entries)
    readers = {
        canonical_name(name) if is_otb else name: partial(
            _read, f"{file}, {name}", name, entry, images, is_otb
        )
        for name, entry in entries.items()
    }
    return read_each(readers, damaged)


def _read(where: str, name: str, entry: Any, images: Path | None, is_otb: bool) -> Sequence:
    if not names_a_file(name):
        raise SequenceError(f"{where}: {NO_FILE_NAME}")
    if not isinstance(entry, dict):
        raise SequenceError(f"{where}: is no description of a sequence; give e.g. OTB100.json")
    truth = _truth(where, entry)
    paths = _image_paths(where, name, entry)
    visible = _visible(where, entry, len(truth))
    count = min(len(truth), len(paths)) if paths else len(truth)
    facts = otb_facts()[canonical_name(name)] if is_otb else None
    first = _first_frame(paths, facts, len(truth))
    skipped = facts.skipped if facts and first == facts.first else 0
    frames = tuple(images / path for path in paths[skipped:count]) if images else ()
    return Sequence(
        name=facts.name if facts else name,
        frames=frames,
        truth=truth[skipped:count],
        first_frame=first + skipped,
        attributes=facts.attributes if facts else _attributes(where, entry),
        size=size_of(frames),
        visible=None if visible is None else visible[skipped:count],
        omitted=facts.omitted if facts else (),
        omitted_truth=truth[:skipped] if skipped else None,
    )


def _first_frame(paths: list[Path], facts: OtbFacts | None, rows: int) -> int:
    if paths and paths[0].stem.isdecimal():
        return int(paths[0].stem)
    if facts is None:
        return 1
    return facts.first + (facts.skipped if rows <= facts.length else 0)


def _truth(where: str, entry: Mapping[str, Any]) -> NDArray[np.float64]:
    try:
        truth = np.asarray(entry["gt_rect"], np.float64)
    except KeyError:
        raise SequenceError(f"{where}: has no gt_rect; give e.g. OTB100.json") from None
    except (TypeError, ValueError):
        raise SequenceError(f"{where}: gt_rect is not rows of numbers; fetch it again") from None
    if truth.ndim == 2 and truth.shape[1] >= 6:
        raise SequenceError(f"{where}: gt_rect holds polygons; read VOT from its own folders")
    if truth.ndim != 2 or truth.shape[1] != 4 or not len(truth) or np.isinf(truth).any():
        raise SequenceError(f"{where}: gt_rect is not rows of x, y, w, h; fetch it again")
    return truth


def _image_paths(where: str, name: str, entry: Mapping[str, Any]) -> list[Path]:
    folder = Path()
    names = entry.get("img_names")
    if names is None:
        names = entry.get("image_files", [])
        folder = Path(str(entry.get("name", name)), "img")
    if not isinstance(names, list) or not all(isinstance(path, str) for path in names):
        raise SequenceError(f"{where}: its image names are not a list of names; fetch it again")
    return [folder / path for path in names]


def _visible(where: str, entry: Mapping[str, Any], count: int) -> NDArray[np.bool_] | None:
    if entry.get("absent") is None:
        return None
    try:
        visible = np.asarray(entry["absent"], np.float64) != 0
    except (TypeError, ValueError):
        visible = np.zeros(0, np.bool_)
    if visible.shape != (count,):
        raise SequenceError(f"{where}: absent is not {count} flags; fetch it again")
    return visible


def _attributes(where: str, entry: Mapping[str, Any]) -> frozenset[str]:
    names = entry.get("attr") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SequenceError(f"{where}: attr is not a list of names; fetch it again")
    spelled: list[str] = names
    return frozenset(_CODES.get(name, name) for name in spelled)
