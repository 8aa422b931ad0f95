from functools import partial

import jax
import numpy as np
import pytest
from PIL import Image
from tracking_worlds import NETWORK, matching_params, scene

from siamfc_jax.evaluation.protocols.one_pass import one_pass
from siamfc_jax.evaluation.protocols.supervised import supervised
from siamfc_jax.evaluation.running.batched import batched
from siamfc_jax.evaluation.running.jobs import job
from siamfc_jax.evaluation.running.one_by_one import one_by_one
from siamfc_jax.evaluation.sequences import Sequence, VotSequence
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER
from siamfc_jax.tracking.online import Model, OnlineTracker
from siamfc_jax.tracking.slots import ModelSlots


@pytest.fixture(scope="module")
def params():
    return matching_params()


@pytest.fixture
def model(params):
    return Model(params, NETWORK, SIAMFC_3S_PAPER)


def film(folder, name, n_frames=6, **world):
    images, boxes = scene(n_frames, **world)
    (folder / name).mkdir()
    frames = tuple(folder / name / f"{i:04d}.png" for i in range(n_frames))
    for image, frame in zip(images, frames, strict=True):
        Image.fromarray(image).save(frame)
    return Sequence(name, frames, boxes.astype(np.float64), first_pixel=0)


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    return [
        film(folder, "long", 6),
        film(folder, "short", 3, start=(40, 30), velocity=(2, 3)),
        film(folder, "small", 5, size=(100, 140), start=(50, 30), velocity=(1, 2)),
    ]


def boxes(outcomes):
    assert all(outcome.failure is None for outcome in outcomes)
    return {(outcome.job.sequence, outcome.job.part): outcome.run.boxes for outcome in outcomes}


def assert_boxes_of_one_by_one(model, jobs, **settings):
    expected = boxes(list(one_by_one(jobs, lambda: OnlineTracker(model))))
    ours = boxes(list(batched(jobs, ModelSlots(model), threads=1, **settings)))
    assert ours.keys() == expected.keys()
    for key, run in expected.items():
        np.testing.assert_allclose(ours[key], run, atol=1e-3)


def test_videos_in_a_batch_get_the_boxes_of_each_alone(model, films):
    jobs = [job(sequence, partial(one_pass, sequence), 0) for sequence in films]
    assert_boxes_of_one_by_one(model, jobs, lanes=2)


def jobs_that_share_frames(films):
    long, short = films[:2]
    rows = [job(long, partial(one_pass, long, row), part) for part, row in enumerate([0, 2])]
    shifted = [short.truth[0] + shift for shift in (0, 2)]
    return rows + [job(short, partial(one_pass, short, 0, b), k) for k, b in enumerate(shifted)]


def test_runs_that_begin_at_different_frames_share_a_batch(model, films):
    assert_boxes_of_one_by_one(model, jobs_that_share_frames(films))


def test_a_target_starts_anew_beside_one_that_goes_on(model, films):
    long = films[0]
    sequence = VotSequence(long.name, long.frames, tuple(long.truth), (160, 120))
    jobs = [
        job(sequence, partial(supervised, sequence, lambda region, truth, o=o: o, skip=2), part)
        for part, o in enumerate([0.0, 1.0])
    ]
    alone = list(one_by_one(jobs, lambda: OnlineTracker(model)))
    together = list(batched(jobs, ModelSlots(model), threads=1))
    for ours, expected in zip(sorted(together, key=lambda o: o.job.part), alone, strict=True):
        for a, b in zip(ours.run.regions, expected.run.regions, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-3)


def test_runs_that_end_and_begin_do_not_compile_anew(model, films, caplog):
    jobs = jobs_that_share_frames(films)
    list(batched(jobs, ModelSlots(model), threads=1))
    with jax.log_compiles(), caplog.at_level("WARNING"):
        list(batched(jobs + jobs, ModelSlots(model), threads=1))
    assert not [record for record in caplog.records if "Compiling" in record.getMessage()]


def test_what_is_prepared_does_not_compile_and_changes_nothing(model, caplog):
    images, boxes = scene(2)
    pixels = np.zeros((1, 128, 256, 3), np.uint8)
    pixels[0, :120, :160] = images[0]
    sizes = np.asarray([[160, 120]], np.int32)
    slots = ModelSlots(model)((128, 256), 1, 3)
    slots.prepare({0: boxes[0], 2: boxes[0]}, 0)
    slots.advance(pixels, sizes, {0: boxes[0], 2: boxes[0]}, 0)()
    slots.prepare({}, 3)
    with jax.log_compiles(), caplog.at_level("WARNING"):
        moved = slots.advance(pixels, sizes, {1: boxes[0]}, 3)()
    assert not [record for record in caplog.records if "Compiling" in record.getMessage()]
    np.testing.assert_allclose(moved[[0, 2]], boxes[[0, 0]], atol=2)


def test_nothing_waits_for_the_device_before_boxes_are_read(model):
    images, boxes = scene(3)
    slots = ModelSlots(model)((128, 192), 1, 2)
    pixels = np.zeros((1, 128, 192, 3), np.uint8)
    pixels[0, :120, :160] = images[0]
    sizes = np.asarray([[160, 120]], np.int32)
    slots.advance(pixels, sizes, {0: boxes[0], 1: boxes[0]}, 0)()
    with jax.transfer_guard_device_to_host("disallow"):
        waits = [slots.advance(pixels, sizes, {1: boxes[0]}, n_slots) for n_slots in (1, 2)]
    first, second = (wait() for wait in waits)
    assert len(first) >= 1 and len(second) == 2
    np.testing.assert_allclose(second[1, :2] + second[1, 2:] / 2, boxes[0, :2] + 12, atol=4)
