"""From a weight file, or the name of one that ships with the package, to a tracker."""

import dataclasses
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.config import SIAMFC_3S_RELEASE, SiamFCTracking
from siamfc_jax.tracking.online import Model, MultiTracker, OnlineTracker
from siamfc_jax.weights import WeightsError, load_weights

DEFAULT_TRACKING = dataclasses.replace(SIAMFC_3S_RELEASE, clip_to_frame=True)
"""What a weight file without settings of its own is tracked with, and the shipped one: SiamFC-3s as
released, but with the box kept inside the frame."""


def shipped_models() -> list[str]:
    """Names of the weight files inside the package."""
    folder = resources.files("siamfc_jax.assets")
    return sorted(
        item.name.removesuffix(".safetensors")
        for item in folder.iterdir()
        if item.name.endswith(".safetensors")
    )


def load_model(
    name_or_path: str | os.PathLike[str] = "siamfc-3s", tracking: SiamFCTracking | None = None
) -> Model:
    """Read a network and the settings to track with.

    Args:
      name_or_path: a name from `shipped_models()` or the path of a weight file.
      tracking: replaces the settings inside the file.

    Raises:
      WeightsError: no such name or file, or the file is damaged or of another architecture.
    """
    path = _weight_path(os.fspath(name_or_path))
    file = load_weights(path)
    network = _network(path, file.config)
    return Model(fold_batch_norm(file.params), network, tracking or _tracking(path, file.config))


def load(
    name_or_path: str | os.PathLike[str] = "siamfc-3s", tracking: SiamFCTracking | None = None
) -> OnlineTracker:
    """A tracker for one target: `init(image, box)`, then `box = update(image)` per frame.

    Arguments and errors as `load_model`.
    """
    return OnlineTracker(load_model(name_or_path, tracking))


def load_multi(
    name_or_path: str | os.PathLike[str] = "siamfc-3s", tracking: SiamFCTracking | None = None
) -> MultiTracker:
    """A tracker for several targets of one video; arguments and errors as `load_model`."""
    return MultiTracker(load_model(name_or_path, tracking))


def model_config(network: SiamFCNetwork, tracking: SiamFCTracking) -> dict[str, Any]:
    """The `config` under which `weights.save_weights` stores a model that `load` opens."""
    architecture = {"arch": "siamfc-alexnet", "gain": network.gain}
    return {
        "network": {**architecture, **dataclasses.asdict(network.backbone)},
        "tracking": dataclasses.asdict(tracking),
    }


def _weight_path(name: str) -> Path:
    if name in shipped_models():
        return Path(str(resources.files("siamfc_jax.assets") / f"{name}.safetensors"))
    path = Path(name)
    if not path.exists() and path.suffix != ".safetensors":
        raise WeightsError(
            f"{name}: neither a weight file nor a shipped model; shipped: "
            f"{', '.join(shipped_models()) or 'none'}"
        )
    return path


def _network(path: Path, config: Mapping[str, Any]) -> SiamFCNetwork:
    settings = dict(config.get("network", {}))
    if settings.pop("arch", None) != "siamfc-alexnet":
        raise WeightsError(f"{path}: not a SiamFC network; import it with data_prep.import_weights")
    try:
        gain = float(settings.pop("gain"))
        settings = {key: tuple(v) if isinstance(v, list) else v for key, v in settings.items()}
        return SiamFCNetwork(AlexNetConfig(**settings), gain)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: its network settings are not understood: {error}") from None


def _tracking(path: Path, config: Mapping[str, Any]) -> SiamFCTracking:
    try:
        return SiamFCTracking(**config["tracking"]) if "tracking" in config else DEFAULT_TRACKING
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path}: its tracking settings are not understood: {error}") from None
