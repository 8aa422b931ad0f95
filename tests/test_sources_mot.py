"""MOTChallenge."""

from own_trees import write_mot
from source_trees import SIZE, read, write_lines

from data_prep.sources.mot_folder import read_mot


def test_mot_counts_frames_and_pixels_from_one(tmp_path):
    write_mot(tmp_path / "MOT16-02", "1,2,11,6,20,16,1,1,1", "3,2,12,6,20,16,1,1,0.5")
    (track,), report = read(read_mot, tmp_path)
    assert (track.video, track.name, track.category) == ("MOT16-02", "MOT16-02#2", "pedestrian")
    assert track.numbers.tolist() == [0, 2]
    assert [frame.name for frame in track.frames] == ["000001.jpg", "000003.jpg"]
    assert track.boxes.tolist() == [[10, 5, 20, 16], [11, 5, 20, 16]]
    assert not report.counts


def test_mot_rows_in_any_order_become_a_track_for_each_target(tmp_path):
    rows = [f"{frame},{target},11,6,20,16,1,-1,-1,-1" for target in (10, 9) for frame in (2, 1)]
    write_mot(tmp_path, *rows, annotation="gt.txt")
    tracks, _ = read(read_mot, tmp_path)
    assert [track.name for track in tracks] == [f"{tmp_path.name}#{target}" for target in (9, 10)]
    assert all(track.numbers.tolist() == [0, 1] for track in tracks)
    assert all(track.category == "" for track in tracks)


def test_mot_targets_not_considered_or_hidden_are_absent(tmp_path):
    seen, ignored = "1,1,11,6,20,16,1,1,-1", "2,1,11,6,20,16,0,1,1"
    write_mot(tmp_path / "a", seen, ignored, "3,1,11,6,20,16,1,1,0.1")
    (track,), report = read(read_mot, tmp_path)
    assert track.numbers.tolist() == [0]
    assert not report.counts


def test_mot_seqinfo_tells_sizes_and_folder(tmp_path):
    write_mot(tmp_path / "a", "1,1,11,6,20,16", img="pictures")
    info = "[Sequence]", "name=a", "imDir=pictures", "imWidth=64", "imHeight=48"
    write_lines(tmp_path / "a/seqinfo.ini", *info)
    (track,), _ = read(read_mot, tmp_path)
    assert track.sizes.tolist() == [list(SIZE)]


def test_faults_of_mot_rows_are_noted(tmp_path):
    good = "1,1,11,6,20,16"
    faults = "4,1,11,6,20,16", "2,1,11,6,0,16", "2,3,65,6,20,16", "1,1,12,6,20,16", "2,1,x,6,2,1"
    write_mot(tmp_path / "a", good, *faults)
    write_mot(tmp_path / "b", good)
    write_lines(tmp_path / "b/seqinfo.ini", "imWidth=64")
    (tmp_path / "c/gt").mkdir(parents=True)
    (tmp_path / "c/gt/gt.txt").touch()
    tracks, report = read(read_mot, tmp_path)
    assert [track.boxes.tolist() for track in tracks] == [[[10, 5, 20, 16]]] * 2
    assert dict(report.counts) == {
        "missing frame": 1,
        "box without area": 1,
        "box outside the frame": 1,
        "target twice in a frame": 1,
        "garbled row": 1,
        "garbled annotation": 1,
        "missing frames": 1,
    }
