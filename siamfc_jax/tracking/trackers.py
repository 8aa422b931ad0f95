"""The Tracker of any network, and the presets of all tracking loops."""

from dataclasses import replace

from siamfc_jax.models.network import Network
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.tracking import config, siamrpn_config
from siamfc_jax.tracking.config import SiamFCTracking
from siamfc_jax.tracking.siamfc import siamfc_tracker
from siamfc_jax.tracking.siamrpn import siamrpn_tracker
from siamfc_jax.tracking.siamrpn_config import SiamRPNTracking
from siamfc_jax.tracking.tracker import Tracker

Tracking = SiamFCTracking | SiamRPNTracking

PRESETS: dict[str, Tracking] = {**config.PRESETS, **siamrpn_config.PRESETS}


def make_tracker(network: Network, tracking: Tracking) -> Tracker:
    """The Tracker of `network` under `tracking`; its parameters are the network's, folded.

    Raises:
      ValueError: the settings are for another kind of network, or do not suit this one.
    """
    if isinstance(network, SiamFCNetwork) and isinstance(tracking, SiamFCTracking):
        return siamfc_tracker(network, tracking)
    if isinstance(network, SiamRPNNetwork) and isinstance(tracking, SiamRPNTracking):
        return siamrpn_tracker(network, tracking)
    raise _unsuited(network, tracking)


def expect_suits(network: Network, tracking: Tracking) -> None:
    """Raises ValueError if `tracking` is for another kind of network, or its sizes or its stride do
    not suit this one."""
    if not isinstance(tracking, tracking_type(network)):
        raise _unsuited(network, tracking)
    backbone = network.backbone
    exemplar, search = (
        backbone.output_size(size) for size in (tracking.exemplar_size, tracking.search_size)
    )
    if search < exemplar:
        raise ValueError(
            f"search_size {tracking.search_size} is less than exemplar_size "
            f"{tracking.exemplar_size}"
        )
    if isinstance(tracking, SiamFCTracking) and tracking.stride != backbone.stride:
        raise ValueError(f"stride {tracking.stride} is not the network's, {backbone.stride}")


def fast_tracking(tracking: Tracking) -> Tracking:
    """SiamFC's settings with one search image a frame: a pyramid of exemplars in place of any
    other, with all that it brings (`SiamFCTracking.pyramid`).

    Raises:
      ValueError: they are SiamRPN's, which searches one image a frame anyway.
    """
    if isinstance(tracking, SiamRPNTracking):
        raise ValueError("fast is for SiamFC; a SiamRPN searches one image a frame anyway")
    return replace(tracking, pyramid="exemplars")


def searches_one_image(tracking: Tracking) -> bool:
    """Whether a frame has one search image, so that no other way is faster."""
    return isinstance(tracking, SiamRPNTracking) or len(tracking.search_scales) == 1


def tracking_type(network: Network) -> type[SiamFCTracking] | type[SiamRPNTracking]:
    """The kind of settings that `network` tracks with."""
    return SiamFCTracking if isinstance(network, SiamFCNetwork) else SiamRPNTracking


def _unsuited(network: Network, tracking: Tracking) -> ValueError:
    kind = tracking_type(network)
    names = [name for name, preset in PRESETS.items() if isinstance(preset, kind)]
    return ValueError(
        f"the tracking settings are {type(tracking).__name__}, but the network is a "
        f"{type(network).__name__}; its presets are {', '.join(names)}"
    )
