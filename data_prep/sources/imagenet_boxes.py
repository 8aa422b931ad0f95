"""The box convention of ImageNet's DET and VID annotations.

Corners are pixel indices from 0, both inclusive (xmin reaches 0, xmax the width - 1). With pixel i
spanning [i, i + 1) the box is therefore x = xmin, w = xmax - xmin + 1. That is also what the
released SiamFC curation computes (ILSVRC15-curation/per_frame_annotation.m) and GOT-10k's toolkit;
PySOT and pytracking leave out the + 1.
"""


def box_of(corners: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """(x, y, w, h), see `siamfc_jax.boxes`, of the corners (xmin, ymin, xmax, ymax) as written."""
    xmin, ymin, xmax, ymax = corners
    return xmin, ymin, xmax - xmin + 1, ymax - ymin + 1
