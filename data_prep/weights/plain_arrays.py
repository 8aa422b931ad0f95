"""SiamFC-3s with batch norm already folded, as plain arrays in an .npz file.

Arrays are `c<layer>_w_OHWI` and `c<layer>_b`; the halves of a grouped layer are separate,
`c<layer>a_...` and `c<layer>b_...`, and are joined along the output channels.
"""

import zipfile
from pathlib import Path

import numpy as np

from data_prep.weights.alexnet import pool_strides_of, strides_of
from data_prep.weights.imported import ColorOrder, ConvLayer, Head, Imported, assemble
from siamfc_jax.weights import WeightsError


def import_plain_arrays(path: Path, color_order: ColorOrder = "rgb") -> Imported:
    """Reads folded plain arrays; groups are inferred from the shapes, the head's bias is 0."""
    arrays = _load(path)
    count = sum(f"c{n}_b" in arrays or f"c{n}a_b" in arrays for n in range(1, 6))
    try:
        kernels = [_joined(arrays, n, "w_OHWI").transpose(1, 2, 3, 0) for n in range(1, count + 1)]
        biases = [_joined(arrays, n, "b") for n in range(1, count + 1)]
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"lacks or mis-shapes an array of the c1_w_OHWI layout ({error})"
        ) from error
    pool_strides = pool_strides_of([kernel.shape[-1] for kernel in kernels])
    layers = [
        ConvLayer(f"c{n + 1}", kernel, bias, None, strides_of(n), pool_strides[n], n < count - 1)
        for n, (kernel, bias) in enumerate(zip(kernels, biases, strict=True))
    ]
    notes = ("Batch norm is folded in; there is no head bias in the file, 0 is used.",)
    return assemble(layers, Head(), color_order, notes)


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        # Opened here: NumPy leaves a broken archive open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"is a damaged or cut-short .npz file ({error})") from error


def _joined(arrays: dict[str, np.ndarray], layer: int, kind: str) -> np.ndarray:
    whole = f"c{layer}_{kind}"
    if whole in arrays:
        return arrays[whole]
    return np.concatenate([arrays[f"c{layer}{half}_{kind}"] for half in "ab"])
