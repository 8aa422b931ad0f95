"""Names of the rows that `experiments.benchmark` knows."""

from collections.abc import Sequence

TRACKING_ROWS = (
    "live",
    "fast",
    "clip",
    "batched",
    "sequences",
    "parts",
    "cold_start",
    "evaluation",
    "otb_like",
)
TRAINING_ROWS = ("train", "train_batches", "roofline", "input", "end_to_end")


def split_rows(rows: Sequence[str]) -> tuple[list[str], list[str]]:
    """The rows of tracking and those of training; raises ValueError for others."""
    unknown = [row for row in rows if row not in TRACKING_ROWS + TRAINING_ROWS]
    if unknown:
        raise ValueError(
            f"--rows: no row {unknown[0]!r}; there are {', '.join(TRACKING_ROWS + TRAINING_ROWS)}"
        )
    tracking = [row for row in rows if row in TRACKING_ROWS]
    return tracking, [row for row in rows if row in TRAINING_ROWS]
