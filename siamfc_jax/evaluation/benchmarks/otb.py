"""OTB-100 (Wu, Lim and Yang, CVPR 2013 and TPAMI 2015) in the layouts that are in circulation.

    OTB100/                                                <- root, or any folder above
      Basketball/img/0001.jpg, ...                         or Basketball/Basketball/..., as unzipped
      Basketball/groundtruth_rect.txt                      x,y,w,h per frame, pixels from 1
      Jogging/groundtruth_rect.1.txt, .2.txt               two targets: Jogging-1, Jogging-2
    anno/Basketball.txt                                    annotation alone, of the MATLAB toolkit,
                                                           read where there is no groundtruth_rect

Commas, tabs and blanks separate numbers, sometimes in one file. The first row belongs to the first
frame of the benchmark's span, which is not always the folder's; Tiger1 begins at its sixth row.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from siamfc_jax.evaluation.benchmarks.annotation import (
    listing,
    numbered_frames,
    read_each,
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


def read_otb(
    root: Path, *, with_frames: bool = True, damaged: dict[str, str] | None = None
) -> list[Sequence]:
    """Every sequence at or below `root`, by name.

    Folders may be spelled as in any release (`canonical_name`). Frames are those of the
    benchmark's span, whether on disk or not (`completeness.missing` tells); none without a folder
    of images. Sequences that OTB does not know are read by the same layout, from frame 1.

    Args:
      damaged: takes sequences that cannot be read, name -> why; without it, the first raises.

    Raises:
      SequenceError: no sequence there; without `damaged`, an unreadable annotation, or two that
        differ for one sequence.
    """
    require_folder(root, "OTB's sequences")
    found = sorted(_in_folders(root, _DEPTH)) or sorted(_flat(root))
    if not found:
        raise SequenceError(
            f"{root}: no groundtruth_rect.txt in it or in folders below; is this OTB's folder?"
        )
    copies: dict[str, list[_Annotation]] = {}
    for annotation in found:
        copies.setdefault(annotation.name, []).append(annotation)
    readers = {name: partial(_read, of_one, with_frames) for name, of_one in copies.items()}
    return read_each(readers, damaged)


def _in_folders(folder: Path, depth: int) -> Iterator[_Annotation]:
    files, folders = listing(folder)
    matches = [match for match in map(_TRUTH.fullmatch, files) if match]
    # A plain file beside numbered ones is a copy of one of them.
    for match in [match for match in matches if match[1]] or matches:
        name = _target_name(folder.name, match[1])
        if name:
            images = folder / "img" if "img" in folders else None
            yield _Annotation(name, folder / match[0], images)
    for inner in folders if depth and not matches else ():
        yield from _in_folders(folder / inner, depth - 1)


def _flat(root: Path) -> Iterator[_Annotation]:
    # Files of these names are in other folders of the toolkit, too: att, initOmit, results.
    for folder in (root, root / "anno", *root.glob("*/anno")):
        for file in listing(folder)[0]:
            name = canonical_name(file.removesuffix(".txt"))
            if file.endswith(".txt") and name in otb_facts():
                yield _Annotation(name, folder / file, None)


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


def _read(copies: list[_Annotation], with_frames: bool) -> Sequence:
    annotation = _one_of(copies)
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
        omitted_truth=rows[: facts.skipped] if facts.skipped else None,
    )


def _one_of(copies: list[_Annotation]) -> _Annotation:
    """The annotation of a sequence that is there several times: with images, if any has them."""
    first, *others = copies
    for other in others:
        if read_text(other.file) != read_text(first.file):
            raise SequenceError(
                f"{other.file}: {other.name} again, but not as in {first.file}; "
                "give a folder that holds one of them"
            )
    return next((copy for copy in copies if copy.images is not None), first)
