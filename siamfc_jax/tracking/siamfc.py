"""SiamFC's tracking loop as a Tracker (v2 paper §2.4 and §4.1)."""

import jax
import jax.numpy as jnp
import numpy as np

from siamfc_jax.area_resize import resize_squares
from siamfc_jax.crops import Frames, context_side, crop_squares, mean_colour
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.config import SiamFCTracking
from siamfc_jax.tracking.tracker import Params, Prediction, Tracker, TrackState
from siamfc_jax.tracking.upsampling import bicubic_matrix


def siamfc_tracker(network: SiamFCNetwork, config: SiamFCTracking) -> Tracker:
    """The Tracker of `network` under `config`. Its parameters are the network's, folded."""

    def _embed(params: Params, images_TxNxHxWx3: jax.Array) -> jax.Array:
        n_targets, n_images = images_TxNxHxWx3.shape[:2]
        features = network.embed(params, images_TxNxHxWx3.reshape(-1, *images_TxNxHxWx3.shape[2:]))
        return features.reshape(n_targets, n_images, *features.shape[1:])

    def init(
        params: Params, frames: Frames, boxes_Tx4: jax.Array, stream_T: jax.Array
    ) -> tuple[TrackState, Prediction]:
        size = boxes_Tx4[:, 2:]
        centre = boxes_Tx4[:, :2] + size / 2
        exemplar_side = context_side(size, config.context)
        side = exemplar_side * (config.search_size / config.exemplar_size)
        pad = mean_colour(frames)[stream_T]
        exemplars = _exemplars(frames, stream_T, centre, exemplar_side, pad, config)
        template = network.template(params, _embed(params, exemplars))
        if config.pyramid == "exemplars":
            template = _of_one_norm(template)
        state = TrackState(template, stream_T, centre, size, side, side, pad)
        return state, _first_prediction(params, state, boxes_Tx4)

    def _first_prediction(params: Params, state: TrackState, boxes_Tx4: jax.Array) -> Prediction:
        exemplar = state.template[:, len(config.exemplar_scales) // 2]
        match = network.respond(params, exemplar, exemplar)[:, 0, 0]
        cells = (config.search_size - config.exemplar_size) // config.stride + 1
        response = jnp.zeros((len(boxes_Tx4), cells, cells), jnp.float32)
        middle = jnp.full(len(boxes_Tx4), config.n_scales // 2, jnp.int32)
        return Prediction(
            boxes_Tx4,
            jax.nn.sigmoid(match),
            response,
            _response_box(state, state.side),
            middle,
            *config.confidence.of_given(len(boxes_Tx4)),
        )

    def step(params: Params, state: TrackState, frames: Frames) -> tuple[TrackState, Prediction]:
        scales = jnp.asarray(config.scales, jnp.float32)
        features = _embed(params, search_images(frames, state, config))
        responses_TxSxhxw = network.respond(params, state.template, features)

        best_T, peak_T, displacement_Tx2 = locate(responses_TxSxhxw, config)
        scale_T = scales[best_T]
        searched_side = state.side if config.pyramid == "exemplars" else state.side * scale_T
        chosen = searched_side if config.displacement_scale == "chosen" else state.side
        rounded = config.round_crops and config.pyramid != "exemplars"
        chosen = _round(chosen) if rounded else chosen
        centre = state.centre + displacement_Tx2 * (chosen / config.search_size)[:, None]
        if config.clip_to_frame:
            limit = frames.sizes[state.stream].astype(jnp.float32)
            centre = jnp.clip(centre, 0.0, limit)

        damped_T = 1 - config.scale_lerp + config.scale_lerp * scale_T
        side = jnp.clip(
            state.side * damped_T,
            config.min_side * state.first_side,
            config.max_side * state.first_side,
        )
        growth = side / state.side if config.size_follows_limits else damped_T
        size = state.size * growth[:, None]
        new_state = state._replace(centre=centre, size=size, side=side)

        box = jnp.concatenate([centre - size / 2, size], -1)
        if config.clip_to_frame:
            low = jnp.maximum(box[:, :2], 0.0)
            box = jnp.concatenate([low, jnp.minimum(centre + size / 2, limit) - low], -1)
        response = jnp.take_along_axis(responses_TxSxhxw, best_T[:, None, None, None], 1)[:, 0]
        score = jax.nn.sigmoid(peak_T)
        return new_state, Prediction(
            box,
            score,
            response,
            _response_box(state, searched_side),
            best_T,
            *config.confidence.of(score),
        )

    def _response_box(state: TrackState, side_T: jax.Array) -> jax.Array:
        covered = config.search_size - config.exemplar_size + config.stride
        extent = side_T[:, None] * (covered / config.search_size)
        return jnp.concatenate([state.centre - extent / 2, extent, extent], -1)

    return Tracker(init, step)


def _exemplars(
    frames: Frames,
    stream_T: jax.Array,
    centre_Tx2: jax.Array,
    side_T: jax.Array,
    pad_Tx3: jax.Array,
    config: SiamFCTracking,
) -> jax.Array:
    """Those of all `exemplar_scales` of every target, [T, E, exemplar_size, exemplar_size, 3]
    (v2 paper §4.1, eq. 7); `side_T` is that of the middle one in frame pixels."""
    side_TxE = side_T[:, None] / jnp.asarray(config.exemplar_scales, jnp.float32)[None]
    if config.whole_pixels:
        side_TxE = _whole_side(side_TxE)
    corner = _corner(centre_Tx2[:, None], side_TxE, config)
    cut = (frames, stream_T, corner, side_TxE, pad_Tx3)
    if config.pyramid == "two_stage":
        out = jnp.full(side_TxE.shape, float(config.exemplar_size))
        return resize_squares(*cut, out, config.exemplar_size)
    return crop_squares(*cut, config.exemplar_size)


def _of_one_norm(template_TxExhxwxC: jax.Array) -> jax.Array:
    """Every exemplar with the norm of the middle one: by Cauchy-Schwarz that which looks like the
    target responds most, where a stronger one would at any size."""
    energy = (template_TxExhxwxC * template_TxExhxwxC).sum((2, 3, 4), keepdims=True)
    norm = jnp.sqrt(energy)
    middle = norm[:, norm.shape[1] // 2][:, None]
    return template_TxExhxwxC * (middle / jnp.maximum(norm, jnp.finfo(jnp.float32).tiny))


def _round(values: jax.Array) -> jax.Array:
    """Nearest whole number, halves away from zero, as MATLAB's round."""
    return jnp.sign(values) * jnp.floor(jnp.abs(values) + 0.5)


def _whole_side(sides: jax.Array) -> jax.Array:
    return jnp.maximum(_round(sides), 1.0)


def _corner(centre: jax.Array, side: jax.Array, config: SiamFCTracking) -> jax.Array:
    if not config.whole_pixels:
        return centre - side[..., None] / 2
    # Released: the first pixel, counted from 1, is round(position - (side + 1) / 2), where the
    # position of a box is its first pixel plus half its size: 1 more than in our coordinates.
    return _round(centre + 1 - (side[..., None] + 1) / 2) - 1


def search_images(frames: Frames, state: TrackState, config: SiamFCTracking) -> jax.Array:
    """Those of all `search_scales` around every target, [T, S, search_size, search_size, 3] float32
    RGB in 0..255 (v2 paper §2.4)."""
    side_TxS = state.side[:, None] * jnp.asarray(config.search_scales, jnp.float32)[None]
    if config.whole_pixels:
        side_TxS = _whole_side(side_TxS)
    if config.pyramid != "two_stage":
        corner = _corner(state.centre[:, None], side_TxS, config)
        return crop_squares(frames, state.stream, corner, side_TxS, state.pad, config.search_size)
    return _two_stage_pyramid(frames, state, side_TxS, config)


def _two_stage_pyramid(
    frames: Frames, state: TrackState, side_TxS: jax.Array, config: SiamFCTracking
) -> jax.Array:
    """The released pyramid: every scale is cut out of one resized region, and resized again.

    `side_TxS` holds whole numbers.
    """
    zoom_T = config.search_size / side_TxS[:, 0]
    region_size_T = _round(zoom_T * side_TxS[:, -1])
    # Static room for the region, whose true size varies by rounding with the side.
    room = int(np.ceil(config.search_size * config.scales[-1] / config.scales[0] * 1.1)) + 2
    region_size_T = jnp.minimum(region_size_T, room)
    corner = _corner(state.centre[:, None], side_TxS[:, -1:], config)
    region = resize_squares(
        frames, state.stream, corner, side_TxS[:, -1:], state.pad, region_size_T[:, None], room
    )[:, 0]
    regions = Frames(region, region_size_T.astype(jnp.int32)[:, None].repeat(2, 1))
    inner_side = _round(zoom_T[:, None] * side_TxS)
    # The same formula in the region, whose centre is (1 + size) / 2 counted from 1.
    inner_corner = _round((region_size_T[:, None] - inner_side) / 2) - 1
    inner_corner = inner_corner[..., None].repeat(2, -1)
    targets = jnp.arange(len(state.stream), dtype=jnp.int32)
    size = config.search_size
    out = jnp.full(side_TxS.shape, float(size))
    return resize_squares(regions, targets, inner_corner, inner_side, state.pad, out, size)


def locate(
    responses_TxSxhxw: jax.Array, config: SiamFCTracking
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The best scale and place of every target (v2 paper §2.4 and §4.1).

    Args:
      responses_TxSxhxw: float32 response maps of all scales, the middle one that of before.

    Returns:
      Index of the best scale [T] int32; its raw peak [T]; and the displacement (x, y) [T, 2] in
      search pixels, from the middle of the search image.

    All scales are upsampled whole, since the penalty and the released mixture with the cosine
    window need the least value and the sum of whole maps. It is a hundredth of the step
    (`experiments.benchmark --rows=parts`).
    """
    cells = responses_TxSxhxw.shape[-1]
    upsampling = jnp.asarray(bicubic_matrix(cells, config.upsample))
    up = jnp.einsum("ui,tsij,vj->tsuv", upsampling, responses_TxSxhxw, upsampling)
    peaks_TxS = up.max((2, 3))
    base = up.min((1, 2, 3))[:, None] if config.penalty_base == "above_min" else 0.0
    middle = jnp.arange(config.n_scales) == config.n_scales // 2
    penalty = jnp.where(middle, 1.0, config.scale_penalty).astype(jnp.float32)
    best_T = jnp.argmax((peaks_TxS - base) * penalty[None], -1).astype(jnp.int32)

    chosen = jnp.take_along_axis(up, best_T[:, None, None, None], 1)[:, 0]
    chosen = chosen - chosen.min((1, 2), keepdims=True)
    total = jnp.maximum(chosen.sum((1, 2), keepdims=True), jnp.finfo(jnp.float32).tiny)
    window = jnp.asarray(_cosine_window(cells * config.upsample))
    mixed = (1 - config.window_influence) * chosen / total + config.window_influence * window[None]
    side = mixed.shape[-1]
    flat_T = jnp.argmax(mixed.reshape(len(mixed), -1), -1)
    place = jnp.stack([flat_T % side, flat_T // side], -1).astype(jnp.float32)
    centre = side // 2 - 1 if config.legacy_center else (side - 1) / 2
    peak_T = jnp.take_along_axis(peaks_TxS, best_T[:, None], 1)[:, 0]
    return best_T, peak_T, (place - centre) * (config.stride / config.upsample)


def _cosine_window(size: int) -> np.ndarray:
    hann = np.hanning(size)
    window = np.outer(hann, hann)
    return (window / window.sum()).astype(np.float32)
