"""Overlap, centre error and curves of single sequences, against plain loops over frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rectangle_oracles import (
    continuous_overlap as slow_overlap,
)
from rectangle_oracles import (
    drawn_boxes,
    drawn_truth,
    matlab_frames,
    precision_of,
    success_of,
)

from siamfc_jax.evaluation.metrics import rectangles
from siamfc_jax.evaluation.metrics.profiles import LASOT_PROFILES, OTB_PROFILES, profile_named
from siamfc_jax.evaluation.metrics.sequence_curves import sequence_curves
from siamfc_jax.evaluation.protocols.perturbations import SCALE_RATIOS
from siamfc_jax.evaluation.runs import ResultError, Run
from siamfc_jax.evaluation.sequences import Sequence

seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(1, 40)


def sequence_of(truth, **fields):
    return Sequence("Dog", (), np.asarray(truth, np.float64), **fields)


def curves(truth, *runs, profile="otb-matlab", ratios=None, **fields):
    sequence = sequence_of(truth, **fields)
    return sequence_curves(sequence, runs, {**LASOT_PROFILES, **OTB_PROFILES}[profile], ratios)


def test_thresholds_are_the_papers_21_filled_from_both_ends_as_by_matlab():
    np.testing.assert_allclose(rectangles.SUCCESS_THRESHOLDS, np.linspace(0, 1, 21), atol=1e-12)
    assert rectangles.SUCCESS_THRESHOLDS[12] == 1 - 8 * 0.05 != 12 * 0.05


@given(seeds)
def test_both_overlaps_count_pixels(seed):
    rng = np.random.default_rng(seed)
    a, b = (
        np.hstack([rng.integers(0, 9, (1, 2)), rng.integers(1, 9, (1, 2))]).astype(float)
        for _ in range(2)
    )
    canvas = np.zeros((2, 20, 20), bool)
    for layer, (x, y, w, h) in zip(canvas, np.vstack([a, b]).astype(int), strict=True):
        layer[y : y + h, x : x + w] = True
    expected = canvas.all(0).sum() / canvas.any(0).sum()
    assert rectangles.inclusive_overlap(a, b)[0] == pytest.approx(expected)
    assert rectangles.continuous_overlap(a, b)[0] == pytest.approx(expected)


@given(seeds, lengths)
def test_matlab_curves_equal_the_toolkits_loop(seed, frames):
    rng = np.random.default_rng(seed)
    truth = drawn_truth(rng, frames)
    boxes = drawn_boxes(rng, truth)
    slow = matlab_frames(boxes, truth)
    found = curves(truth, Run(boxes))
    np.testing.assert_allclose(found.success, success_of([f[0] for f in slow], frames), 1e-15)
    np.testing.assert_allclose(found.precision, precision_of([f[1] for f in slow], frames), 1e-15)
    assert found.overlap == pytest.approx(sum(max(f[0], 0) for f in slow) / frames)
    assert found.invalid == sum(f[0] == -1 for f in slow)
    assert found.normalised_precision is None


@given(seeds, st.integers(2, 40))
def test_segments_are_pooled_by_frame(seed, frames):
    rng = np.random.default_rng(seed)
    truth = drawn_truth(rng, frames, damage=0)
    starts = sorted(rng.integers(0, frames, 5))
    runs = [Run(drawn_boxes(rng, truth[start:]), int(start)) for start in starts]
    slow = [frame for run in runs for frame in matlab_frames(run.boxes, truth[run.start :])]
    found = curves(truth, *runs)
    np.testing.assert_allclose(found.success, success_of([f[0] for f in slow], len(slow)), 1e-15)
    assert found.frames == len(slow)


@given(seeds, lengths)
def test_disturbed_runs_are_scaled_back_and_rounded(seed, frames):
    rng = np.random.default_rng(seed)
    truth = drawn_truth(rng, frames)
    runs = [Run(drawn_boxes(rng, truth)) for _ in SCALE_RATIOS]
    slow = [
        frame
        for run, ratio in zip(runs, SCALE_RATIOS, strict=True)
        for frame in matlab_frames(run.boxes, truth, ratio)
    ]
    found = curves(truth, *runs, ratios=SCALE_RATIOS)
    np.testing.assert_allclose(found.success, success_of([f[0] for f in slow], len(slow)), 1e-15)
    np.testing.assert_allclose(
        found.precision, precision_of([f[1] for f in slow], len(slow)), 1e-15
    )


@given(seeds, lengths)
def test_lasot_leaves_absent_frames_out_of_the_numerators_only(seed, frames):
    rng = np.random.default_rng(seed)
    truth = drawn_truth(rng, frames)
    boxes, visible = drawn_boxes(rng, truth), rng.random(frames) < 0.7
    slow = np.asarray(matlab_frames(boxes, truth, blank=any))[visible]
    found = curves(truth, Run(boxes), profile="lasot", visible=visible)
    np.testing.assert_allclose(found.success, success_of(slow[:, 0], frames), 1e-15)
    np.testing.assert_allclose(found.precision, precision_of(slow[:, 1], frames), 1e-15)
    np.testing.assert_allclose(
        found.normalised_precision, precision_of(slow[:, 2], frames, scale=100), 1e-15
    )
    assert found.frames == frames


@given(seeds, lengths)
@settings(max_examples=50)
def test_pysot_judges_annotation_by_size_and_by_centre(seed, frames):
    rng = np.random.default_rng(seed)
    truth = np.nan_to_num(drawn_truth(rng, frames), nan=-2)
    boxes = truth + rng.integers(-4, 5, truth.shape) * [1, 1, 0, 0]
    overlaps = [
        slow_overlap(box, true) if true[2] > 0 and true[3] > 0 else -1
        for box, true in zip(boxes, truth, strict=True)
    ]
    middles = [[b[:, k] + (b[:, k + 2] - 1) / 2 for k in (0, 1)] for b in (boxes, truth)]
    distances = [
        np.hypot(bx - tx, by - ty) if tx > 0 and ty > 0 else -1
        for bx, by, tx, ty in zip(*middles[0], *middles[1], strict=True)
    ]
    found = curves(truth, Run(boxes), profile="pysot")
    thresholds = np.arange(0, 1.05, 0.05)
    np.testing.assert_allclose(found.success, success_of(overlaps, frames, thresholds), 1e-15)
    np.testing.assert_allclose(found.precision, precision_of(distances, frames), 1e-15)


def test_profiles_differ_on_an_unusable_annotation():
    truth = [[5, 5, 10, 20], [0, 5, 10, 20]]
    far = Run(np.asarray([[5, 5, 10, 20], [300, 5, 10, 20]], float))
    near = Run(np.asarray(truth, float))
    assert curves(truth, far).precision[20] == 1.0
    assert curves(truth, near).success[10] == 0.5
    for profile in ("pysot", "got10k"):
        assert curves(truth, far, profile=profile).precision[20] == 0.5
        assert curves(truth, near, profile=profile).success[10] == 1.0


def test_profiles_differ_on_the_first_box_and_on_gaps():
    truth = np.asarray([[5, 5, 10, 20]] * 4, float)
    boxes = truth.copy()
    boxes[0] = [200, 200, 10, 20]
    boxes[2] = np.nan
    # The gap repeats the second box; elsewhere it misses.
    shares = {name: curves(truth, Run(boxes), profile=name).success[10] for name in OTB_PROFILES}
    assert shares == {"otb-matlab": 1.0, "pysot": 0.5, "got10k": 0.75}
    assert curves(truth, Run(boxes)).carried == 1


def test_a_gap_is_not_filled_from_another_run():
    truth = np.asarray([[5, 5, 10, 20]] * 3, float)
    blank = Run(np.full_like(truth, np.nan))
    assert curves(truth, Run(truth), blank).success[0] == pytest.approx((3 + 1) / 6)


def test_an_empty_box_that_was_converted_is_an_answer():
    truth = np.asarray([[5, 5, 10, 20]] * 2, float)
    boxes = np.asarray([[5, 5, 10, 20], [5, 5, 0, 20]], float)
    assert curves(truth, Run(boxes)).success[0] == 1
    assert curves(truth, Run(boxes, converted=True)).success[0] == 0.5


def test_boxes_past_the_end_are_cut_off_and_too_few_are_refused():
    truth = np.asarray([[5, 5, 10, 20]] * 3, float)
    longer = np.vstack([truth, [[99, 99, 1, 1]]])
    assert curves(truth, Run(longer)).success[0] == 1
    with pytest.raises(ResultError, match="2 boxes for 3 frames"):
        curves(truth, Run(truth[:2]))
    with pytest.raises(ResultError, match="1 boxes for 2 frames from row 1"):
        curves(truth, Run(truth[:1], start=1))
    with pytest.raises(ResultError, match=r"shape \[3, 3\]"):
        curves(truth, Run(truth[:, :3]))


def test_a_run_that_covers_omitted_first_frames_is_aligned():
    truth = np.asarray([[k, 5, 10, 20] for k in range(1, 31)], float)
    tiger = sequence_of(truth[5:], first_frame=6, omitted=((1, 5), (9, 15)))
    found = sequence_curves(tiger, [Run(truth)], OTB_PROFILES["otb-matlab"])
    assert found.precision[0] == 1 and found.frames == 25


def test_frames_that_otb_omits_count_for_the_got10k_toolkit_where_the_run_has_them():
    truth = np.asarray([[k, 5, 10, 20] for k in range(1, 31)], float)
    tiger = sequence_of(truth[5:], first_frame=6, omitted_truth=truth[:5])
    missed = truth + [100, 0, 0, 0]
    for boxes, frames in ((missed, 30), (missed[5:], 25)):
        found = sequence_curves(tiger, [Run(boxes)], OTB_PROFILES["got10k"])
        assert found.frames == frames and found.success[0] == pytest.approx(1 / frames)
        assert sequence_curves(tiger, [Run(boxes)], OTB_PROFILES["otb-matlab"]).frames == 25


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_boxes_with_one_number_that_is_none_miss_and_are_counted(value):
    truth = np.asarray([[5, 5, 10, 20]] * 3, float)
    boxes = truth.copy()
    boxes[1, 0] = value
    for profile in OTB_PROFILES:
        found = curves(truth, Run(boxes), profile=profile)
        assert found.success[0] == pytest.approx(2 / 3) and found.carried == 1


def test_infinite_boxes_miss_without_a_warning():
    truth = np.asarray([[5, 5, 10, 20]] * 3, float)
    boxes = np.asarray([[5, 5, 10, 20], [-np.inf, 5, np.inf, 20], [5, np.inf, 10, 20]])
    for profile in [*OTB_PROFILES, "lasot"]:
        found = curves(truth, Run(boxes), profile=profile)
        assert found.success[0] == found.precision[50] == pytest.approx(1 / 3)
    assert curves(truth, Run(boxes), ratios=[0.8]).success[0] == pytest.approx(1 / 3)


def test_an_unknown_profile_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="no profile 'otb'; there are otb-matlab, pysot, got10k"):
        profile_named(OTB_PROFILES, "otb")


def test_each_profile_says_in_one_line_how_it_differs():
    for name, profile in {**OTB_PROFILES, **LASOT_PROFILES}.items():
        assert profile.name == name and "\n" not in profile.summary and profile.summary
