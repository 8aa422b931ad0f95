"""One function that reads any weight file this project can import."""

import zipfile
from pathlib import Path
from typing import Literal

from data_prep.weights.imported import ColorOrder, Imported
from data_prep.weights.matconvnet import import_matconvnet
from data_prep.weights.naming import import_torch
from data_prep.weights.plain_arrays import import_plain_arrays
from data_prep.weights.resnet50 import import_resnet, is_resnet
from data_prep.weights.siamrpn import import_siamrpn, layout_of
from data_prep.weights.torch_file import read_state_dict
from siamfc_jax.weights import WeightsError

Kind = Literal["matconvnet", "torch", "npz"]
KINDS: tuple[Kind, ...] = ("matconvnet", "torch", "npz")


def import_file(
    path: Path, kind: Kind | None = None, color_order: ColorOrder | None = None
) -> Imported:
    """Reads published weights without executing anything in the file.

    Args:
      kind: None finds it out from the file's first bytes.
      color_order: of the images the net was trained on. None: RGB, but BGR for PyTorch files
        named as the SiamRPN family names its layers.

    Raises:
      WeightsError: one line that names `path` and what to do.
    """
    try:
        match kind or _kind_of(path):
            case "matconvnet":
                return import_matconvnet(path, color_order or "rgb")
            case "torch":
                return _import_torch(path, color_order)
            case "npz":
                return import_plain_arrays(path, color_order or "rgb")
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: there is no such file; check the path") from error
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # WeightsError without the path, or numpy: shapes that do not fit
        raise WeightsError(f"{path}: {error}") from error


def _import_torch(path: Path, color_order: ColorOrder | None) -> Imported:
    state_dict = read_state_dict(path)
    if layout := layout_of(state_dict):
        return import_siamrpn(state_dict, layout, color_order)
    if is_resnet(state_dict):
        return import_resnet(state_dict, color_order)
    return import_torch(state_dict, color_order)


def _kind_of(path: Path) -> Kind:
    with open(path, "rb") as file:
        start = file.read(8)
    if not start:
        raise WeightsError("is empty; fetch it again")
    if start.startswith((b"MATLAB", b"\x89HDF")):
        return "matconvnet"
    if start.startswith(b"\x80"):
        return "torch"
    if start.startswith(b"PK"):
        return "npz" if _holds_arrays(path) else "torch"
    raise WeightsError("is none of MatConvNet .mat, PyTorch .pth, .npz; convert it to one of them")


def _holds_arrays(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise WeightsError(
            f"is a damaged or cut-short archive ({error}); fetch it again"
        ) from error
