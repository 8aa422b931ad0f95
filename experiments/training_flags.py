"""The flags that say what is trained, and how: the network, and its settings."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

_NETWORK = flags.DEFINE_string(
    "network",
    "siamfc",
    "siamfc, siamfc-v1, siamfc-resnet22, siamfc-ciresnet22, siamrpn, siamrpn-a3, siamrpn-a7, "
    "siamrpn-depthwise; tiny and siamrpn-tiny, to try things out; or a JSON file (.json) with a "
    "network's description, as weight files hold it.",
)
_GAIN = flags.DEFINE_float(
    "gain", None, "Factor of the correlation; by default the network's.", lower_bound=0.0
)
_TRACKING = flags.DEFINE_enum(
    "tracking",
    None,
    [
        "siamfc-3s-paper",
        "siamfc-3s-release",
        "siamfc-ciresnet22-release",
        "siamfc-paper",
        "siamfc-release",
        "siamfc-v1-paper",
        "siamrpn-paper",
        "siamrpn-release",
    ],
    "How the trained model tracks; by default as released, the box kept inside the frame.",
)
_PRESET = flags.DEFINE_enum(
    "preset",
    None,
    [
        "v2-release",
        "v2-paper",
        "v1",
        "modern",
        "resnet22",
        "ciresnet22-release",
        "siamrpn-paper",
        "siamrpn-release",
    ],
    "Settings of the papers and of released code (siamfc_jax/training/settings.py); by default "
    "the network's released ones. The flags below override them.",
)
_SETTINGS = [
    flags.DEFINE_integer("epochs", None, "Epochs, over which the learning rate falls."),
    flags.DEFINE_integer("pairs_per_epoch", None, "Pairs of an epoch."),
    flags.DEFINE_integer("batch", None, "Pairs per step, over all devices and hosts."),
    flags.DEFINE_float("first_rate", None, "Learning rate of the first epoch."),
    flags.DEFINE_float("last_rate", None, "Learning rate of the last epoch."),
    flags.DEFINE_integer("warm_up", None, "Steps of linear warm-up."),
    flags.DEFINE_float("momentum", None, "Of SGD."),
    flags.DEFINE_float("weight_decay", None, "Of kernels."),
    flags.DEFINE_integer("search_size", None, "Side of the search image in pixels."),
    flags.DEFINE_float("radius", None, "Of positive labels, in search pixels."),
    flags.DEFINE_integer("batch_negatives", None, "Others' search images as negatives."),
    flags.DEFINE_float("batch_negative_weight", None, "Weight of their loss."),
    flags.DEFINE_enum("compute", None, ["float32", "bfloat16"], "Type of the activations."),
    flags.DEFINE_bool("sync_norm", None, "Batch norm over all devices' pairs."),
    flags.DEFINE_list("frozen", None, "Beginnings of names of layers that are not trained."),
    flags.DEFINE_float("clip_norm", None, "Longer gradients are scaled to this norm; 0: none."),
]
_UNFREEZE = flags.DEFINE_list(
    "unfreeze", None, "EPOCH:NAME,...: from this epoch on, such frozen layers are trained."
)
_AUGMENTATION = [
    flags.DEFINE_float("stretch", None, "Augmentation: scale of each axis, 1 +- this."),
    flags.DEFINE_float("search_stretch", None, "Augmentation: stretch of the search image."),
    flags.DEFINE_float("scale", None, "Augmentation: scale of both axes of the search image."),
    flags.DEFINE_float("shift", None, "Augmentation: shift in search pixels."),
    flags.DEFINE_float("colour", None, "Augmentation: offset along natural colours."),
    flags.DEFINE_float("contrast", None, "Augmentation: deviation of log contrast."),
    flags.DEFINE_float("grey", None, "Augmentation: share of grey pairs."),
    flags.DEFINE_float("blur", None, "Augmentation: share of blurred search images."),
    flags.DEFINE_bool("flip", None, "Augmentation: mirror half of the pairs."),
]
_RPN = [
    flags.DEFINE_float("positive_iou", None, "SiamRPN: overlap of positive anchors, from here."),
    flags.DEFINE_float("negative_iou", None, "SiamRPN: overlap of negative anchors, up to here."),
    flags.DEFINE_integer("most_positives", None, "SiamRPN: positive anchors of a pair, at most."),
    flags.DEFINE_integer("most_samples", None, "SiamRPN: anchors of a pair, at most."),
    flags.DEFINE_integer(
        "of_other_object", None, "SiamRPN: negative anchors of a pair of different objects."
    ),
    flags.DEFINE_enum("classification", None, ["balanced", "mean"], "SiamRPN: mean of its loss."),
    flags.DEFINE_enum("regression", None, ["l1", "smooth-l1"], "SiamRPN: loss of the offsets."),
    flags.DEFINE_float("sigma", None, "SiamRPN: of smooth-l1."),
    flags.DEFINE_float("regression_weight", None, "SiamRPN: weight of the offsets' loss."),
]


def network() -> Any:
    """The network, as `models.network.Network`; raises ValueError: there is none such."""
    named = _named_network(_NETWORK.value)
    if _GAIN.value is None:
        return named
    if hasattr(named, "gain"):
        return dataclasses.replace(named, gain=_GAIN.value)
    if hasattr(named.head, "gain"):
        return dataclasses.replace(named, head=dataclasses.replace(named.head, gain=_GAIN.value))
    raise ValueError(f"--gain: --network={_NETWORK.value} has none")


def settings(network: Any) -> Any:
    """`TrainSettings` for the network; raises ValueError where they cannot train."""
    from siamfc_jax.training.settings import PRESETS

    preset = PRESETS[_PRESET.value or _released(network)]
    return dataclasses.replace(
        preset,
        augmentation=dataclasses.replace(preset.augmentation, **_given(_AUGMENTATION)),
        rpn=dataclasses.replace(preset.rpn, **_given(_RPN)),
        **_given(_SETTINGS),
        **_unfreeze(),
    )


def tracking() -> Any:
    """How the trained model tracks, as `tracking.trackers.Tracking`; None: it is not said."""
    from siamfc_jax.tracking.trackers import PRESETS

    return PRESETS[_TRACKING.value] if _TRACKING.value else None


def _released(network: Any) -> str:
    from siamfc_jax.models.resnet import ResNetConfig
    from siamfc_jax.models.siamrpn import SiamRPNNetwork

    if isinstance(network, SiamRPNNetwork):
        return "siamrpn-release"
    if isinstance(network.backbone, ResNetConfig):
        return "resnet22" if network.backbone.variant == "valid" else "ciresnet22-release"
    return "v2-release"


def _named_network(name: str) -> Any:
    from siamfc_jax.models.network import NETWORKS, network_of_config

    if name in NETWORKS:
        return NETWORKS[name]
    if not name.endswith(".json"):
        raise ValueError(f"--network: no network {name!r}; there are {', '.join(NETWORKS)}")
    try:
        return network_of_config(json.loads(Path(name).read_bytes()))
    except FileNotFoundError:
        raise ValueError(f"--network: {name}: there is no such file") from None
    except (ValueError, AttributeError) as error:
        raise ValueError(f"--network: {name}: describes no network: {error}") from None


def _unfreeze() -> dict[str, Any]:
    if _UNFREEZE.value is None:
        return {}
    pairs = [text.partition(":") for text in _UNFREEZE.value]
    for epoch, _, name in pairs:
        if not epoch.isdecimal() or not name:
            raise ValueError(f"--unfreeze: {','.join(_UNFREEZE.value)!r} is not EPOCH:NAME,...")
    return {"unfreeze": tuple((int(epoch), name) for epoch, _, name in pairs)}


def _given(holders: Sequence[flags.FlagHolder]) -> dict[str, Any]:
    given = {holder.name: holder.value for holder in holders if holder.value is not None}
    return {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
