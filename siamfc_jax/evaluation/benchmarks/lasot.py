"""LaSOT (Fan et al., CVPR 2019): as data, or as the annotation of its evaluation toolkit.

    LaSOTBenchmark/                                        <- root
      airplane/airplane-1/                                 or airplane-1/ directly in the root
        img/00000001.jpg, 00000002.jpg, ...
        groundtruth.txt                                    x,y,w,h per frame, pixels from 1
        full_occlusion.txt, out_of_view.txt                0 or 1 per frame, by commas
    annos/                                                 <- root, or the folder that holds it
      airplane-1.txt                                       as groundtruth.txt
      absent/airplane-1.txt                                1 where the target is not to be seen
      att/airplane-1.txt                                   14 flags, as LASOT_ATTRIBUTES

The published scores rest on annos/absent. Without it a target counts as absent where it is fully
occluded or out of view, as other toolkits derive it.
"""

import functools
from collections.abc import Iterator
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Literal

from siamfc_jax.evaluation.benchmarks.annotation import (
    listing,
    numbered_frames,
    read_each,
    read_labels,
    read_rows,
    require_folder,
)
from siamfc_jax.evaluation.sequences import Sequence, SequenceError

LASOT_ATTRIBUTES = (
    ("IV", "POC", "DEF", "MB", "CM", "ROT", "BC")
    + ("VC", "SV", "FOC", "FM", "OV", "LR", "ARC")
)  # fmt: skip
"""In the order of the toolkit's files (run_tracker_performance_evaluation.m)."""


def read_lasot(
    root: Path,
    *,
    subset: Literal["test", "all"] = "test",
    annos: Path | None = None,
    with_frames: bool = True,
    damaged: dict[str, str] | None = None,
) -> list[Sequence]:
    """The sequences at `root`, by category and number.

    Args:
      root: folder in either layout of this module.
      subset: "test", the 280 of protocol II, or "all" that are there.
      annos: the toolkit's annotation, for attributes and absence of sequences read as data; its
        flags of absence win over those of the data.
      with_frames: list the frames, whether on disk or not (`completeness.missing` tells).
      damaged: takes sequences that cannot be read, name -> why; without it, the first raises.

    Rows whose numbers are not all positive are kept as they are: metrics leave them out.

    Raises:
      SequenceError: no sequence there; without `damaged`, an unreadable or incomplete annotation.
    """
    require_folder(root, "LaSOT's categories, or its toolkit's annos")
    if annos is not None:
        require_folder(annos, "the toolkit's annotation (absent/, att/)")
    toolkit = root / "annos" if (root / "annos").is_dir() else root
    if (toolkit / "absent").is_dir():
        names = _chosen(toolkit, _stems(toolkit), subset)
        return read_each({name: partial(_from_toolkit, toolkit, name) for name in names}, damaged)
    folders = {folder.name: folder for folder in _folders(root)}
    names = _chosen(root, folders, subset)
    readers = {name: partial(_from_data, folders[name], annos, with_frames) for name in names}
    return read_each(readers, damaged)


@functools.cache
def lasot_test_names() -> tuple[str, ...]:
    """The 280 test sequences of protocol II, in the order of testing_set.txt."""
    text = resources.files(__package__).joinpath("lasot_test_set.txt").read_text(encoding="utf-8")
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return tuple(f"{category}-{number}" for category, *numbers in rows for number in numbers)


def _chosen(root: Path, found: dict[str, Path], subset: str) -> list[str]:
    names = [name for name in found if subset == "all" or name in lasot_test_names()]
    if not names:
        kind = "sequence" if subset == "all" or not found else "test sequence"
        raise SequenceError(
            f"{root}: no {kind} of LaSOT in it; give the folder that holds "
            "airplane/airplane-1/groundtruth.txt, ..., or the toolkit's annos"
        )
    return sorted(names, key=_category_and_number)


def _category_and_number(name: str) -> tuple[str, int]:
    category, _, number = name.rpartition("-")
    return category, int(number)


def _is_sequence(name: str) -> bool:
    category, _, number = name.rpartition("-")
    return bool(category) and number.isdecimal()


def _stems(toolkit: Path) -> dict[str, Path]:
    files = (toolkit / name for name in listing(toolkit)[0] if name.endswith(".txt"))
    return {file.stem: file for file in files if _is_sequence(file.stem)}


def _folders(root: Path) -> Iterator[Path]:
    for name in listing(root)[1]:
        inner = [""] if _is_sequence(name) else filter(_is_sequence, listing(root / name)[1])
        yield from (root / name / sequence for sequence in inner)


def _from_toolkit(toolkit: Path, name: str) -> Sequence:
    truth = read_rows(toolkit / f"{name}.txt")
    return Sequence(
        name=name,
        frames=(),
        truth=truth,
        attributes=_attributes(toolkit, name),
        visible=read_labels(toolkit / "absent" / f"{name}.txt", len(truth)) == 0,
    )


def _from_data(folder: Path, annos: Path | None, with_frames: bool) -> Sequence:
    truth = read_rows(folder / "groundtruth.txt")
    if annos is not None:
        absent = read_labels(annos / "absent" / f"{folder.name}.txt", len(truth)) != 0
    else:
        occluded = read_labels(folder / "full_occlusion.txt", len(truth)) != 0
        absent = occluded | (read_labels(folder / "out_of_view.txt", len(truth)) != 0)
    images = folder / "img"
    listed = with_frames and images.is_dir()
    return Sequence(
        name=folder.name,
        frames=numbered_frames(images, 1, len(truth), 8) if listed else (),
        truth=truth,
        attributes=_attributes(annos, folder.name),
        visible=~absent,
    )


def _attributes(annos: Path | None, name: str) -> frozenset[str]:
    if annos is None or not (annos / "att" / f"{name}.txt").exists():
        return frozenset()
    flags = read_labels(annos / "att" / f"{name}.txt", len(LASOT_ATTRIBUTES))
    return frozenset(code for code, flag in zip(LASOT_ATTRIBUTES, flags, strict=True) if flag)
