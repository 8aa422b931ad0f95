"""The parts of a tracking step, one by one, to show what limits it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.speed.results import Result
from experiments.speed.settings import BenchmarkSettings
from experiments.speed.subjects import in_types, rendered_clip
from experiments.speed.timing import Work, take_turns
from siamfc_jax.crops import Frames
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.tracking import siamfc, siamrpn
from siamfc_jax.tracking.canvas import on_canvas
from siamfc_jax.tracking.compiling import jit_for_tracking
from siamfc_jax.tracking.config import SiamFCTracking
from siamfc_jax.tracking.online import Model, compiled_tracker
from siamfc_jax.tracking.siamrpn_config import SiamRPNTracking
from siamfc_jax.tracking.tracker import TrackState

_BURST = 0.02


def parts_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """The step of one target and of many, and its parts, with the frame on the device; calls follow
    one another without waiting."""
    images, box = rendered_clip(settings)
    frames = jax.device_put(on_canvas([images[1]]))
    for kind, typed in in_types(settings, model):
        for targets in (1, settings.targets):
            state = _started(typed, images[0], np.tile(np.asarray(box, np.float32), (targets, 1)))
            _report(step_parts(typed, state, frames), kind, targets, settings.seconds)
    return []


def step_parts(model: Model, state: TrackState, frames: Frames) -> dict[str, Callable[[], Any]]:
    """What does the whole step, and what does each of its parts with the results of the one
    before."""
    network, params = model.network, model.prepared()
    whole = compiled_tracker(network, model.tracking).step
    crop, choose = map(jit_for_tracking, _crop_and_choice(model))

    @jit_for_tracking
    def embed(params: Any, images: jax.Array) -> jax.Array:
        features = network.embed(params, images.reshape(-1, *images.shape[-3:]))
        return features.reshape(*images.shape[:-3], *features.shape[1:])

    respond = jit_for_tracking(network.respond)
    images = crop(frames, state)
    features = embed(params, images)
    responses = respond(params, state.template, features)
    return {
        "whole step": lambda: whole(params, state, frames),
        "search images": lambda: crop(frames, state),
        "embedding": lambda: embed(params, images),
        "correlation": lambda: respond(params, state.template, features),
        "choice of the box": lambda: choose(responses, state),
    }


def _crop_and_choice(model: Model) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Search images of (frames, state), and the best of (responses, state)."""
    network, config = model.network, model.tracking
    if isinstance(network, SiamFCNetwork) and isinstance(config, SiamFCTracking):
        return partial(siamfc.search_images, config=config), lambda r, _: siamfc.locate(r, config)
    assert isinstance(network, SiamRPNNetwork) and isinstance(config, SiamRPNTracking)

    def propose(output: Any, state: TrackState) -> Any:
        size = state.size * (config.search_size / state.side[:, None])
        return siamrpn.propose(output, size, network.anchors, config)

    return partial(siamrpn.search_image, config=config), propose


def _started(model: Model, image: np.ndarray, boxes: np.ndarray) -> TrackState:
    init = compiled_tracker(model.network, model.tracking).init
    first = jax.device_put(on_canvas([image]))
    state, _ = init(model.prepared(), first, jnp.asarray(boxes), jnp.zeros(len(boxes), jnp.int32))
    return state


def _report(parts: dict[str, Callable[[], Any]], kind: str, targets: int, seconds: float) -> None:
    works = {name: Work(begin) for name, begin in parts.items()}
    times = take_turns(works, seconds, burst_seconds=_BURST)
    medians = {name: float(np.median(taken)) for name, taken in times.items()}
    print(f"parts of a step of {targets} targets, {kind}")
    for name, median in medians.items():
        share = median / medians["whole step"]
        print(f"  {name:<18} {median * 1e3:9.3f} ms  {share:6.1%}")
