"""What is missing of a benchmark on disk."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from siamfc_jax.evaluation.benchmarks.annotation import is_frame, listing
from siamfc_jax.evaluation.benchmarks.otb_facts import otb_facts
from siamfc_jax.evaluation.benchmarks.subsets import shortened
from siamfc_jax.evaluation.sequences import Sequence, SequenceError, VotSequence


class Missing(NamedTuple):
    """What a benchmark lacks.

    Attributes:
      sequences: expected but not there.
      frames: sequence name -> paths of the frames that are listed but not on disk.
      without_frames: sequences of which annotation alone is there.
      lengths: sequence name -> (annotated frames, frames due), where they differ.
      unannotated: sequence name -> images in its folder that no annotation belongs to.
    """

    sequences: tuple[str, ...]
    frames: Mapping[str, tuple[Path, ...]]
    without_frames: tuple[str, ...]
    lengths: Mapping[str, tuple[int, int]]
    unannotated: Mapping[str, int]

    @property
    def nothing(self) -> bool:
        """Whether everything is there to run a tracker on it."""
        return not any(self)

    def lines(self) -> list[str]:
        """The report for a terminal; empty where nothing is missing."""
        lines = []
        if self.sequences:
            lines.append(f"missing sequences ({len(self.sequences)}): {shortened(self.sequences)}")
        if self.without_frames:
            names = shortened(self.without_frames)
            lines.append(f"without images ({len(self.without_frames)}): {names}")
        for name, paths in self.frames.items():
            lines.append(f"{name}: missing frames ({len(paths)}), the first is {paths[0]}")
        for name, (there, due) in self.lengths.items():
            lines.append(f"{name}: annotated frames {there}, in the benchmark {due}")
        return [*lines, *unannotated_lines(self.unannotated)]


def unannotated_lines(counts: Mapping[str, int]) -> list[str]:
    """A line for each sequence of `images_beyond`."""
    return [f"{name}: images without an annotation: {count}" for name, count in counts.items()]


def missing(
    sequences: Iterable[Sequence],
    expected_names: Iterable[str] = (),
    expected_lengths: Mapping[str, int] | None = None,
    own_folders: bool = False,
) -> Missing:
    """Compare what is on disk with what should be; one listing per folder of images.

    Args:
      sequences: as read.
      expected_names: of a complete benchmark (`subsets.list_names`, `got10k_names`).
      expected_lengths: frames by sequence name, where known; by default OTB's.
      own_folders: a folder of images holds one sequence, so that each image should have an
        annotation, unless it is known how many have.
    """
    sequences = list(sequences)
    there = {sequence.name for sequence in sequences}
    lengths = otb_lengths() if expected_lengths is None else expected_lengths
    return Missing(
        sequences=tuple(name for name in expected_names if name not in there),
        frames=_missing_frames(sequences),
        without_frames=tuple(sequence.name for sequence in sequences if not sequence.frames),
        lengths={
            sequence.name: (len(sequence.truth), lengths[sequence.name])
            for sequence in sequences
            if len(sequence.truth) != lengths.get(sequence.name, len(sequence.truth))
        },
        unannotated=images_beyond(s for s in sequences if own_folders and s.name not in lengths),
    )


def images_beyond(sequences: Iterable[Sequence | VotSequence]) -> dict[str, int]:
    """Sequence name -> images in its folder beside its frames; where there are none, nothing."""
    counts = {}
    for sequence in sequences:
        annotated = {path.name for path in sequence.frames}
        there = filter(is_frame, listing(sequence.frames[0].parent)[0] if annotated else ())
        counts[sequence.name] = sum(name not in annotated for name in there)
    return {name: count for name, count in counts.items() if count}


def folders_without_truth(root: Path, depth: int = 3) -> Iterator[Path]:
    """Folders at or below `root` that hold images as OTB does, but no annotation."""
    files, folders = listing(root)
    if "img" in folders:
        if not any(name.startswith("groundtruth_rect") for name in files):
            yield root
    elif depth:
        for name in folders:
            yield from folders_without_truth(root / name, depth - 1)


def require_frames(sequences: Iterable[Sequence]) -> None:
    """Make sure that every frame is on disk, in name.

    Raises:
      SequenceError: the first that is not, and how many.
    """
    absent = missing(sequences, expected_lengths={})
    if absent.frames:
        name, paths = next(iter(absent.frames.items()))
        count = sum(map(len, absent.frames.values()))
        raise SequenceError(
            f"{paths[0]}: missing (frames missing in all: {count}); "
            f"fetch {name} again, or leave it out by name"
        )
    if absent.without_frames:
        names = shortened(absent.without_frames)
        raise SequenceError(
            f"no folder of images of {names}; fetch them, or leave them out by name"
        )


def otb_lengths() -> dict[str, int]:
    """Number of evaluated frames of OTB's sequences, by name."""
    return {name: facts.length for name, facts in otb_facts().items()}


def _missing_frames(sequences: list[Sequence]) -> dict[str, tuple[Path, ...]]:
    on_disk: dict[Path, frozenset[str]] = {}
    result = {}
    for sequence in sequences:
        absent = []
        for path in sequence.frames:
            folder = path.parent
            if folder not in on_disk:
                on_disk[folder] = frozenset(listing(folder)[0])
            if path.name not in on_disk[folder]:
                absent.append(path)
        if absent:
            result[sequence.name] = tuple(absent)
    return result
