"""Seeded synthetic video clips with exact boxes.

`render_clip(HARD, seed=7)` gives a `Clip` of frames, boxes and visibilities; `iter_frames` and
`render_frame` give the same frames one at a time.
"""

from data_prep.synthetic.config import COMPOSITE, DEMO, EASY, HARD, PRESETS, SceneConfig
from data_prep.synthetic.render import (
    DEMO_SEED,
    Clip,
    Frame,
    iter_frames,
    render_clip,
    render_demo,
    render_frame,
    render_masks,
)
from data_prep.synthetic.writer import ClipFolderError, ClipSet, write_clips

__all__ = [
    "COMPOSITE", "DEMO", "DEMO_SEED", "EASY", "HARD", "PRESETS", "Clip", "ClipFolderError",
    "ClipSet", "Frame", "SceneConfig", "iter_frames", "render_clip", "render_demo", "render_frame",
    "render_masks", "write_clips",
]  # fmt: skip
