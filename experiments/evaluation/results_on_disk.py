"""Results of what we run: kept as they are made, and not made twice."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from siamfc_jax.durable import remove_abandoned, write_whole
from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.formats.vot_results import read_vot_results, write_vot_sequence
from siamfc_jax.evaluation.formats.writing import write_sequence
from siamfc_jax.evaluation.running.jobs import Job
from siamfc_jax.evaluation.runs import ResultError, Results, Run, VotRun
from siamfc_jax.evaluation.sequences import Sequence, VotSequence


class Place(NamedTuple):
    """Where the results of a tracker in a protocol or experiment are kept, and what they are made
    with.

    Attributes:
      folder: of the benchmark.
      tracker, protocol: their names.
      settings: JSON values that the results depend on.
    """

    folder: Path
    tracker: str
    protocol: str
    settings: Mapping[str, Any]


class RectangleStore:
    """The runs of one tracker and protocol, a file or folder per sequence.

    A sequence's runs are written when the last of them is there.
    """

    def __init__(
        self,
        place: Place,
        sequences: Iterable[Sequence],
        format: str,
        starts: Mapping[str, ArrayLike],
    ) -> None:
        """`starts`: sequence name -> the row and box [n, 5] that each of its runs begins with.

        Raises:
          ResultError: results of other settings are here.
          StorageError: the place cannot be written.
        """
        self._place, self._format = place, format
        self._sequences = {sequence.name: sequence for sequence in sequences}
        self._counts = {name: len(np.asarray(own)) for name, own in starts.items()}
        self._record = _Record(
            place,
            {name: _digest(self._sequences[name].frames, own) for name, own in starts.items()},
        )
        self._waiting: dict[str, dict[int, Run]] = defaultdict(dict)
        found = self.results().runs
        self._done = {
            name
            for name, count in self._counts.items()
            if len(found.get(name, ())) >= count and self._record.matches(name)
        }

    def results(self) -> Results[Run]:
        """What is on disk."""
        try:
            return read_results(
                self._place.folder,
                self._sequences.values(),
                tracker=self._place.tracker,
                protocol=self._place.protocol,
                format=self._format,
            )
        except ResultError as error:
            return Results({}, dict.fromkeys(self._sequences, str(error)))

    def done(self, job: Job[Run]) -> bool:
        return job.sequence in self._done

    def save(self, job: Job[Run], run: Run) -> None:
        waiting = self._waiting[job.sequence]
        waiting[job.part] = run
        if len(waiting) == self._counts[job.sequence]:
            runs = tuple(waiting[part] for part in sorted(waiting))
            write_sequence(
                self._place.folder,
                self._place.tracker,
                self._sequences[job.sequence],
                runs,
                protocol=self._place.protocol,
                format=self._format,
                full=True,
            )
            self._record.note(job.sequence)
            del self._waiting[job.sequence]


class VotStore:
    """The repetitions of one tracker and experiment, written anew whenever there is one more."""

    def __init__(self, place: Place, sequences: Iterable[VotSequence]) -> None:
        """Raises as `RectangleStore`."""
        self._place = place
        self._sequences = list(sequences)
        self._record = _Record(
            place, {one.name: _digest(one.frames, *one.truth) for one in self._sequences}
        )
        self.runs: dict[str, tuple[VotRun, ...]] = {
            name: runs for name, runs in self.results().runs.items() if self._record.matches(name)
        }

    def results(self) -> Results[VotRun]:
        """What is on disk."""
        try:
            return read_vot_results(
                self._place.folder,
                self._sequences,
                experiment=self._place.protocol,
                tracker=self._place.tracker,
            )
        except ResultError as error:
            names = (sequence.name for sequence in self._sequences)
            return Results({}, dict.fromkeys(names, str(error)))

    def done(self, job: Job[VotRun]) -> bool:
        return job.part < len(self.runs.get(job.sequence, ()))

    def save(self, job: Job[VotRun], run: VotRun) -> None:
        self.runs[job.sequence] = (*self.runs.get(job.sequence, ()), run)
        write_vot_sequence(
            self._place.folder,
            self._place.tracker,
            job.sequence,
            self.runs[job.sequence],
            experiment=self._place.protocol,
            full=True,
        )
        self._record.note(job.sequence)


class _Record:
    """What results are made with, in a file beside them: settings, and each sequence's data."""

    def __init__(self, place: Place, digests: Mapping[str, str]) -> None:
        self._file = place.folder / f"{place.tracker}_{place.protocol}.json"
        self._settings = json.loads(json.dumps(place.settings))
        self._digests = digests
        remove_abandoned(place.folder)
        self._noted = self._read()
        self._write()

    def matches(self, sequence: str) -> bool:
        """Whether the results that are there were made on the data that are there now."""
        return self._noted.get(sequence) == self._digests[sequence]

    def note(self, sequence: str) -> None:
        """The results of a sequence are written."""
        if not self.matches(sequence):
            # Another process may have noted other sequences meanwhile.
            self._noted = {**self._read(), sequence: self._digests[sequence]}
            self._write()

    def _read(self) -> dict[str, str]:
        try:
            kept = json.loads(self._file.read_bytes())
            settings, noted = dict(kept["settings"]), dict(kept["sequences"])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError):
            raise ResultError(
                f"{self._file}: does not say what the results here are made with; give another "
                "--name or --out, or remove it and them"
            ) from None
        if settings != self._settings:
            names = sorted(settings.keys() | self._settings.keys())
            other = [name for name in names if settings.get(name) != self._settings.get(name)]
            raise ResultError(
                f"{self._file}: results of other weights or settings ({', '.join(other)}) are "
                "here; give another --name or --out, or remove them"
            )
        return noted

    def _write(self) -> None:
        record = {"settings": self._settings, "sequences": self._noted}
        write_whole(self._file, json.dumps(record, indent=1, sort_keys=True).encode())


def _digest(frames: tuple[Path, ...], *annotation: ArrayLike) -> str:
    """Tells data apart that have the same name: other annotation, other or more images."""
    digest = hashlib.sha256()
    for rows in annotation:
        array = np.asarray(rows, np.float64)
        digest.update(f"{array.shape}".encode() + array.tobytes())
    try:
        first_bytes = frames[0].stat().st_size
    except OSError:
        first_bytes = -1  # The run will tell.
    digest.update(f"{len(frames)} {first_bytes}".encode())
    return digest.hexdigest()
