"""Small videos, the crops of them, and datasets of pairs, made as a user would make them."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import simplejpeg

from data_prep.crops.settings import CropSettings
from data_prep.crops.stage import CropRequest, make_crops
from data_prep.shards.request import ShardRequest
from data_prep.shards.stage import make_shards
from data_prep.sources import SourceSpec

ROOT = Path(__file__).parents[1]
SMALL = CropSettings(exemplar_room=127, search_room=131)


def quiet(_):
    pass


def picture(seed, size=(64, 48)):
    """Smooth noise; each seed's is different."""
    width, height = size
    coarse = np.random.default_rng(seed).integers(0, 256, (-(-height // 8), -(-width // 8), 3))
    return np.ascontiguousarray(coarse.astype(np.uint8).repeat(8, 0).repeat(8, 1)[:height, :width])


def write_video(folder, tracks, seed=0, size=(64, 48)):
    """A folder of frames, and for each track (a list of boxes, None where absent) a text file."""
    folder.mkdir(parents=True)
    for number in range(max(map(len, tracks))):
        image = simplejpeg.encode_jpeg(picture(seed + number, size), quality=90)
        (folder / f"{number:06d}.jpg").write_bytes(image)
    for index, boxes in enumerate(tracks):
        rows = (",".join(map(str, box or ["nan"] * 4)) for box in boxes)
        (folder / f"groundtruth.{index}.txt").write_text("".join(f"{row}\n" for row in rows))


def moving_box(frames):
    return [(10 + number % 20, 8, 20, 16) for number in range(frames)]


def source(root, label="set"):
    return SourceSpec(label, "box_folders", root)


def crops_of(sources, out, settings=SMALL, **changes):
    request = CropRequest(sources, out, settings=settings, **{"workers": 0} | changes)
    return make_crops(request, show=quiet)


def some_crops(folder, videos=4, frames=6):
    """Crops of videos a, b, ... of two sources, and a still in a third."""
    for number in range(videos):
        root = folder / ("one" if number % 2 else "two")
        write_video(root / "abcdefgh"[number], [moving_box(frames)], seed=100 * number)
    write_video(folder / "stills/still", [[(10, 10, 20, 20)]], seed=999)
    labels = ["one", "two", "stills"]
    return crops_of([source(folder / label, label) for label in labels], folder / "crops")


def shards_of(index, out, **changes):
    """The folder of a dataset; `changes` are fields of the request."""
    defaults = {"name": "toy", "pairs": 40, "validation_pairs": 8, "shards": 4, "workers": 0}
    make_shards(ShardRequest(crops=index.folder, out=out, **defaults | changes), show=quiet)
    return out


def file_bytes(folder):
    """The content of every file below a folder, but for the lock."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def command(module, *flags):
    return [sys.executable, "-m", module, *map(str, flags)]


def run(module, *flags):
    return subprocess.run(command(module, *flags), cwd=ROOT, capture_output=True, text=True)


def kill_once(condition, module, *flags):
    """Start a command and SIGKILL it as soon as condition() holds; its exit status."""
    process = subprocess.Popen(
        command(module, *flags), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not condition():
        time.sleep(0.002)
    process.kill()
    return process.wait()
