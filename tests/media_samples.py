"""Tiny videos and a tracker that knows where its target goes, for the tests of media and track."""

import time
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np


def noise_frames(n_frames, width=64, height=48, seed=0):
    """Blocky noise that shifts by a pixel a frame: every frame is different, and compresses."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (-(-height // 8), -(-width // 8), 3), np.uint8)
    texture = blocks.repeat(8, 0).repeat(8, 1)[:height, :width]
    return [np.roll(texture, shift, axis=1) for shift in range(n_frames)]


def write_video(path, frames, codec="libx264", pix_fmt="yuv420p", fps=25, **options):
    """Encodes frames as they are; `options` go to the container."""
    with av.open(path, "w", options=options) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.gop_size = 8
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode(None))
    return path


def write_exact_video(path, frames):
    """Lossless, so that what is read back must be equal; `path` ends in .mkv."""
    return write_video(path, frames, codec="ffv1", pix_fmt="bgr0")


def cut_short(path, share=0.6):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def video_frames(path):
    with av.open(path) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


class FakePrediction(NamedTuple):
    box: np.ndarray
    score: np.ndarray
    confidence: np.ndarray
    lost: np.ndarray
    response: np.ndarray
    response_box: np.ndarray


class FakeTracker:
    """Moves every box by (1, 2) pixels a frame; each frame costs `seconds`. It says that it is lost
    where its score is below .1."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.images = []

    def init(self, image, boxes):
        self.boxes = np.array(boxes, np.float32)
        self.images.append(image)
        self.initial_prediction = self.prediction(0)

    def dispatch(self, image):
        time.sleep(self.seconds)
        self.images.append(image)
        return self.prediction(len(self.images) - 1)

    def prediction(self, frame):
        boxes = self.boxes + np.float32([frame, 2 * frame, 0, 0])
        response = np.zeros((len(boxes), 5, 5), np.float32)
        response[:, 2, 2] = 1
        score = np.full(len(boxes), 0.9 / (1 + frame), np.float32)
        place = boxes + np.float32([-8, -8, 16, 16])
        return FakePrediction(boxes, score, score / 2, score < 0.1, response, place)


SHARED_VIDEO = Path(__file__).parents[2] / "shared" / "data" / "video"
