"""The times of frames, beside the boxes: one column per repetition."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from siamfc_jax.evaluation.formats.names import Folder, content, naming
from siamfc_jax.evaluation.formats.text_rows import parse_table
from siamfc_jax.evaluation.runs import ResultError

Seconds = NDArray[np.float64] | None


def check_seconds(seconds: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """`seconds` [n, ...], if there is one for every row, none negative; raises ResultError."""
    if len(seconds) != rows:
        raise ResultError(
            f"{len(seconds)} times for {rows} frames; run this sequence again, or remove the "
            "times to score without them"
        )
    if (seconds < 0).any():
        raise ResultError("a negative time; remove the times to score without them")
    return seconds


def read_times(file: Folder, rows: int) -> NDArray[np.float64]:
    """The table of times [rows, repetitions] in a file; raises ResultError."""
    with naming(file):
        return check_seconds(parse_table(content(file)), rows)


def column_of(times: NDArray[np.float64], repetition: int) -> Seconds:
    """The times of a repetition, counted from 0; None if it was not timed."""
    if repetition >= times.shape[1] or np.isnan(times[:, repetition]).all():
        return None
    return times[:, repetition]


def columns_of(seconds: Sequence[Seconds]) -> NDArray[np.float64]:
    """A table of the times of all repetitions, NaN where there are none."""
    rows = max(0 if column is None else len(column) for column in seconds)
    unknown = np.full(rows, np.nan)
    return np.stack([unknown if column is None else column for column in seconds], 1)
