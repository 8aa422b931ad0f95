"""What there is to say after a video was tracked."""

from dataclasses import dataclass

import numpy as np

from siamfc_jax.media.partial_file import partial_path
from siamfc_jax.media.results import ResultPaths

LOW_SCORE = 0.5


@dataclass(frozen=True)
class TrackSummary:
    """Figures of one run.

    `scores` is float32 [F, N], `lost` bool [F, N]. `startup_seconds` is the time until the second
    frame was tracked: starting on the boxes and compiling. `tracking_fps` counts the time in which
    the tracker was at work and nothing else; `end_to_end_fps` also counts waiting for decoding and
    for writing. Both leave out the start-up, and are 0 where no frame was tracked after it.
    `stopped` tells that the caller ended the run early.
    """

    scores: np.ndarray
    lost: np.ndarray
    startup_seconds: float
    tracking_fps: float
    end_to_end_fps: float
    stopped: bool
    paths: ResultPaths

    @property
    def n_frames(self) -> int:
        return len(self.scores)

    def low_score_frames(self, target: int) -> list[int]:
        """Frames in which the target's score is below LOW_SCORE of its median."""
        scores = self.scores[:, target]
        return np.flatnonzero(~(scores >= LOW_SCORE * np.median(scores))).tolist()

    def text(self) -> str:
        plural = "" if self.n_frames == 1 else "s"
        lines = [f"tracked {self.n_frames} frame{plural}; start-up {self.startup_seconds:.1f} s"]
        if self.tracking_fps:
            lines.append(
                f"speed: tracking {self.tracking_fps:.1f} frames/s (without decoding and writing), "
                f"end to end {self.end_to_end_fps:.1f} frames/s"
            )
        for target, scores in enumerate(self.scores.T):
            low = self.low_score_frames(target)
            lines.append(
                f"target {target}: score mean {scores.mean():.2f}, min {scores.min():.2f} "
                f"(frame {scores.argmin()}); low in {_ranges(low) if low else 'no frame'}"
                f"{_lost_in(self.lost[:, target])}"
            )
        for path in (self.paths.video, self.paths.csv, self.paths.json, self.paths.sheet):
            if partial_path(path).is_file():
                lines.append(f"left unfinished: {partial_path(path)}")
            elif path.is_file():
                lines.append(f"wrote {path}")
        return "\n".join(lines)


def _lost_in(lost: np.ndarray) -> str:
    frames = np.flatnonzero(lost).tolist()
    if not frames:
        return ""
    return f"; lost in {len(frames)} of {len(lost)} ({_ranges(frames)})"


def _ranges(numbers: list[int], longest: int = 8) -> str:
    """[1, 2, 3, 7] as "frames 1-3, 7"; long lists are cut."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in runs[:longest]]
    rest = f" and {len(runs) - longest} more stretches" if len(runs) > longest else ""
    return f"frames {', '.join(texts)}{rest}"
