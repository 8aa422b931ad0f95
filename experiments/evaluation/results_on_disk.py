"""Results of what we run: kept as they are made, and not made twice."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from siamfc_jax.durable import write_whole
from siamfc_jax.evaluation.formats.reading import read_results
from siamfc_jax.evaluation.formats.vot_results import read_vot_results, write_vot_sequence
from siamfc_jax.evaluation.formats.writing import write_sequence
from siamfc_jax.evaluation.running.jobs import Job
from siamfc_jax.evaluation.runs import ResultError, Results, Run, VotRun
from siamfc_jax.evaluation.sequences import Sequence, VotSequence


def claim(folder: Path, name: str, identity: Mapping[str, Any]) -> None:
    """Write down what the results of `name` in `folder` are made with.

    Raises:
      ResultError: there are results that something else has made.
      StorageError: the place cannot be written.
    """
    file = folder / f"{name}.json"
    text = json.dumps(identity, indent=1, sort_keys=True)
    if file.exists() and file.read_text() != text:
        raise ResultError(
            f"{file}: results of other weights or settings are here; give another --name or --out, "
            "or remove them"
        )
    write_whole(file, text.encode())


class RectangleStore:
    """The runs of one tracker and protocol, a file or folder per sequence.

    A sequence's runs are written when the last of them is there.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        sequences: Iterable[Sequence],
        protocol: str,
        format: str,
        runs_of: Mapping[str, int],
    ) -> None:
        """`runs_of`: sequence name -> how many runs it has."""
        self._folder, self._name = folder, name
        self._protocol, self._format = protocol, format
        self._sequences = {sequence.name: sequence for sequence in sequences}
        self._runs_of = runs_of
        self._waiting: dict[str, dict[int, Run]] = defaultdict(dict)
        found = self.results().runs
        self._done = {name for name, runs in found.items() if len(runs) >= runs_of[name]}

    def results(self) -> Results[Run]:
        """What is on disk."""
        try:
            return read_results(
                self._folder,
                self._sequences.values(),
                tracker=self._name,
                protocol=self._protocol,
                format=self._format,
            )
        except ResultError as error:
            return Results({}, dict.fromkeys(self._sequences, str(error)))

    def done(self, job: Job[Run]) -> bool:
        return job.sequence in self._done

    def save(self, job: Job[Run], run: Run) -> None:
        waiting = self._waiting[job.sequence]
        waiting[job.part] = run
        if len(waiting) == self._runs_of[job.sequence]:
            runs = tuple(waiting[part] for part in sorted(waiting))
            write_sequence(
                self._folder,
                self._name,
                self._sequences[job.sequence],
                runs,
                protocol=self._protocol,
                format=self._format,
                full=True,
            )
            del self._waiting[job.sequence]


class VotStore:
    """The repetitions of one tracker and experiment, written anew whenever there is one more."""

    def __init__(
        self, folder: Path, name: str, sequences: Iterable[VotSequence], experiment: str
    ) -> None:
        self._folder, self._name, self._experiment = folder, name, experiment
        self._sequences = list(sequences)
        self.runs: dict[str, tuple[VotRun, ...]] = dict(self.results().runs)

    def results(self) -> Results[VotRun]:
        """What is on disk."""
        try:
            return read_vot_results(
                self._folder, self._sequences, experiment=self._experiment, tracker=self._name
            )
        except ResultError as error:
            names = (sequence.name for sequence in self._sequences)
            return Results({}, dict.fromkeys(names, str(error)))

    def done(self, job: Job[VotRun]) -> bool:
        return job.part < len(self.runs.get(job.sequence, ()))

    def save(self, job: Job[VotRun], run: VotRun) -> None:
        self.runs[job.sequence] = (*self.runs.get(job.sequence, ()), run)
        write_vot_sequence(
            self._folder,
            self._name,
            job.sequence,
            self.runs[job.sequence],
            experiment=self._experiment,
            full=True,
        )
