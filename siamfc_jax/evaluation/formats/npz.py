"""All runs of a tracker in one NumPy archive.

Keys: `<sequence>` for a run from the first frame, or `<sequence>/<number>/<startFrame>` for each of
several (as "Basketball/01/55": run 1, on frame 55 in the benchmark's counting), and the times under
the same key with `/seconds` behind it. Boxes are [n, 4], times [n], both float64 when written.
"""

import io
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.formats.completeness import expected_starts
from siamfc_jax.evaluation.formats.otb_entry import numbers
from siamfc_jax.evaluation.runs import ResultError, Run
from siamfc_jax.evaluation.sequences import Sequence

_SECONDS = "/seconds"
_DAMAGED = (ValueError, TypeError, OSError, EOFError, KeyError, NotImplementedError, RuntimeError,
            SyntaxError, MemoryError, zipfile.BadZipFile, zlib.error)  # fmt: skip


class Archive:
    """An archive that is open for reading; sequences are decoded when they are asked for."""

    def __init__(self, content: bytes) -> None:
        """Raises ResultError if `content` is no archive."""
        try:
            self._file = np.load(io.BytesIO(content), allow_pickle=False)
            if not isinstance(self._file, np.lib.npyio.NpzFile):
                raise ValueError("one array instead of an archive")
        except _DAMAGED as error:
            raise ResultError(f"not a NumPy archive ({error}); run it again") from None
        self._keys: dict[str, list[str]] = {}
        for key in sorted(self._file.files):
            if not key.endswith(_SECONDS):
                self._keys.setdefault(key.split("/")[0], []).append(key)

    @property
    def sequences(self) -> frozenset[str]:
        """Names of the sequences it holds."""
        return frozenset(self._keys)

    def read(self, sequence: Sequence, protocol: str) -> tuple[Run, ...]:
        """The runs of a sequence it holds.

        OPE takes the first of runs that begin on different frames (TRE), and all of those that
        begin on one (repetitions).

        Raises:
          ResultError: damaged, a malformed key, or not the protocol's number of runs.
        """
        keys = self._keys[sequence.name]
        starts = [_start(key, sequence) for key in keys]
        expected = expected_starts(sequence, protocol)
        if protocol == "OPE":
            keys = keys if len(set(starts)) == 1 else keys[:1]
        elif len(keys) != len(expected):
            raise ResultError(f"{len(keys)} runs, {protocol} has {len(expected)}")
        return tuple(self._run(key, start) for key, start in zip(keys, starts, strict=False))

    def _run(self, key: str, start: int) -> Run:
        boxes = self._array(key)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ResultError(f"{key} has the shape {list(boxes.shape)} instead of [n, 4]")
        timed = key + _SECONDS in self._file.files
        return Run(boxes, start, self._array(key + _SECONDS).ravel() if timed else None)

    def _array(self, key: str) -> NDArray[np.float64]:
        try:
            return numbers({key: self._file[key]}, key)
        except _DAMAGED as error:
            raise ResultError(f"{key}: damaged ({error}); run this sequence again") from None


def write_npz(sequences: Mapping[str, Sequence], runs: Mapping[str, tuple[Run, ...]]) -> bytes:
    """The archive of `runs`, whose sequences are in `sequences`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, all_runs in runs.items():
            for index, run in enumerate(all_runs):
                key = _key(sequences[name], all_runs, index)
                _add(archive, key, run.boxes)
                if run.seconds is not None:
                    _add(archive, key + _SECONDS, run.seconds)
    return file.getvalue()


def _key(sequence: Sequence, runs: tuple[Run, ...], index: int) -> str:
    if len(runs) == 1 and runs[0].start == 0:
        return sequence.name
    return f"{sequence.name}/{index:02d}/{sequence.first_frame + runs[index].start}"


def _start(key: str, sequence: Sequence) -> int:
    name, *place = key.split("/")
    if not place:
        return 0
    if len(place) != 2 or not place[1].isdecimal():
        raise ResultError(f"key {key!r} is not {name}/<run>/<start frame>")
    return int(place[1]) - sequence.first_frame


def _add(archive: zipfile.ZipFile, key: str, values: NDArray[np.float64]) -> None:
    array = io.BytesIO()
    np.lib.format.write_array(array, np.asarray(values, np.float64), allow_pickle=False)
    # A date of its own: the same runs are the same file.
    entry = zipfile.ZipInfo(f"{key}.npy", (1980, 1, 1, 0, 0, 0))
    archive.writestr(entry, array.getvalue(), zipfile.ZIP_DEFLATED)
