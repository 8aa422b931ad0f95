"""Our trackers inside the GOT-10k toolkit (package `got10k` 0.1.3, MIT), which must be installed.

ExperimentOTB("data/OTB", version=2015).run(GOT10kTracker("siamfc-3s"))
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from siamfc_jax import loading
from siamfc_jax.evaluation.sequences import as_annotated, box_of

try:
    from got10k.trackers import Tracker
except ModuleNotFoundError as error:
    raise ImportError(f"{error.name} is missing; pip install got10k==0.1.3 six") from None


class GOT10kTracker(Tracker):
    """A SiamFC model as the toolkit wants it: PIL images, boxes (x, y, w, h) counted from 1."""

    def __init__(
        self, model: str | os.PathLike[str] = "siamfc-3s", name: str | None = None
    ) -> None:
        """Load a model.

        Args:
          model: a shipped name or the path of a weight file.
          name: of the folder that the toolkit writes results to; by default the model's.

        Raises:
          WeightsError: as `loading.load_model`.
        """
        super().__init__(name=name or Path(model).stem, is_deterministic=True)
        self._tracker = loading.load(model)

    def init(self, image: Image.Image, box: NDArray[np.float64]) -> None:
        self._tracker.init(_pixels(image), box_of(box, 1))

    def update(self, image: Image.Image) -> NDArray[np.float64]:
        return as_annotated(self._tracker.update(_pixels(image)), 1)


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB"))
