"""Measures the stages of data preparation on this machine, on generated data.

    python -m data_prep.measure

Prints crops per second and core from 1280 x 720 JPEG frames, the rate of shard writing beside that
of a plain file, and the peak memory of both stages for a dataset and for one eight times as large.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import simplejpeg
from absl import flags
from numpy.typing import NDArray
from PIL import Image

from data_prep.crops.stage import CropRequest, make_crops
from data_prep.shards.request import ShardRequest
from data_prep.shards.stage import make_shards
from data_prep.sources import SourceSpec
from data_prep.storage.processes import usable_cores
from experiments import cli

_LARGE, _SMALL = (1280, 720), (320, 240)
_FRAMES = 300
_PAIRS = 12_000
_VIDEOS, _VIDEO_FRAMES = 20, 40
_DISTINCT_FRAMES = 20

_FOLDER = flags.DEFINE_string("folder", None, "Where to work; default: the system's own place.")


def main(args: Sequence[str]) -> None:
    cli.expect_no_arguments(args)
    with tempfile.TemporaryDirectory(dir=_FOLDER.value) as name:
        folder = Path(name)
        for measure in (crop_rate, shard_rates, peak_memory):
            for line in measure(folder):
                print(line, flush=True)


def crop_rate(folder: Path) -> Iterator[str]:
    """Cut crops of large frames on one core."""
    file = write_video(folder / "large/video", _FRAMES, _LARGE)
    source = SourceSpec("large", "box_folders", folder / "large")
    request = CropRequest([source], folder / "crops", workers=0)
    started = time.perf_counter()
    index = make_crops(request, show=_quiet)
    rate = _FRAMES / (time.perf_counter() - started)
    yield (
        f"crops: {rate:.0f} frames/s on one core, from 1280 x 720 JPEG of "
        f"{file.stat().st_size / 1e3:.0f} kB; {index.bytes / _FRAMES / 1e3:.1f} kB for a box"
    )


def shard_rates(folder: Path) -> Iterator[str]:
    """Write shards of those crops on one core and on all, and a plain file of as many bytes."""
    for workers in (0, usable_cores()):
        out = folder / f"shards-{workers}"
        request = ShardRequest(folder / "crops", out, "measured", _PAIRS, workers=workers)
        started = time.perf_counter()
        make_shards(request, show=_quiet)
        seconds = time.perf_counter() - started
        size = sum(file.stat().st_size for file in out.glob("*.tfrecord-*"))
        cores = f"{workers} workers, their start included" if workers else "one core"
        yield (
            f"shards: {size / seconds / 1e6:.0f} MB/s on {cores} "
            f"({size / 1e6:.0f} MB, {_PAIRS / seconds:,.0f} pairs/s)"
        )
    yield f"a plain file of the same size: {plain_rate(folder / 'plain', size) / 1e6:.0f} MB/s"


def plain_rate(file: Path, size: int) -> float:
    """Bytes per second of writing a file and having the disk acknowledge it."""
    block = np.random.default_rng(0).bytes(1 << 20)
    started = time.perf_counter()
    with open(file, "wb") as opened:
        for _ in range(-(-size // len(block))):
            opened.write(block)
        opened.flush()
        os.fsync(opened.fileno())
    return size / (time.perf_counter() - started)


def peak_memory(folder: Path) -> Iterator[str]:
    """Largest resident size of any process, for a small dataset and one eight times as large."""
    for times in (1, 8):
        videos = folder / f"videos-{times}"
        for number in range(_VIDEOS * times):
            write_video(videos / f"{number:05d}", _VIDEO_FRAMES, _SMALL)
        crops, shards = folder / f"crops-{times}", folder / f"shards-of-{times}"
        boxes = _VIDEOS * times * _VIDEO_FRAMES
        source = f"--source=box_folders:{videos}"
        cutting = _peak("data_prep.make_crops", source, f"--out={crops}", "--workers=1")
        flags_of_shards = (f"--crops={crops}", f"--out={shards}", f"--pairs={boxes}")
        sharding = _peak("data_prep.make_shards", *flags_of_shards, "--workers=1")
        yield (
            f"peak memory with {boxes:,} boxes: {cutting / 1e6:.0f} MB to cut crops, "
            f"{sharding / 1e6:.0f} MB to write as many pairs"
        )


def _peak(module: str, *arguments: str) -> int:
    """Bytes of the largest among a command's processes."""
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise ValueError(f"failed with {process.returncode}: {' '.join(command)}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def write_video(folder: Path, frames: int, size: tuple[int, int]) -> Path:
    """A folder of frames (few differ; the rest are links to these) and a box in each; a frame."""
    folder.mkdir(parents=True)
    files = [folder / f"{number:06d}.jpg" for number in range(frames)]
    for number, file in enumerate(files):
        if number < _DISTINCT_FRAMES:
            image = simplejpeg.encode_jpeg(_photo(number, size), quality=90, colorsubsampling="420")
            file.write_bytes(image)
        else:
            os.link(files[number % _DISTINCT_FRAMES], file)
    (folder / "groundtruth.txt").write_text("".join(_boxes(frames, size)))
    return files[0]


def _boxes(frames: int, size: tuple[int, int]) -> Iterator[str]:
    """Centres and sides spread over the frame: from a tenth to six tenths of its own sides."""
    random = np.random.default_rng(0)
    for _ in range(frames):
        sides = random.uniform(0.1, 0.6, 2) * size
        corner = random.uniform(0.2, 0.8, 2) * size - sides / 2
        yield ",".join(f"{value:.2f}" for value in (*corner, *sides)) + "\n"


def _photo(seed: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Noise with as much detail at each scale as at any other, as photographs have."""
    random = np.random.default_rng(seed)
    image = np.zeros((size[1], size[0], 3), np.float32)
    for octave in range(8):
        side = 2**octave * 3
        noise = random.integers(0, 256, (side, side, 3), np.uint8)
        layer = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
        image += (np.asarray(layer, np.float32) - 128) * 0.6
    return np.clip(image + 128, 0, 255).astype(np.uint8)


def _quiet(_: str) -> None:
    pass


if __name__ == "__main__":
    cli.run(main)
