"""From a weight file, or the name of one that ships with the package, to a tracker."""

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from siamfc_jax.models.backbone import Compute, is_of_head
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.network import Network, network_config, network_of_config
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.confidence import Confidence
from siamfc_jax.tracking.config import SIAMFC_3S_RELEASE
from siamfc_jax.tracking.online import Model, MultiTracker, OnlineTracker
from siamfc_jax.tracking.redetection import RedetectingTracker, Redetection
from siamfc_jax.tracking.siamrpn_config import SIAMRPN_RELEASE
from siamfc_jax.tracking.trackers import Tracking, expect_suits, fast_tracking, tracking_type
from siamfc_jax.weights import WeightFile, WeightsError, load_weights

DEFAULT_TRACKING = dataclasses.replace(SIAMFC_3S_RELEASE, clip_to_frame=True)
"""What a SiamFC's weight file without settings of its own is tracked with: SiamFC-3s as released,
but with the box kept inside the frame."""

DEFAULT_RPN_TRACKING = dataclasses.replace(SIAMRPN_RELEASE, clip_to_frame=True)
"""The same for a SiamRPN: as released, but with the box cut at the frame's border."""


def default_tracking(network: Network) -> Tracking:
    """What `network` is tracked with where nothing else is said."""
    return DEFAULT_TRACKING if isinstance(network, SiamFCNetwork) else DEFAULT_RPN_TRACKING


def shipped_models() -> list[str]:
    """Names of the weight files inside the package."""
    folder = resources.files("siamfc_jax.assets")
    return sorted(
        item.name.removesuffix(".safetensors")
        for item in folder.iterdir()
        if item.name.endswith(".safetensors")
    )


def load_model(
    name_or_path: str | os.PathLike[str] = "siamfc-3s",
    tracking: Tracking | None = None,
    compute: Compute = "float32",
    fast: bool = False,
) -> Model:
    """Read a network and the settings to track with.

    Args:
      name_or_path: a name from `shipped_models()` or the path of a weight file.
      tracking: replaces the settings inside the file.
      compute: the type of the embedding's activations, "float32" or "bfloat16".
      fast: one search image a frame instead of one of each scale, by `fast_tracking`. The
        confidence stays that of the file: calibrate anew (`experiments.calibrate --fast`) where
        it matters.

    Raises:
      WeightsError: no such name or file, or the file is damaged or holds no such network.
      ValueError: `tracking` does not suit the network, `compute` is no such type, or `fast` is for
        a SiamRPN.
    """
    if compute not in get_args(Compute):
        raise ValueError(f"compute must be {' or '.join(get_args(Compute))}, not {compute!r}")
    path = weight_path(os.fspath(name_or_path))
    file = load_weights(path)
    network = _network(path, file)
    settings = tracking or _tracking(path, file.config, network)
    expect_suits(network, settings)
    settings = fast_tracking(settings) if fast else settings
    return Model(fold_batch_norm(file.params), network, settings, compute)


def load(
    name_or_path: str | os.PathLike[str] = "siamfc-3s",
    tracking: Tracking | None = None,
    compute: Compute = "float32",
    redetect: bool | Redetection = False,
    fast: bool = False,
) -> OnlineTracker:
    """A tracker for one target: `init(image, box)`, then `box = update(image)` per frame.

    Arguments and errors as `load_model`, and
      redetect: whether, and how, a lost target is looked for over the whole frame.

    Raises:
      ValueError: `redetect`, but the model never calls a target lost.
    """
    return OnlineTracker(load_model(name_or_path, tracking, compute, fast), _multi(redetect))


def load_multi(
    name_or_path: str | os.PathLike[str] = "siamfc-3s",
    tracking: Tracking | None = None,
    compute: Compute = "float32",
    redetect: bool | Redetection = False,
    fast: bool = False,
) -> MultiTracker:
    """A tracker for several targets of one video; arguments and errors as `load`."""
    return _multi(redetect)(load_model(name_or_path, tracking, compute, fast))


def _multi(redetect: bool | Redetection) -> Callable[[Model], MultiTracker]:
    if redetect is False:
        return MultiTracker
    settings = Redetection() if redetect is True else redetect
    return functools.partial(RedetectingTracker, settings=settings)


def model_config(network: Network, tracking: Tracking) -> dict[str, Any]:
    """The `config` under which `weights.save_weights` stores a model that `load` opens."""
    return {"network": network_config(network), "tracking": dataclasses.asdict(tracking)}


def weight_path(name: str) -> Path:
    """The weight file of a shipped name, or of a path; raises WeightsError: it can be neither."""
    if name in shipped_models():
        return Path(str(resources.files("siamfc_jax.assets") / f"{name}.safetensors"))
    path = Path(name)
    if not path.exists() and path.suffix != ".safetensors":
        raise WeightsError(
            f"{name}: neither a weight file nor a shipped model; shipped: "
            f"{', '.join(shipped_models()) or 'none'}"
        )
    return path


def _network(path: Path, file: WeightFile) -> Network:
    try:
        network = network_of_config(file.config.get("network", {}))
    except ValueError as error:
        raise WeightsError(
            f"{path}: not a network that tracks ({error}); import it with "
            "data_prep.import_weights, or train one"
        ) from None
    if not any(map(is_of_head, file.params)):
        raise WeightsError(
            f"{path}: an embedding without a head cannot track; begin a training with it "
            "(experiments.train --initial)"
        )
    return network


def _tracking(path: Path, config: Mapping[str, Any], network: Network) -> Tracking:
    if "tracking" not in config:
        return default_tracking(network)
    try:
        settings = dict(config["tracking"])
        # Files from before there was a confidence have none.
        confidence = Confidence(**settings.pop("confidence", {}))
        return tracking_type(network)(**settings, confidence=confidence)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path}: its tracking settings are not understood: {error}") from None
