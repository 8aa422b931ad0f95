"""A studio whose tracker costs nothing: what is left is what the page itself costs.

python -m experiments.studio.still clip.mp4
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from experiments import cli


class StillPrediction(NamedTuple):
    """As a tracker's for one target: the box that was drawn, and a flat response map."""

    box: np.ndarray
    score: np.ndarray
    confidence: np.ndarray
    lost: np.ndarray
    response: np.ndarray
    response_box: np.ndarray


class StillTracker:
    """Answers at once that the target is where it was."""

    def init(self, image: np.ndarray, boxes: np.ndarray) -> None:
        score, response = np.ones(1, np.float32), np.zeros((1, 17, 17), np.float32)
        lost = np.zeros(1, bool)
        self.initial_prediction = StillPrediction(boxes, score, score, lost, response, boxes)

    def dispatch(self, image: np.ndarray) -> StillPrediction:
        return self.initial_prediction


def main(args: Sequence[str]) -> int:
    from experiments.studio.desk import Studio
    from experiments.studio.server import listen, serve

    source = args[0] if args else None
    with listen("127.0.0.1", 0) as listener, Studio(StillTracker, "still", source, 10**6) as studio:
        print(f"studio: http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
        serve(studio, listener, None)
    return 0


if __name__ == "__main__":
    cli.run(main)
