"""SiamRPN's tracking loop as a Tracker: detection around the last box (SiamRPN paper §4)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from siamfc_jax.crops import Frames, context_side, crop_squares, mean_colour
from siamfc_jax.models.anchors import Anchors, decode
from siamfc_jax.models.rpn_heads import Proposals
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.tracking.nms import suppress
from siamfc_jax.tracking.siamrpn_config import SiamRPNTracking
from siamfc_jax.tracking.tracker import Params, Prediction, Tracker, TrackState

# Beyond any frame: it only keeps the arithmetic finite.
_MAX_LOG_GROWTH = 10.0


def siamrpn_tracker(network: SiamRPNNetwork, config: SiamRPNTracking) -> Tracker:
    """The Tracker of `network` under `config`. Its parameters are the network's, folded.

    Raises:
      ValueError: the search image does not suit the network, see `SiamRPNNetwork.cells`.
    """
    cells = network.cells(config.exemplar_size, config.search_size)

    def init(
        params: Params, frames: Frames, boxes_Tx4: jax.Array, stream_T: jax.Array
    ) -> tuple[TrackState, Prediction]:
        size = boxes_Tx4[:, 2:]
        centre = boxes_Tx4[:, :2] + size / 2
        side = _search_side(size, config)
        pad = mean_colour(frames)[stream_T]
        cut = (centre, context_side(size, config.context), pad, config.exemplar_size)
        features = network.embed(params, _crop(frames, stream_T, *cut, config.round_crops))
        template = network.template(params, features)
        state = TrackState(template, stream_T, centre, size, side, side, pad)
        itself_TxK = _foreground(network.respond(params, template, features))[:, 0, 0]
        best_T = jnp.argmax(itself_TxK, -1).astype(jnp.int32)
        response = jnp.zeros((len(boxes_Tx4), cells, cells), jnp.float32)
        return state, Prediction(
            boxes_Tx4,
            itself_TxK.max(-1),
            response,
            _response_box(state),
            best_T,
            *config.confidence.of_given(len(boxes_Tx4)),
        )

    def step(params: Params, state: TrackState, frames: Frames) -> tuple[TrackState, Prediction]:
        search = search_image(frames, state, config)
        output = network.respond(params, state.template, network.embed(params, search))
        pixel = state.side / config.search_size
        proposed = propose(output, state.size / pixel[:, None], network.anchors, config)
        best = _best(proposed)

        limit = frames.sizes[state.stream].astype(jnp.float32)
        place = state.centre + best.box[:, :2] * pixel[:, None]
        centre = jnp.clip(place, 0.0, limit)
        share = (best.penalty * best.score * config.size_lr)[:, None]
        grown = state.size * (1 - share) + best.box[:, 2:] * pixel[:, None] * share
        size = jnp.maximum(jnp.minimum(grown, limit), config.min_size)
        new_state = state._replace(centre=centre, size=size, side=_search_side(size, config))

        low, high = centre - size / 2, centre + size / 2
        if config.clip_to_frame:
            low, high = jnp.maximum(low, 0.0), jnp.minimum(high, limit)
        return new_state, Prediction(
            jnp.concatenate([low, high - low], -1),
            best.score,
            _foreground(output).max(-1),
            _response_box(state),
            best.anchor,
            *config.confidence.of(best.score),
        )

    def _response_box(state: TrackState) -> jax.Array:
        covered = cells * network.anchors.stride / config.search_size
        extent = state.side[:, None] * covered
        return jnp.concatenate([state.centre - extent / 2, extent, extent], -1)

    return Tracker(init, step)


def search_image(frames: Frames, state: TrackState, config: SiamRPNTracking) -> jax.Array:
    """Around every target, [T, search_size, search_size, 3] float32 RGB in 0..255 (SiamRPN paper
    §5.1)."""
    cut = (state.centre, state.side, state.pad, config.search_size)
    return _crop(frames, state.stream, *cut, config.round_crops)


class Ranked(NamedTuple):
    """N proposals for each of T targets.

    Attributes:
      box: [T, N, 4] (cx, cy, w, h) in search pixels, relative to the search image's centre.
      score: [T, N] probability of the foreground.
      penalty: [T, N] of the change in scale and ratio, at most 1.
      rank: [T, N] by which proposals are chosen; -inf for those that are dropped.
      anchor: [T, N] int32, which of a cell's anchors.
    """

    box: jax.Array
    score: jax.Array
    penalty: jax.Array
    rank: jax.Array
    anchor: jax.Array


def propose(
    output: Proposals, size_Tx2: jax.Array, anchors: Anchors, config: SiamRPNTracking
) -> Ranked:
    """What the network proposes, ranked (§4.2-4.3).

    Args:
      output: of the network; every target's own.
      size_Tx2: (w, h) of the last boxes in search pixels.
      anchors: the network's.

    Returns:
      The proposals of all cells, of the central ones, or the top_k of these; in order of their
      rank where `config` has an nms_overlap.
    """
    found = _all_proposals(output, size_Tx2, anchors, config)
    if config.top_k:
        found = _sorted(found, found.score, config.top_k)
    if not config.nms_overlap:
        return found
    ranked = _sorted(found, found.rank, found.rank.shape[1])
    left = suppress(ranked.box, config.nms_overlap)
    return ranked._replace(rank=jnp.where(left, ranked.rank, -jnp.inf))


def _all_proposals(
    output: Proposals, size_Tx2: jax.Array, anchors: Anchors, config: SiamRPNTracking
) -> Ranked:
    targets, cells = output.logits.shape[:2]
    window = np.outer(np.hanning(cells), np.hanning(cells)).astype(np.float32)
    middle = _central(cells, config.center_cells)
    offsets = output.offsets[:, middle, middle]
    sizes = jnp.clip(offsets[..., 2:], -_MAX_LOG_GROWTH, _MAX_LOG_GROWTH)
    grid = jnp.asarray(anchors.grid(cells)[middle, middle])[None]
    box = decode(jnp.concatenate([offsets[..., :2], sizes], -1), grid)
    score = _foreground(output)[:, middle, middle]
    penalty = _penalty(box[..., 2:], size_Tx2[:, None, None, None], config)
    influence = config.window_influence
    window_YxX = jnp.asarray(window[middle, middle])[None, :, :, None]
    rank = penalty * score * (1 - influence) + window_YxX * influence
    anchor = jnp.broadcast_to(jnp.arange(anchors.count, dtype=jnp.int32), score.shape)
    flat = (leaf.reshape(targets, -1) for leaf in (score, penalty, rank, anchor))
    return Ranked(box.reshape(targets, -1, 4), *flat)


def _central(cells: int, center_cells: int) -> slice:
    if not 0 < center_cells < cells:
        return slice(0, cells)
    first = (cells - center_cells) // 2
    return slice(first, first + center_cells)


def _foreground(output: Proposals) -> jax.Array:
    """Probability [T, Y, X, k]."""
    return jax.nn.sigmoid(output.logits[..., 1] - output.logits[..., 0])


def _penalty(proposed: jax.Array, last: jax.Array, config: SiamRPNTracking) -> jax.Array:
    """Of a change of scale and ratio (eq. 13), for sizes (w, h) [..., 2]."""

    def change(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.maximum(a / b, b / a)

    def scale(size: jax.Array) -> jax.Array:
        margin = config.context * (size[..., 0] + size[..., 1])
        return jnp.sqrt((size[..., 0] + margin) * (size[..., 1] + margin))

    scales = change(scale(proposed), scale(last))
    ratios = change(proposed[..., 0] / proposed[..., 1], last[..., 0] / last[..., 1])
    return jnp.exp(-(ratios * scales - 1) * config.penalty_k)


def _sorted(proposals: Ranked, by_TxN: jax.Array, count: int) -> Ranked:
    """The first `count` proposals (or all) by falling `by_TxN`."""
    _, order_TxK = lax.top_k(by_TxN, min(count, by_TxN.shape[1]))

    def take(leaf: jax.Array) -> jax.Array:
        index = order_TxK if leaf.ndim == 2 else order_TxK[..., None]
        return jnp.take_along_axis(leaf, index, 1)

    return Ranked(*(take(leaf) for leaf in proposals))


def _best(proposals: Ranked) -> Ranked:
    """The proposal of the highest rank, without the axis N."""
    best_T = jnp.argmax(proposals.rank, -1)

    def take(leaf: jax.Array) -> jax.Array:
        index = best_T.reshape(-1, *(1,) * (leaf.ndim - 1))
        return jnp.take_along_axis(leaf, index, 1)[:, 0]

    return Ranked(*(take(leaf) for leaf in proposals))


def _search_side(size_Tx2: jax.Array, config: SiamRPNTracking) -> jax.Array:
    """Side of the search square in frame pixels."""
    return context_side(size_Tx2, config.context) * (config.search_size / config.exemplar_size)


def _crop(
    frames: Frames,
    stream_T: jax.Array,
    centre_Tx2: jax.Array,
    side_T: jax.Array,
    pad_Tx3: jax.Array,
    out_size: int,
    whole_pixels: bool,
) -> jax.Array:
    """[T, out_size, out_size, 3]."""
    corner_Tx2 = centre_Tx2 - side_T[:, None] / 2
    if whole_pixels:
        # Released: the first pixel, counted from 0, is floor(centre - (side + 1) / 2 + 1 / 2),
        # where the centre is counted from the middle of pixel 0: half a pixel less than ours.
        side_T = jnp.round(side_T)
        corner_Tx2 = jnp.floor(centre_Tx2 - (side_T[:, None] + 1) / 2)
    cut = (corner_Tx2[:, None], side_T[:, None], pad_Tx3, out_size)
    return crop_squares(frames, stream_T, *cut)[:, 0]
