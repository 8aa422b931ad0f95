"""What a dataset of training pairs shall be."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from data_prep.shards.plan import SplitSettings
from data_prep.shards.sampling import PairSettings
from data_prep.storage.processes import usable_cores

Runner = Literal["local", "beam"]


@dataclass(frozen=True)
class ShardRequest:
    """What to write.

    Attributes:
      crops: folder that `make_crops` filled.
      out: folder for the dataset.
      name: the dataset's name, which its files begin with.
      pairs, validation_pairs: how many; 0 validation pairs leave all videos to training.
      shards: of each split; None makes shards of about 128 MB.
      workers: processes of the local runner; 0 writes in this one.
      runner, beam_options: "beam" writes by Apache Beam, with these command-line options.
      force: begin even if the disk seems too small.

    Raises:
      ValueError: the name is no plain word, or a number is out of its range.
    """

    crops: Path
    out: Path
    name: str
    pairs: int
    validation_pairs: int = 0
    split: SplitSettings = field(default_factory=SplitSettings)
    draw: PairSettings = field(default_factory=PairSettings)
    shards: int | None = None
    workers: int = field(default_factory=usable_cores)
    runner: Runner = "local"
    beam_options: Sequence[str] = ()
    force: bool = False

    def __post_init__(self) -> None:
        if not (self.name.isidentifier() and self.name == self.name.lower()):
            raise ValueError(f"name {self.name!r} must consist of a-z, 0-9 and _, and not be empty")
        if self.pairs < 1 or self.validation_pairs < 0:
            raise ValueError(
                f"pairs {self.pairs} must be at least 1, validation pairs {self.validation_pairs} "
                "at least 0"
            )
        if self.shards is not None and not 1 <= self.shards <= 99999:
            raise ValueError(f"shards {self.shards} must be within 1 and 99999")

    @property
    def sizes(self) -> dict[str, int]:
        """Pairs of each split."""
        sizes = {"train": self.pairs, "validation": self.validation_pairs}
        return {split: pairs for split, pairs in sizes.items() if pairs}
