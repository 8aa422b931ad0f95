"""Tracker objects for evaluation, good and bad; the trees of evaluation_trees have SIZE 64 x 48."""

import os
import time

import numpy as np

from tests.evaluation_trees import SIZE


class Follower:
    """Knows how the targets of `evaluation_trees.boxes` move; counts its frames."""

    frames_seen = 0

    def init(self, image, box):
        assert image.shape == (SIZE[1], SIZE[0], 3) and image.dtype == np.uint8
        self.box = np.asarray(box, np.float32)

    def update(self, image):
        type(self).frames_seen += 1
        self.box = self.box + np.asarray([1, 0, 0, 0], np.float32)
        return self.box


class Raising(Follower):
    """Raises in the second of the sequences."""

    started = 0

    def init(self, image, box):
        super().init(image, box)
        type(self).started += 1
        self.number = type(self).started

    def update(self, image):
        if self.number == 2:
            raise RuntimeError("out of luck")
        return super().update(image)


class Hanging(Raising):
    def update(self, image):
        if self.number == 2:
            time.sleep(30)
        return Follower.update(self, image)


class WithoutNumbers(Raising):
    def update(self, image):
        return Follower.update(self, image) * (np.nan if self.number == 2 else 1)


class RaisingOnce(Raising):
    """Raises in the third of all runs: of two sequences, in the second repetition of the first."""

    def update(self, image):
        if self.number == 3:
            raise RuntimeError("out of luck")
        return Follower.update(self, image)


class Moving(Follower):
    def update(self, image):
        os.chdir("/")
        return super().update(image)


class Signalling(Raising):
    """Someone wants the process to stop, once, in the second of the sequences."""

    signum = 0

    def update(self, image):
        if self.number == 2 and self.signum:
            os.kill(os.getpid(), self.signum)
            type(self).signum = 0
        return Follower.update(self, image)
