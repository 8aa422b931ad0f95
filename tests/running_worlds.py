"""Frames on disk that tell their number, and trackers whose answers hang on all they have seen."""

from functools import partial

import numpy as np
from PIL import Image

from siamfc_jax.evaluation.protocols.one_pass import one_pass
from siamfc_jax.evaluation.running.jobs import job
from siamfc_jax.evaluation.sequences import Sequence


def film(folder, name, n_frames, size=(40, 30), first=0):
    """A sequence whose frame i is of the grey value first + i."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    frames = tuple(folder / name / f"{i:04d}.png" for i in range(n_frames))
    for i, frame in enumerate(frames):
        Image.new("RGB", size, (first + i,) * 3).save(frame)
    return Sequence(name, frames, np.tile([4.0, 5.0, 10.0, 8.0], (n_frames, 1)))


def ope(sequence, part=0, **start):
    return job(sequence, partial(one_pass, sequence, **start), part)


def by_name(outcomes):
    return {(outcome.job.sequence, outcome.job.part): outcome for outcome in outcomes}


def assert_same_runs(ours, expected):
    assert ours.keys() == expected.keys()
    for key in expected:
        assert ours[key].failure == expected[key].failure
        np.testing.assert_array_equal(ours[key].run.boxes, expected[key].run.boxes)


def grey(image):
    return int(image[0, 0, 0])


class Summing:
    """x of the box: that of the start plus all grey values seen since, modulo 1000."""

    def __init__(self):
        self.seen = []

    def init(self, image, box):
        self.seen = [grey(image)]
        self.box = np.array(box, np.float32)

    def update(self, image):
        self.seen.append(grey(image))
        self.box[0] = (self.box[0] + grey(image)) % 1000
        return self.box  # The same array each time, as careless trackers do.


class Broken(Summing):
    """Does `deed` when it sees a frame of this grey value."""

    def __init__(self, at, deed):
        super().__init__()
        self._at, self._deed = at, deed

    def update(self, image):
        box = super().update(image)
        return self._deed() if grey(image) == self._at else box


def explode():
    raise RuntimeError("out of luck\nand more")


class SummingSlots:
    """`Summing` in slots; computes as late as it may, and then looks at the frames it was shown."""

    lanes = 1

    def __init__(self):
        self.made = []

    def canvas(self, size):
        return -(-size[1] // 16) * 16, -(-size[0] // 16) * 16

    def __call__(self, canvas, lanes, per_lane):
        self.made.append((canvas, lanes, per_lane))
        return _Slots(lanes * per_lane, per_lane)


class _Slots:
    def __init__(self, n_slots, per_lane):
        self._per_lane = per_lane
        self._boxes = np.zeros((n_slots, 4), np.float32)
        self._todo = []

    def prepare(self, starts, n_slots):
        pass

    def advance(self, pixels, sizes, starts, n_slots):
        done = []

        def compute():
            for slot in range(n_slots):
                lane = slot // self._per_lane
                width, height = sizes[lane]
                shown = pixels[lane]
                assert (shown[:height, :width] == shown[0, 0]).all()
                assert not shown[height:].any() and not shown[:, width:].any()
                self._boxes[slot, 0] = (self._boxes[slot, 0] + grey(shown)) % 1000
            done.append(self._boxes.copy())
            for slot, box in starts.items():
                self._boxes[slot] = box

        self._todo.append(compute)

        def wait():
            while not done:
                self._todo.pop(0)()
            return done[0]

        return wait

    def move(self, source, destination):
        def compute():
            n = self._per_lane
            self._boxes[destination * n :][:n] = self._boxes[source * n :][:n]

        self._todo.append(compute)
