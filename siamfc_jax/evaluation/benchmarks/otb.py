"""OTB-100 (Wu, Lim and Yang, CVPR 2013 and TPAMI 2015) in the layouts that are in circulation.

    OTB100/                                                <- root, or any folder above
      Basketball/img/0001.jpg, ...                         or Basketball/Basketball/..., as unzipped
      Basketball/groundtruth_rect.txt                      x,y,w,h per frame, pixels from 1
      Jogging/groundtruth_rect.1.txt, .2.txt               two targets: Jogging-1, Jogging-2
    anno/Basketball.txt                                    annotation alone, of the MATLAB toolkit

Commas, tabs and blanks separate numbers, sometimes in one file. The first row belongs to the first
frame of the benchmark's span, which is not always the folder's; Tiger1 begins at its sixth row.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from siamfc_jax.evaluation.benchmarks.annotation import (
    listing,
    numbered_frames,
    read_rows,
    read_text,
    require_folder,
)
from siamfc_jax.evaluation.benchmarks.otb_facts import OtbFacts, canonical_name, otb_facts
from siamfc_jax.evaluation.sequences import Sequence, SequenceError

_TRUTH = re.compile(r"groundtruth_rect(?:\.(\d))?\.txt", re.ASCII)
_DEPTH = 3


class _Annotation(NamedTuple):
    name: str
    file: Path
    images: Path | None


def read_otb(root: Path, *, with_frames: bool = True) -> list[Sequence]:
    """Every sequence at or below `root`, by name.

    Folders may be spelled as in any release (`canonical_name`). Frames are those of the
    benchmark's span, whether on disk or not (`completeness.missing` tells); none without a folder
    of images. Sequences that OTB does not know are read by the same layout, from frame 1.

    Raises:
      SequenceError: no sequence there, an unreadable annotation, or two that differ for one
        sequence.
    """
    require_folder(root, "OTB's sequences")
    found = sorted(_annotations(root, _DEPTH))
    if not found:
        raise SequenceError(
            f"{root}: no groundtruth_rect.txt in it or in folders below; is this OTB's folder?"
        )
    return [_read(annotation, with_frames) for annotation in _without_copies(found)]


def _annotations(folder: Path, depth: int) -> Iterator[_Annotation]:
    files, folders = listing(folder)
    matches = [match for match in map(_TRUTH.fullmatch, files) if match]
    # A plain file beside numbered ones is a copy of one of them.
    for match in [match for match in matches if match[1]] or matches:
        name = _target_name(folder.name, match[1])
        if name:
            images = folder / "img" if "img" in folders else None
            yield _Annotation(name, folder / match[0], images)
    if matches:
        return
    for file in files:
        name = canonical_name(file.removesuffix(".txt"))
        if file.endswith(".txt") and name in otb_facts():
            yield _Annotation(name, folder / file, None)
    for inner in folders if depth else ():
        yield from _annotations(folder / inner, depth - 1)


def _target_name(folder: str, number: str | None) -> str:
    """Name of the sequence of a folder's annotation file; none where it is not evaluated."""
    if number is None:
        return canonical_name(folder)
    name = canonical_name(f"{folder}-{number}")
    if name in otb_facts():
        return name
    whole = canonical_name(folder)
    if whole in otb_facts():
        return whole if whole.endswith(f"-{number}") else ""
    return name


def _without_copies(found: list[_Annotation]) -> list[_Annotation]:
    kept: dict[str, _Annotation] = {}
    for annotation in found:
        other = kept.setdefault(annotation.name, annotation)
        if read_text(other.file) != read_text(annotation.file):
            raise SequenceError(
                f"{annotation.file}: {annotation.name} again, but not as in {other.file}; "
                "give a folder that holds one of them"
            )
        if other.images is None:
            kept[annotation.name] = annotation
    return list(kept.values())


def _read(annotation: _Annotation, with_frames: bool) -> Sequence:
    rows = read_rows(annotation.file)
    facts = otb_facts().get(annotation.name)
    if facts is None:
        facts = OtbFacts(annotation.name, 1, len(rows), 4, frozenset(), frozenset(), ())
    truth = rows[facts.skipped : facts.last - facts.first + 1]
    if not len(truth):
        raise SequenceError(
            f"{annotation.file}: ends before the first evaluated frame of {facts.name}; "
            "fetch it again"
        )
    first = facts.first + facts.skipped
    frames: tuple[Path, ...] = ()
    if annotation.images is not None and with_frames:
        frames = numbered_frames(annotation.images, first, len(truth), facts.digits)
    return Sequence(
        name=facts.name,
        frames=frames,
        truth=truth,
        first_frame=first,
        attributes=facts.attributes,
        omitted=facts.omitted,
    )
