"""The studio's state machine, its files and its thread, without a browser."""

import asyncio
import json
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from media_samples import FakeTracker, noise_frames, video_frames, write_exact_video

from experiments.studio.desk import Studio
from experiments.studio.export import export
from experiments.studio.picture import message
from experiments.studio.player import Player
from experiments.studio.session import MOST_TARGETS, Session
from experiments.studio.still import StillTracker
from experiments.studio.track import COLUMNS, Answer, ResponseMap, Track
from siamfc_jax.boxes import BoxError
from siamfc_jax.media.box_writer import read_boxes_csv, read_boxes_json
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.footage_reading import open_footage
from siamfc_jax.media.live_footage import LiveFootage
from siamfc_jax.media.source import FrameSource

BOX = np.float32([4, 6, 10, 12])
N_FRAMES = 12


@pytest.fixture
def clip(tmp_path):
    return write_exact_video(tmp_path / "clip.mkv", noise_frames(N_FRAMES))


@pytest.fixture
def session(clip):
    with ThreadPoolExecutor(1) as device:
        session = Session(FakeTracker, device.submit)
        session.open(open_footage(clip))
        yield session
        session.close()


def play(session, most=99):
    session.play()
    for _ in range(most):
        if session.playing:
            session.advance()


def boxes(session):
    return [None if one.box is None else one.box.tolist() for one in session.view().targets]


def test_a_box_is_followed_from_the_frame_it_was_drawn_in_to_the_end(session):
    session.seek(3)
    session.draw(3, BOX)
    assert session.playing
    play(session)
    view = session.view()
    assert (view.frame, view.n_frames, view.playing) == (11, 12, False)
    np.testing.assert_array_equal(view.targets[0].box, BOX + [8, 16, 0, 0])
    np.testing.assert_array_equal(view.image, noise_frames(N_FRAMES)[11])
    session.seek(2)
    assert boxes(session) == [None]


def test_frames_followed_before_are_shown_again_without_tracking(session):
    session.draw(0, BOX)
    play(session)
    (tracker,) = session._trackers.values()
    session.seek(5)
    np.testing.assert_array_equal(session.view().targets[0].box, BOX + [5, 10, 0, 0])
    play(session)
    assert session.view().frame == N_FRAMES - 1
    assert len(tracker.images) == N_FRAMES


def test_a_second_target_may_begin_later_and_both_go_on(session):
    session.draw(0, BOX)
    play(session, 4)
    session.draw(4, BOX)
    play(session, 2)
    assert boxes(session) == [[10, 18, 10, 12], [6, 10, 10, 12]]


def test_an_earlier_drawn_second_target_catches_up_while_the_first_is_shown(session):
    session.draw(0, BOX)
    play(session, 6)
    session.draw(2, BOX)
    play(session)
    assert boxes(session) == [[15, 28, 10, 12], [13, 24, 10, 12]]


def test_drawing_a_target_anew_keeps_what_was_before_and_forgets_what_was_after(session):
    session.draw(0, BOX)
    play(session)
    key = session.view().targets[0].key
    session.draw(6, BOX + np.float32([20, 0, 0, 0]), key, play=False)
    assert session.view().targets[0].last == 6
    play(session, 1)
    assert boxes(session) == [[25, 8, 10, 12]]
    session.seek(5)
    assert boxes(session) == [[9, 16, 10, 12]]


def test_a_target_drawn_anew_after_a_gap_has_no_box_in_it(session):
    session.draw(0, BOX, play=False)
    session.draw(4, BOX, session.view().targets[0].key, play=False)
    session.seek(2)
    assert boxes(session) == [None]


def test_playing_beyond_what_was_followed_goes_on_where_a_target_was_left(session):
    session.draw(2, BOX, play=False)
    session.seek(9)
    play(session, 1)
    assert session.view().frame == 3


def test_playing_at_the_end_begins_anew(session):
    session.seek(99)
    assert session.view().frame == 11
    play(session, 1)
    assert session.view().frame == 1


def test_a_removed_target_is_gone_and_the_others_keep_their_keys(session):
    session.draw(0, BOX, play=False)
    session.draw(0, BOX + 1, play=False)
    first, second = (one.key for one in session.view().targets)
    session.delete(first)
    session.delete(99)
    session.draw(0, BOX, play=False)
    keys = [one.key for one in session.view().targets]
    assert keys[0] == second
    assert keys[1] not in (first, second)


@pytest.mark.parametrize(
    ("box", "complaint"),
    [
        ([4, 6, 0, 0], "has no area; press at one corner"),
        ([400, 6, 10, 12], "centre outside"),
        ([0, 0, 100, 12], "larger than the frame"),
        ([np.nan, 6, 10, 12], "not finite"),
    ],
)
def test_a_box_that_cannot_be_followed_is_refused_in_one_line_and_changes_nothing(
    session, box, complaint
):
    with pytest.raises((MediaError, BoxError), match=complaint) as caught:
        session.draw(0, np.float32(box))
    assert "\n" not in str(caught.value)
    assert session.view().targets == ()
    assert not session.playing


def test_targets_are_limited(session):
    for _ in range(MOST_TARGETS):
        session.draw(0, BOX, play=False)
    with pytest.raises(MediaError, match="remove one first"):
        session.draw(0, BOX)
    session.draw(0, BOX, session.view().targets[0].key)


def test_nothing_can_be_done_before_something_is_open():
    session = Session(FakeTracker, lambda function: None)
    assert session.view() is None
    for command in (session.play, session.advance, session.tracked, lambda: session.seek(3)):
        with pytest.raises(MediaError, match="open one first"):
            command()


def test_opening_another_video_forgets_the_first(session, clip):
    session.draw(0, BOX)
    session.open(open_footage(clip))
    view = session.view()
    assert (view.frame, view.playing, view.targets) == (0, False, ())


def test_a_camera_plays_at_once_and_is_drawn_on_where_it_was_paused():
    frames = (np.full((24, 32, 3), i % 251, np.uint8) for i in range(10**6))
    live = LiveFootage(FrameSource("camera:0", "camera0", frames, lambda: None, 30.0))
    with ThreadPoolExecutor(1) as device:
        session = Session(FakeTracker, device.submit)
        session.open(live)
        assert session.playing
        for _ in range(5):
            session.advance()
        session.pause()
        session.draw(10**9, BOX)
        session.advance()
        assert session.view().frame == 6
        assert session.view().n_frames is None
        assert boxes(session) == [[5, 8, 10, 12]]
        tracked = session.tracked()
        assert tracked.table.shape == (7, 1, COLUMNS)
        session.close()


def test_a_target_is_lost_where_its_tracker_says_so_and_nowhere_else():
    track = Track()
    track.begin(3, Answer(BOX, 1.0))
    for lost in (False, True, False):
        track.add(Answer(BOX, 0.9, 0.8, lost))
    assert [track.is_lost(frame) for frame in range(2, 8)] == [False] * 3 + [True, False, False]
    track.begin(8, Answer(BOX, 1.0))
    assert not track.is_lost(7)


def test_a_history_ends_at_the_shown_frame():
    track = Track()
    track.begin(2, Answer(BOX, 0.5))
    track.add(Answer(BOX, 0.75))
    np.testing.assert_array_equal(track.history(3, 4), np.float32([np.nan, np.nan, 0.5, 0.75]))
    np.testing.assert_array_equal(track.history(2, 2), np.float32([np.nan, 0.5]))
    np.testing.assert_array_equal(track.history(0, 2), np.float32([np.nan, np.nan]))


def test_boxes_of_all_frames_are_kept_but_only_the_last_response_maps():
    track, response = Track(), ResponseMap(np.zeros((2, 2)), BOX)
    track.begin(0, Answer(BOX, 1.0))
    for i in range(1, 2000):
        track.add(Answer(BOX + i, 0.5), response)
    np.testing.assert_array_equal(track.box(1234), BOX + 1234)
    assert track.response(1000) is None
    assert track.response(1999) is response
    assert len(track._maps) == 600


def test_a_message_is_a_line_of_json_and_a_jpeg(session):
    session.draw(0, BOX, play=False)
    play(session, 1)
    data = message(session.view(), with_responses=True)
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    assert data[4 + length :].startswith(b"\xff\xd8")
    assert (header["frame"], header["frames"], header["width"]) == (1, 12, 64)
    (target,) = header["targets"]
    assert target["box"] == [5, 8, 10, 12]
    assert (target["rows"], target["place"]) == (5, [-3, 0, 26, 28])
    assert "cells" not in str(message(session.view(), with_responses=False)[4 : 4 + length])


def test_what_is_downloaded_is_what_was_followed(session, tmp_path):
    session.draw(2, BOX)
    play(session, 4)
    session.draw(4, BOX, play=False)
    for kind in ("csv", "json", "mp4"):
        shares = []
        path = export(session.tracked(), kind, tmp_path, "tiny", shares.append, lambda: False)
        assert path == tmp_path / f"tracked.{kind}"
    assert len(video_frames(tmp_path / "tracked.mp4")) == 7
    assert shares[-1] == 1
    boxes, scores, confidences, lost = read_boxes_csv(tmp_path / "tracked.csv")
    assert boxes.shape == (7, 2, 4)
    assert confidences[6, 0] == scores[6, 0] / 2 and not lost.any()
    assert np.isnan(boxes[:2, 0]).all() and np.isnan(boxes[5:, 1]).all()
    np.testing.assert_array_equal(boxes[6, 0], BOX + [4, 8, 0, 0])
    record, from_json = read_boxes_json(tmp_path / "tracked.json")
    assert (record.source, record.model, record.fps) == ("clip", "tiny", 25.0)
    np.testing.assert_array_equal(from_json.boxes, boxes)


def test_there_is_nothing_to_download_before_a_box_is_drawn(session):
    with pytest.raises(MediaError, match="draw a box first"):
        session.tracked()


def test_a_video_is_not_written_for_a_page_that_is_gone(session, tmp_path):
    session.draw(0, BOX)
    with pytest.raises(MediaError, match="gone"):
        export(session.tracked(), "mp4", tmp_path, "tiny", lambda share: None, lambda: True)


class Watched:
    """A player of a session, with what it told."""

    def __init__(self, clip, seconds=0.0):
        self.device, self.told = ThreadPoolExecutor(1), []
        session = Session(lambda: FakeTracker(seconds), self.device.submit)
        self.player = Player(session, self.told.append, lambda: None)
        self.player.post(lambda session: session.open(open_footage(clip)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.player.close()
        self.player.join(5)
        self.device.shutdown()


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_player_plays_to_the_end_while_commands_get_in_between(clip):
    with Watched(clip, seconds=0.01) as watched:
        player = watched.player
        player.post(lambda session: session.draw(0, BOX))
        until(lambda: player.view and player.view.frame >= 3)
        player.post(Session.pause)
        until(lambda: not player.view.playing)
        frame = player.view.frame
        assert 3 <= frame < 11
        player.post(Session.play)
        until(lambda: player.view.frame == 11)
        assert watched.told == []


def test_what_goes_wrong_is_told_and_the_player_lives_on(clip):
    with Watched(clip) as watched:
        watched.player.post(lambda session: session.draw(0, np.zeros(4, np.float32)))
        until(lambda: watched.told)
        assert "no area" in watched.told[0]
        watched.player.seek(5)
        until(lambda: watched.player.view.frame == 5)


def test_a_player_outlives_an_error_that_nobody_thought_of(clip, caplog):
    with Watched(clip) as watched:
        watched.player.post(lambda session: session.nothing)
        until(lambda: watched.told)
        watched.player.seek(5)
        until(lambda: watched.player.view.frame == 5)
    assert "no attribute 'nothing'" in watched.told[0] and "Traceback" in caplog.text


def test_commands_keep_their_order_and_of_seeks_in_a_row_the_last_one_counts(clip, monkeypatch):
    begin, seen, sought = threading.Event(), [], []
    seek = Session.seek
    monkeypatch.setattr(Session, "seek", lambda self, f: (sought.append(f), seek(self, f)))
    with Watched(clip) as watched:
        player = watched.player
        player.post(lambda session: begin.wait(5))
        for frame in (3, 7, 4):
            player.seek(frame)
        player.post(lambda session: seen.append(session.view().frame))
        player.seek(9)
        player.post(lambda session: seen.append(session.view().frame))
        begin.set()
        until(lambda: len(seen) == 2)
    assert seen == sought == [4, 9]


def test_a_question_that_nobody_waits_for_any_more_is_not_asked(clip):
    begin = threading.Event()

    async def give_up(player):
        player.post(lambda session: begin.wait(5))
        player.ask(lambda session: session.footage).cancel()
        await asyncio.sleep(0)
        begin.set()
        return await player.ask(lambda session: session.footage.n_frames)

    with Watched(clip) as watched:
        assert asyncio.run(give_up(watched.player)) == N_FRAMES
        assert watched.told == []


def test_the_tracker_that_measures_the_page_is_one(clip):
    with ThreadPoolExecutor(1) as device:
        session = Session(StillTracker, device.submit)
        session.open(open_footage(clip))
        session.draw(0, BOX)
        play(session)
        assert boxes(session) == [BOX.tolist()]
        session.close()


def test_who_looks_late_gets_the_newest_view_and_none_in_between(clip):
    async def look(player):
        first, _ = await player.newest(0)
        for frame in range(1, 9):
            player.post(lambda session, frame=frame: session.seek(frame))
        await asyncio.sleep(0.2)
        return (await player.newest(first))[1].frame

    with Watched(clip) as watched:
        until(lambda: watched.player.view)
        assert asyncio.run(look(watched.player)) == 8


def test_an_answer_or_its_error_comes_back_to_who_asked(clip):
    async def ask(player):
        with pytest.raises(MediaError, match="draw a box first"):
            await player.ask(Session.tracked)
        return await player.ask(lambda session: session.footage.n_frames)

    with Watched(clip) as watched:
        assert asyncio.run(ask(watched.player)) == N_FRAMES


def test_desks_take_turns_on_the_device(clip):
    order, lock = [], threading.Lock()

    class Noting(FakeTracker):
        def dispatch(self, image):
            with lock:
                order.append(id(self))
            return super().dispatch(image)

    with Studio(lambda: Noting(0.005), "tiny", None, 10**6) as studio:
        desks = [studio.new_desk(lambda line: None, lambda: None) for _ in range(2)]
        for desk in desks:
            desk.open(open_footage(clip))
            desk.player.post(lambda session: session.draw(0, BOX, play=False))
            until(lambda desk=desk: desk.player.view and desk.player.view.targets)
        order.clear()
        for desk in desks:
            desk.player.post(Session.play)
        until(lambda: len(order) == 2 * (N_FRAMES - 1))
    first = order[:N_FRAMES]
    assert first.count(order[-1]) >= 3


def test_a_closed_desk_leaves_nothing_and_a_closed_studio_no_folder(clip):
    with Studio(FakeTracker, "tiny", None, 10**6) as studio:
        desk = studio.new_desk(lambda line: None, lambda: None)
        (desk.folder / "upload").write_bytes(b"")
        root = desk.folder.parent
        assert root.stat().st_mode & 0o777 == 0o700
        desk.close()
        until(lambda: not desk.folder.exists())
        assert studio.desks == {}
        studio.new_desk(lambda line: None, lambda: None)
    assert not root.exists()


def test_opening_a_video_removes_what_belonged_to_the_one_before_and_nothing_else(clip, tmp_path):
    with Studio(FakeTracker, "tiny", None, 10**6) as studio:
        desk = studio.new_desk(lambda line: None, lambda: None)
        mine, coming = desk.folder / "mine", desk.folder / "coming"
        mine.write_bytes(clip.read_bytes())
        coming.write_bytes(b"half of it")
        desk.open(open_footage(clip), mine)
        desk.open(open_footage(clip))
        until(lambda: not mine.exists())
        assert coming.exists()


def test_pages_are_limited():
    with Studio(FakeTracker, "tiny", None, 10**6) as studio:
        for _ in range(16):
            studio.new_desk(lambda line: None, lambda: None)
        with pytest.raises(MediaError, match="close one"):
            studio.new_desk(lambda line: None, lambda: None)
