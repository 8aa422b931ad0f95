"""GOT-10k (Huang et al., TPAMI 2019): 180 sequences to validate, 180 to test on the server.

val/                                                   <- root, or the folder that holds it
  list.txt                                             names of the sequences
  GOT-10k_Val_000001/
    00000001.jpg, 00000002.jpg, ...
    groundtruth.txt                                    x,y,w,h per frame, pixels from 1;
                                                       test: of the first frame alone
    cover.label                                        visible share in eighths; 0 is hidden
    meta_info.ini                                      resolution: (1920, 1080), root_class, ...
"""

import fnmatch
import re
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from siamfc_jax.evaluation.benchmarks.annotation import (
    listing,
    numbered_frames,
    read_each,
    read_labels,
    read_names,
    read_rows,
    read_text,
    require_folder,
    size_of,
)
from siamfc_jax.evaluation.sequences import Sequence, SequenceError


def read_got10k(
    root: Path,
    subset: Literal["val", "test"] = "val",
    *,
    with_frames: bool = True,
    damaged: dict[str, str] | None = None,
) -> list[Sequence]:
    """The sequences of list.txt, or, without one, those that are there, in this order.

    `size` is the resolution of meta_info.ini (without one, of the first frame, if it is listed), to
    which the toolkit clips boxes; `attributes` holds its root class ("animal"); `visible` tells
    where cover is not 0. Of test sequences only the first box is known: with frames, the rows after
    it are NaN. Frames are listed whether on disk or not; `completeness.missing` tells, also of
    sequences that are listed but not there.

    Args:
      damaged: takes sequences that cannot be read, name -> why; without it, the first raises.

    Raises:
      SequenceError: not this layout; without `damaged`, an unreadable or incomplete annotation.
    """
    require_folder(root, f"GOT-10k's {subset}")
    split = root / subset if (root / subset).is_dir() else root
    folders = [name for name in listing(split)[1] if name.startswith(f"GOT-10k_{subset.title()}_")]
    if not folders:
        raise SequenceError(
            f"{split}: not GOT-10k; give the folder that holds GOT-10k_{subset.title()}_000001, "
            "... (or its parent)"
        )
    names = got10k_names(root, subset) if (split / "list.txt").exists() else tuple(folders)
    present = [name for name in names if name in folders]
    readers = {name: partial(_read, split / name, subset, with_frames) for name in present}
    return read_each(readers, damaged)


def got10k_names(root: Path, subset: Literal["val", "test"] = "val") -> tuple[str, ...]:
    """The names in a subset's list.txt: what a complete folder holds.

    Raises:
      SequenceError: no such list.
    """
    split = root / subset if (root / subset).is_dir() else root
    return tuple(read_names(split / "list.txt"))


def _read(folder: Path, subset: str, with_frames: bool) -> Sequence:
    truth = read_rows(folder / "groundtruth.txt")
    images = fnmatch.filter(listing(folder)[0], "[0-9]" * 8 + ".jpg") if with_frames else []
    if subset == "test" and images:
        count = int(Path(images[-1]).stem)
        truth = np.vstack([truth[:1], np.full((count - 1, 4), np.nan)])
    cover = read_labels(folder / "cover.label", len(truth)) if subset == "val" else None
    meta = _meta_info(folder / "meta_info.ini")
    root_class = meta.get("root_class", "")
    frames = numbered_frames(folder, 1, len(truth), 8) if images else ()
    return Sequence(
        name=folder.name,
        frames=frames,
        truth=truth,
        attributes=frozenset([root_class] if root_class else []),
        size=_size(meta.get("resolution", "")) or size_of(frames),
        visible=None if cover is None else cover > 0,
    )


def _meta_info(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    pairs = (re.split("[:=]", line, maxsplit=1) for line in read_text(file).splitlines())
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}


def _size(resolution: str) -> tuple[int, int] | None:
    numbers = re.findall(r"\d+", resolution, re.ASCII)
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else None
