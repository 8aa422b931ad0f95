"""Writes the clip that ships with the package.

python -m data_prep.demo_clip --out=siamfc_jax/assets
"""

import json
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from data_prep.synthetic import render_demo
from experiments import cli
from siamfc_jax.media.video_writer import VideoWriter

_OUT = flags.DEFINE_string("out", "siamfc_jax/assets", "Folder for demo.mp4 and demo.json.")


def write_demo(folder: Path) -> None:
    """Render the demo into `folder`: the video, and its target's first box as {"init": [...]}.

    Raises MediaError when the folder cannot be written to.
    """
    clip = render_demo()
    with VideoWriter(folder / "demo.mp4", fps=30) as video:
        for frame in clip.frames:
            video.write(frame)
    init = [round(float(value), 2) for value in clip.boxes[0, 0]]
    (folder / "demo.json").write_text(json.dumps({"init": init}) + "\n")


def main(args: Sequence[str]) -> int:
    write_demo(Path(_OUT.value))
    return 0


if __name__ == "__main__":
    cli.run(main)
