import errno
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from media_samples import (
    FakeTracker,
    cut_short,
    noise_frames,
    video_frames,
    write_exact_video,
    write_video,
)
from PIL import Image

from siamfc_jax.boxes import BoxError
from siamfc_jax.media import results, video_writer
from siamfc_jax.media.box_writer import read_boxes_csv, read_boxes_json
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.results import ResultPaths
from siamfc_jax.media.session import TrackingSession, track_video
from siamfc_jax.media.summary import TrackSummary
from siamfc_jax.media.threads import Background, Prefetch
from siamfc_jax.media.tracking_loop import TrackingLoop

BOXES = np.float32([[4, 6, 10, 12], [20, 10, 8, 8]])


@pytest.fixture
def clip(tmp_path):
    return write_exact_video(tmp_path / "clip.mkv", noise_frames(12))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def no_thread_is_left():
    """None of the session's own; libraries that other tests used may keep theirs."""
    return {"prefetch", "write-behind"}.isdisjoint(t.name for t in threading.enumerate())


def test_a_tracked_video_leaves_video_boxes_and_sheet(clip, tmp_path):
    out = tmp_path / "deep" / "out"
    summary = track_video(clip, BOXES, FakeTracker(), out, model="fake")
    assert names(out) == [
        "clip_tracked.csv",
        "clip_tracked.json",
        "clip_tracked.mp4",
        "clip_tracked_sheet.png",
    ]
    assert len(video_frames(summary.paths.video)) == summary.n_frames == 12
    boxes, scores, confidences, lost = read_boxes_csv(summary.paths.csv)
    shift = np.arange(12, dtype=np.float32)[:, None, None] * np.float32([1, 2, 0, 0])
    np.testing.assert_array_equal(boxes, BOXES + shift)
    np.testing.assert_array_equal(scores, summary.scores)
    np.testing.assert_array_equal(confidences, scores / 2)
    np.testing.assert_array_equal(lost, scores < 0.1)
    record, from_json = read_boxes_json(summary.paths.json)
    assert (record.model, record.width, record.height, record.fps) == ("fake", 64, 48, 25.0)
    np.testing.assert_array_equal(from_json.boxes, boxes)
    assert no_thread_is_left()


def test_the_tracker_sees_every_frame_once_in_order(clip, tmp_path):
    tracker = FakeTracker()
    track_video(clip, BOXES, tracker, tmp_path)
    np.testing.assert_array_equal(tracker.images, noise_frames(12))


def test_boxes_are_drawn_on_their_own_frames_though_read_late(tmp_path):
    frames = [np.full((48, 64, 3), 10 * shade, np.uint8) for shade in range(12)]
    source = write_exact_video(tmp_path / "grey.mkv", frames)
    summary = track_video(source, BOXES[:1], FakeTracker(), tmp_path / "out")
    for index, frame in enumerate(video_frames(summary.paths.video)):
        assert abs(int(frame[44, 60, 0]) - 10 * index) <= 3


def test_max_frames_stops_there(clip, tmp_path):
    assert track_video(clip, BOXES, FakeTracker(), tmp_path, max_frames=5).n_frames == 5


def test_a_single_frame_is_tracked_too(tmp_path):
    Image.fromarray(noise_frames(1)[0]).save(tmp_path / "photo.png")
    summary = track_video(tmp_path / "photo.png", BOXES, FakeTracker(), tmp_path / "out")
    assert summary.n_frames == 1
    assert (summary.tracking_fps, summary.end_to_end_fps) == (0, 0)
    assert "tracked 1 frame;" in summary.text()
    assert "speed" not in summary.text()


def test_the_response_overlay_changes_the_picture_around_the_box(clip, tmp_path):
    plain = track_video(clip, BOXES, FakeTracker(), tmp_path / "plain")
    heated = track_video(clip, BOXES, FakeTracker(), tmp_path / "heated", response_overlay=True)
    pairs = zip(video_frames(plain.paths.video), video_frames(heated.paths.video), strict=True)
    assert all((a != b).mean() > 0.05 for a, b in pairs)


def test_a_video_that_breaks_off_leaves_results_of_its_good_frames(tmp_path):
    source = cut_short(write_video(tmp_path / "a.avi", noise_frames(100), "mpeg4"), 0.8)
    with TrackingSession(source, BOXES, tmp_path / "out") as session:
        with pytest.raises(MediaError, match=r"a\.avi: breaks off after \d+ frames"):
            session.run(FakeTracker())
        summary = session.summary()
    assert 10 < summary.n_frames < 100
    assert len(video_frames(summary.paths.video)) == summary.n_frames
    assert len(read_boxes_csv(summary.paths.csv).boxes) == summary.n_frames
    assert names(tmp_path / "out") == [
        "a_tracked.csv",
        "a_tracked.json",
        "a_tracked.mp4",
        "a_tracked_sheet.png",
    ]
    assert no_thread_is_left()


@pytest.mark.parametrize("trouble", [RuntimeError, KeyboardInterrupt])
def test_whatever_stops_the_tracker_the_results_so_far_are_finished(clip, tmp_path, trouble):
    class Failing(FakeTracker):
        def dispatch(self, image):
            if len(self.images) == 7:
                raise trouble
            return super().dispatch(image)

    with pytest.raises(trouble):
        track_video(clip, BOXES, Failing(), tmp_path / "out")
    assert len(video_frames(tmp_path / "out" / "clip_tracked.mp4")) == 7
    assert len(read_boxes_csv(tmp_path / "out" / "clip_tracked.csv").boxes) == 7
    assert no_thread_is_left()


def test_a_request_to_stop_finishes_everything(clip, tmp_path):
    tracker = FakeTracker()
    with TrackingSession(clip, BOXES, tmp_path / "out") as session:
        summary = session.run(tracker, should_stop=lambda: len(tracker.images) >= 6)
    assert summary.stopped
    assert summary.n_frames == len(video_frames(summary.paths.video)) == 6


def test_a_full_disk_keeps_the_boxes(clip, tmp_path, monkeypatch):
    written = []

    def full_after_five(*args):
        written.append(args)
        if len(written) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def no_room_for_the_sheet(path, _):
        raise MediaError(f"{path}: cannot be written")

    monkeypatch.setattr(video_writer, "_mux", full_after_five)
    monkeypatch.setattr(results, "write_image", no_room_for_the_sheet)
    with TrackingSession(clip, BOXES, tmp_path / "out") as session:
        with pytest.raises(MediaError, match=r"partial\.mp4: .*No space left on device"):
            session.run(FakeTracker(0.01))
        summary = session.summary()
    assert len(read_boxes_csv(summary.paths.csv).boxes) >= 5
    assert f"left unfinished: {tmp_path / 'out' / 'clip_tracked.partial.mp4'}" in summary.text()
    assert no_thread_is_left()


def test_wrong_boxes_are_found_out_before_anything_is_written(clip, tmp_path):
    with pytest.raises(BoxError):
        TrackingSession(clip, np.float32([[400, 6, 10, 12]]), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert no_thread_is_left()


def test_a_place_that_cannot_be_written_is_found_out_before_tracking(clip, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match="cannot be written"):
        TrackingSession(clip, BOXES, tmp_path / "file")
    (tmp_path / "out" / "clip_tracked_sheet.png").mkdir(parents=True)
    with pytest.raises(MediaError, match="a folder has this name"):
        TrackingSession(clip, BOXES, tmp_path / "out")
    assert names(tmp_path / "out") == ["clip_tracked_sheet.png"]


def test_a_session_that_never_ran_leaves_nothing(clip, tmp_path):
    with TrackingSession(clip, BOXES, tmp_path / "out") as session:
        assert session.first_frame.shape == (48, 64, 3)
    assert names(tmp_path / "out") == []


class LazyNumber:
    """As a device array: there only `seconds` after it was asked for, and waited for when read."""

    def __init__(self, value, seconds):
        self.value, self.ready_at = value, time.perf_counter() + seconds

    def __array__(self, dtype=None, copy=None):
        time.sleep(max(0, self.ready_at - time.perf_counter()))
        return self.value


class AsynchronousTracker(FakeTracker):
    def dispatch(self, image):
        return super().dispatch(image)._replace(box=LazyNumber(self.boxes, 0.02))


def test_waiting_for_the_decoder_neither_counts_as_tracking_nor_hides_it():
    def frames():
        for _ in range(12):
            time.sleep(0.05)
            yield np.zeros((4, 4, 3), np.uint8)

    sink = Background(lambda tracked: None)
    loop = TrackingLoop(AsynchronousTracker(), sink, False, lambda n_frames: None)
    with Prefetch(frames()) as ahead:
        loop.run(next(ahead), BOXES, ahead, lambda: False)
    sink.close()
    # The device works 20 ms on each of the ten frames that count; all in all it takes 600 ms.
    assert 0.18 < loop.tracker_seconds < 0.45


def test_the_summary_names_speed_scores_and_files(clip, tmp_path):
    text = track_video(clip, BOXES, FakeTracker(), tmp_path).text()
    assert "tracked 12 frames" in text
    assert "(without decoding and writing), end to end" in text
    assert "target 1: score mean 0.23, min 0.08 (frame 11); low in no frame" in text
    for end in (".mp4", ".csv", ".json", "_sheet.png"):
        assert f"wrote {tmp_path / 'clip_tracked'}{end}" in text


def test_the_summary_lists_frames_of_low_score():
    scores = np.full((20, 1), 0.8, np.float32)
    scores[[3, 4, 5, 9]] = 0.1
    lost = np.zeros_like(scores, bool)
    summary = TrackSummary(scores, lost, 0, 0, 0, False, ResultPaths(*[Path("none")] * 4))
    assert summary.low_score_frames(0) == [3, 4, 5, 9]
    assert "low in frames 3-5, 9" in summary.text() and "lost" not in summary.text()
    lost[4:6] = True
    assert "lost in 2 of 20 (frames 4-5)" in summary.text()
