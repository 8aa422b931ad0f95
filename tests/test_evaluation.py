import json

import numpy as np
import pytest
from PIL import Image

from siamfc_jax.evaluation.metrics import (
    SUCCESS_THRESHOLDS,
    precision_at_20,
    precision_curve,
    success_auc,
    success_curve,
)
from siamfc_jax.evaluation.one_pass import run_one_pass
from siamfc_jax.evaluation.otb import read_otb
from siamfc_jax.evaluation.sequences import SequenceError


def write_otb(root, name, rows, first=1, last=None, separator=",", file="groundtruth_rect.txt"):
    (root / name / "img").mkdir(parents=True, exist_ok=True)
    for number in range(first, (last or first + len(rows) - 1) + 1):
        Image.new("RGB", (80, 60), (number % 256, 9, 9)).save(root / name / f"img/{number:04d}.jpg")
    text = "".join(separator.join(map(str, row)) + "\n" for row in rows)
    (root / name / file).write_text(text)


def test_boxes_are_converted_from_one_based_whatever_the_separator(tmp_path):
    write_otb(tmp_path, "Comma", [(1, 1, 5, 6)] * 2)
    write_otb(tmp_path, "Tab", [(11, 21, 5, 6)] * 2, separator="\t")
    comma, tab = read_otb(tmp_path)
    assert comma.boxes.tolist() == [[0, 0, 5, 6]] * 2
    assert tab.boxes.tolist() == [[10, 20, 5, 6]] * 2


def test_david_starts_at_frame_300_and_football1_ends_before_its_folder(tmp_path):
    write_otb(tmp_path, "David", [(1, 1, 5, 6)] * 3, first=300)
    write_otb(tmp_path, "Football1", [(1, 1, 5, 6)] * 2, last=5)
    david, football = read_otb(tmp_path)
    assert [path.name for path in david.frames] == ["0300.jpg", "0301.jpg", "0302.jpg"]
    assert [path.name for path in football.frames] == ["0001.jpg", "0002.jpg"]


def test_tiger1_begins_at_its_sixth_frame(tmp_path):
    write_otb(tmp_path, "Tiger1", [(k, 1, 5, 6) for k in range(1, 9)])
    (tiger,) = read_otb(tmp_path)
    assert tiger.frames[0].name == "0006.jpg" and tiger.boxes[0, 0] == 5
    assert len(tiger.frames) == len(tiger.boxes) == 3


def test_a_folder_with_two_targets_gives_two_sequences(tmp_path):
    for target in (1, 2):
        write_otb(tmp_path, "Jogging", [(target, 1, 5, 6)], file=f"groundtruth_rect.{target}.txt")
    assert [sequence.name for sequence in read_otb(tmp_path)] == ["Jogging-1", "Jogging-2"]


def test_missing_frames_and_broken_files_are_named(tmp_path):
    write_otb(tmp_path, "Dog", [(1, 1, 5, 6)] * 3)
    (tmp_path / "Dog/img/0002.jpg").unlink()
    with pytest.raises(SequenceError, match=r"0002.jpg: missing"):
        read_otb(tmp_path)
    (tmp_path / "Dog/groundtruth_rect.txt").write_text("1,2,3\n")
    with pytest.raises(SequenceError, match="unreadable ground truth"):
        read_otb(tmp_path)
    with pytest.raises(SequenceError, match="no such folder"):
        read_otb(tmp_path / "gone")


def test_thresholds_are_the_papers_21():
    np.testing.assert_allclose(SUCCESS_THRESHOLDS, np.linspace(0, 1, 21), atol=1e-12)


def test_a_perfect_tracker_scores_20_of_21():
    truth = np.asarray([[5, 5, 10, 20]] * 7, float)
    assert success_auc(truth, truth) == pytest.approx(20 / 21)
    assert precision_at_20(truth, truth) == 1


def test_the_first_frame_counts_as_found():
    truth = np.asarray([[5, 5, 10, 20]] * 4, float)
    lost = truth + [100, 0, 0, 0]
    assert success_curve(lost, truth)[:20].tolist() == [0.25] * 20
    assert precision_curve(lost, truth)[20] == 0.25


def test_an_invalid_truth_is_a_success_miss_and_a_precision_hit():
    truth = np.asarray([[5, 5, 10, 20], [-1, -1, 0, 0]], float)
    assert success_curve(truth, truth)[0] == 0.5
    assert precision_curve(truth, truth)[0] == 1.0


def test_results_of_another_length_are_refused():
    with pytest.raises(ValueError, match="2 predicted boxes for 3"):
        success_auc(np.ones((2, 4)), np.ones((3, 4)))


class Recorder:
    def __init__(self):
        self.seen = []

    def init(self, image, box):
        self.seen.append(int(image[0, 0, 0]))
        self.box = np.asarray(box)

    def update(self, image):
        self.seen.append(int(image[0, 0, 0]))
        return self.box + len(self.seen)


def test_one_pass_shows_every_frame_once_in_order(tmp_path):
    write_otb(tmp_path, "Dog", [(1, 1, 5, 6)] * 9)
    (sequence,) = read_otb(tmp_path)
    tracker = Recorder()
    run = run_one_pass(tracker, sequence)
    assert np.abs(np.diff(tracker.seen) - 1).max() <= 1 and len(tracker.seen) == 9
    assert run.boxes.shape == (9, 4) and run.boxes[0].tolist() == [0, 0, 5, 6]
    assert run.seconds > 0


def test_the_published_scores_of_siamfc_3s_come_out_of_its_raw_results(shared_golden):
    meta = json.loads((shared_golden / "otb/otb100_meta_gt.json").read_text())
    published = np.load(shared_golden / "otb/SiamFC-3s_TRE.npz")
    scores = []
    for name, sequence in meta.items():
        key = next(key for key in published.files if key.startswith(f"{name}/00/"))
        predicted = published[key] - [1, 1, 0, 0]
        truth = np.asarray(sequence["gt"])[-len(predicted) :] - [1, 1, 0, 0]
        scores.append((success_auc(predicted, truth), precision_at_20(predicted, truth)))
    np.testing.assert_allclose(np.mean(scores, 0), [0.5821, 0.7705], atol=5e-5)
