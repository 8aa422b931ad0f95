"""The networks there are, by name, and how weight files describe them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.anchors import A3, A7, Anchors
from siamfc_jax.models.resnet import CIRESNET22, RESNET22, ResNetConfig
from siamfc_jax.models.rpn_heads import DepthwiseHead, UpChannelHead
from siamfc_jax.models.siamfc import SIAMFC, SIAMFC_TINY, SIAMFC_V1, SiamFCNetwork
from siamfc_jax.models.siamrpn import (
    SIAMRPN,
    SIAMRPN_DEPTHWISE,
    SIAMRPN_TINY,
    SiamRPNNetwork,
)

Network = SiamFCNetwork | SiamRPNNetwork

NETWORKS: dict[str, Network] = {
    "siamfc": SIAMFC,
    "siamfc-v1": SIAMFC_V1,
    "siamfc-resnet22": SiamFCNetwork(RESNET22),
    "siamfc-ciresnet22": SiamFCNetwork(CIRESNET22),
    "siamrpn": SIAMRPN,
    "siamrpn-a3": dataclasses.replace(SIAMRPN, anchors=A3),
    "siamrpn-a7": dataclasses.replace(SIAMRPN, anchors=A7),
    "siamrpn-depthwise": SIAMRPN_DEPTHWISE,
    "tiny": SIAMFC_TINY,
    "siamrpn-tiny": SIAMRPN_TINY,
}
"""What `experiments.train --network` knows."""

_BACKBONES: dict[str, type] = {"alexnet": AlexNetConfig, "resnet22": ResNetConfig}
_HEADS: dict[str, type] = {"up-channel": UpChannelHead, "depthwise": DepthwiseHead}


def network_config(network: Network) -> dict[str, Any]:
    """The network's description in weight files: "arch", its family and backbone, and its parts."""
    arch = _name_of(network.backbone, _BACKBONES)
    backbone = dataclasses.asdict(network.backbone)  # type: ignore[call-overload]
    if isinstance(network, SiamFCNetwork):
        return {"arch": f"siamfc-{arch}", "gain": network.gain, **backbone}
    return {
        "arch": f"siamrpn-{arch}",
        "backbone": backbone,
        "head": {"kind": _name_of(network.head, _HEADS), **dataclasses.asdict(network.head)},
        "anchors": dataclasses.asdict(network.anchors),
    }


def network_of_config(config: Mapping[str, Any]) -> Network:
    """Inverse of `network_config`, also of what JSON makes of it.

    Raises:
      ValueError: it describes no network that there is.
    """
    try:
        settings = _with_tuples(config)
        family, _, backbone = settings.pop("arch").partition("-")
        if family == "siamfc":
            gain = float(settings.pop("gain"))
            return SiamFCNetwork(_BACKBONES[backbone](**settings), gain)
        if family == "siamrpn":
            head = settings.pop("head")
            return SiamRPNNetwork(
                _BACKBONES[backbone](**settings.pop("backbone")),
                _HEADS[head.pop("kind")](**head),
                Anchors(**settings.pop("anchors")),
                **settings,
            )
    except KeyError as error:
        raise ValueError(f"{error} is missing or unknown") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not understood: {error}") from None
    raise ValueError(f"there is no network {config['arch']!r}")


def _name_of(part: Any, kinds: Mapping[str, type]) -> str:
    return next(name for name, kind in kinds.items() if type(part) is kind)


def _with_tuples(value: Any) -> Any:
    """JSON has no tuples, and what is not hashable cannot be a compiled function's setting."""
    if isinstance(value, Mapping):
        return {name: _with_tuples(part) for name, part in value.items()}
    return tuple(_with_tuples(part) for part in value) if isinstance(value, list) else value
