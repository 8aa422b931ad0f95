import io
import json
import shutil

import google_crc32c
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_worlds import file_bytes, kill_once, run, shards_of, some_crops
from PIL import Image

from data_prep.crops.index import CropsError
from data_prep.crops.reader import CropReader
from data_prep.shards.check import check_shards
from data_prep.shards.features import pair_features, serialize_pair
from data_prep.shards.plan import PlanError, SplitSettings, split_tables
from data_prep.shards.request import ShardRequest
from data_prep.shards.sampling import PairSettings, draw_pairs
from data_prep.shards.stage import make_shards
from data_prep.shards.writing import shard_ranges
from siamfc_jax.data.dataset import open_pairs
from siamfc_jax.data.pair_record import PairRecord, parse_pair
from siamfc_jax.data.tfrecord import read_record
from siamfc_jax.durable import StorageError


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return some_crops(tmp_path_factory.mktemp("crops"))


@pytest.fixture(scope="module")
def finished(index, tmp_path_factory):
    """A dataset that no test changes."""
    return shards_of(index, tmp_path_factory.mktemp("finished") / "shards")


@pytest.fixture
def dataset(finished, tmp_path):
    """A dataset to damage."""
    return shutil.copytree(finished, tmp_path / "shards")


def pairs_in(folder, split):
    opened = open_pairs(folder, split)
    contents = [shard.file.read_bytes() for shard in opened.shards]
    return [
        parse_pair(read_record(contents[place.shard], place.offset, file=folder, number=number))
        for number, place in enumerate(opened.places(np.arange(opened.records)))
    ]


def assert_same(one, other):
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_pair_is_written_as_tensorflow_datasets_writes_it():
    image = io.BytesIO()
    Image.new("RGB", (131, 131), (1, 2, 3)).save(image, "JPEG")
    box = np.asarray([1.5, 2, 3, 4], np.float32)
    pair = PairRecord(image.getvalue(), image.getvalue(), box, box + 1, "ä/b", "c", 3, 70, True)
    features = pair_features(131, 131)
    encoded = features.encode_example({**pair._asdict(), "negative": int(pair.negative)})
    theirs = features._example_serializer.get_tf_example(encoded)
    assert serialize_pair(pair) == theirs.SerializeToString(deterministic=True)
    assert_same(parse_pair(serialize_pair(pair)), pair)


@given(pairs=st.integers(1, 500), shards=st.integers(1, 40))
def test_pairs_are_spread_evenly(pairs, shards):
    ranges = shard_ranges(pairs, shards)
    assert [number for first, end in ranges for number in range(first, end)] == list(range(pairs))
    sizes = [end - first for first, end in ranges]
    assert len(ranges) == shards and max(sizes) - min(sizes) <= 1


def test_the_files_are_as_agreed(finished):
    shards = [f"toy-train.tfrecord-{shard:05d}-of-00004" for shard in range(4)]
    shards += [f"toy-validation.tfrecord-{shard:05d}-of-00004" for shard in range(4)]
    others = ["dataset_info.json", "features.json", "pairs.json", "plan.json"]
    others += ["toy-train.offsets.npy", "toy-validation.offsets.npy"]
    assert set(file_bytes(finished)) == {*shards, *others}
    manifest = json.loads((finished / "pairs.json").read_text())
    assert (manifest["format"], manifest["name"]) == (1, "toy")
    assert (manifest["exemplar_room"], manifest["search_room"]) == (127, 131)
    for entry in manifest["splits"]["train"]["shards"]:
        content = (finished / entry["file"]).read_bytes()
        assert (entry["records"], entry["bytes"]) == (10, len(content))
        assert entry["crc32c"] == google_crc32c.value(content)


def test_the_pairs_are_those_drawn_and_the_jpegs_those_cut(index, finished):
    tables = split_tables(index, SplitSettings(), validation=True)
    reader = CropReader(index)
    for split, pairs in (("train", 40), ("validation", 8)):
        drawn = draw_pairs(tables[split], PairSettings(), split, 0, pairs)
        for pair, (exemplar, search, _) in zip(pairs_in(finished, split), drawn, strict=True):
            one, other = reader.read(exemplar), reader.read(search)
            assert (pair.exemplar, pair.search) == (one.exemplar, other.search)
            assert (pair.exemplar_frame, pair.search_frame) == (one.frame, other.frame)
            assert (pair.video.encode(), pair.track.encode()) == (one.video, one.track)
            np.testing.assert_array_equal(pair.exemplar_box, one.exemplar_box)
            np.testing.assert_array_equal(pair.search_box, other.search_box)


def test_a_still_makes_a_pair_of_its_crop_with_itself(finished):
    stills = [pair for pair in pairs_in(finished, "train") if pair.video == "stills/still"]
    assert stills and all(pair.exemplar_frame == pair.search_frame for pair in stills)


def test_negative_pairs_are_marked(index, tmp_path):
    folder = shards_of(
        index,
        tmp_path / "shards",
        pairs=200,
        validation_pairs=0,
        draw=PairSettings(negatives=0.25),
    )
    share = np.mean([pair.negative for pair in pairs_in(folder, "train")])
    assert share == pytest.approx(0.25, abs=0.1)


def test_neither_workers_nor_the_number_of_shards_change_the_pairs(index, finished, tmp_path):
    shards_of(index, tmp_path / "parallel", workers=1)
    assert file_bytes(tmp_path / "parallel") == file_bytes(finished)
    one = shards_of(index, tmp_path / "one", shards=1)
    for left, right in zip(pairs_in(one, "train"), pairs_in(finished, "train"), strict=True):
        assert_same(left, right)


def test_shards_that_are_whole_are_kept(index, dataset, finished):
    shards = sorted(dataset.glob("toy-train.tfrecord-*"))
    shards[0].unlink()
    damaged = bytearray(shards[1].read_bytes())
    damaged[500] ^= 1
    shards[1].write_bytes(damaged)
    shards[2].write_bytes(shards[2].read_bytes()[:-9])
    kept = shards[3].stat().st_mtime_ns
    shards_of(index, dataset)
    assert file_bytes(dataset) == file_bytes(finished)
    assert shards[3].stat().st_mtime_ns == kept


def test_a_folder_keeps_to_one_plan(index, dataset):
    with pytest.raises(PlanError, match=r"plan.json: this folder holds a dataset of other"):
        shards_of(index, dataset, draw=PairSettings(seed=1))


def test_a_killed_run_is_resumed_to_the_same_bytes(index, tmp_path):
    out = tmp_path / "shards"
    flags = [f"--crops={index.folder}", f"--out={out}", "--name=toy", "--workers=1"]
    flags += ["--pairs=3000", "--validation_pairs=30", "--shards=30"]

    def two_are_finished():
        return len(list(out.glob("toy-train.tfrecord-*-of-00030"))) > 1

    assert kill_once(two_are_finished, "data_prep.make_shards", *flags) == -9
    assert not (out / "pairs.json").exists()
    (out / "left.unfinished").write_bytes(b"by a killed worker")
    result = run("data_prep.make_shards", *flags)
    assert (result.returncode, "complete" in result.stdout) == (0, True), result.stderr
    shards_of(index, tmp_path / "again", pairs=3000, validation_pairs=30, shards=30)
    assert file_bytes(out) == file_bytes(tmp_path / "again")


def test_every_fault_is_found_and_placed(dataset):
    assert check_shards(dataset, workers=0, show=print) == []
    train, validation = open_pairs(dataset, "train"), open_pairs(dataset, "validation")
    for shard, number in ((0, 3), (0, 7), (1, 9)):
        file, start = train.shards[shard].file, int(train.offsets[10 * shard + number])
        content = bytearray(file.read_bytes())
        content[start + 40] ^= 4
        file.write_bytes(content)
    cut = train.shards[2]
    cut.file.write_bytes(cut.file.read_bytes()[:-20])
    train.shards[3].file.unlink()
    swapped = [shard.file for shard in validation.shards[:2]]
    contents = [file.read_bytes() for file in swapped]
    for file, content in zip(swapped, reversed(contents), strict=True):
        file.write_bytes(content)
    faults = check_shards(dataset, workers=0, show=print)
    offsets = train.offsets
    for line in (
        f"{train.shards[0].file}: record 3 at byte {offsets[3]} is corrupt",
        f"{train.shards[0].file}: record 7 at byte {offsets[7]} is corrupt",
        f"{train.shards[1].file}: record 9 at byte {offsets[19]} is corrupt",
        f"{cut.file}: {cut.bytes - 20} bytes instead of {cut.bytes}",
        f"{cut.file}: record 9 at byte {offsets[29]} is corrupt",
        f"{train.shards[3].file}: missing",
    ):
        assert any(fault.startswith(line) for fault in faults), line
    assert all(any(str(file) in fault for fault in faults) for file in swapped)
    assert sum("train" in fault for fault in faults) == 6


def test_a_record_of_another_schema_is_a_fault(index, dataset, tmp_path):
    manifest = json.loads((dataset / "pairs.json").read_text())
    manifest["search_room"] = 255
    (dataset / "pairs.json").write_text(json.dumps(manifest))
    faults = check_shards(dataset, workers=0, show=print)
    assert faults[0] == f"{dataset / 'pairs.json'}: was changed since it was written"
    assert "record 0 at byte 0: its search image has not 255 x 255 pixels" in faults[1]
    assert len(faults) == 1 + 48


def test_without_its_offsets_a_shard_is_still_checked(dataset):
    (dataset / "toy-train.offsets.npy").write_bytes(b"")
    assert check_shards(dataset, workers=0, show=print) == [
        f"{dataset / 'toy-train.offsets.npy'}: changed since it was written (wrong checksum)"
    ]


def test_verifying_by_command_exits_with_3(dataset):
    shard = dataset / "toy-train.tfrecord-00000-of-00004"
    shard.write_bytes(shard.read_bytes()[:-1])
    result = run("data_prep.make_shards", f"--out={dataset}", "--verify", "--workers=1")
    assert result.returncode == 3
    assert f"{shard}: record 9 at byte" in result.stdout


def test_corrupt_crops_are_not_copied(index, tmp_path):
    shutil.copytree(index.folder, tmp_path / "crops")
    for pack in (tmp_path / "crops/packs").glob("*.tfrecord"):
        content = bytearray(pack.read_bytes())
        content[2000::5000] = bytes(len(content[2000::5000]))
        pack.write_bytes(content)
    with pytest.raises(CropsError, match=r"packs.*tfrecord: the crop at byte \d+ is corrupt"):
        make_shards(
            ShardRequest(tmp_path / "crops", tmp_path / "shards", "toy", 40, workers=0), show=print
        )
    assert not (tmp_path / "shards/pairs.json").exists()


@pytest.mark.parametrize(("table", "column"), [("crops", "frame"), ("tracks", "start")])
def test_a_damaged_index_is_noticed(index, tmp_path, table, column):
    shutil.copytree(index.folder, tmp_path / "crops")
    (file,) = (tmp_path / "crops").glob(f"index-*/{table}.npy")
    rows = np.load(file)
    rows[column][:-1] += 1
    np.save(file, rows)
    request = ShardRequest(tmp_path / "crops", tmp_path / "shards", "toy", 40, workers=0)
    with pytest.raises(CropsError, match="its index is damaged; run make_crops again"):
        make_shards(request, show=print)


def test_a_disk_too_small_is_refused(index, tmp_path, monkeypatch):
    free = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(StorageError, match="are needed and 1e-05 MB are free"):
        shards_of(index, tmp_path / "shards")
    shards_of(index, tmp_path / "shards", force=True)


def test_a_gap_of_its_own_keeps_a_source_close(index, tmp_path):
    near = shards_of(index, tmp_path / "near", pairs=200, draw=PairSettings(gaps={"one": 1}))
    gaps = {"one": 0, "two": 0, "stills": 0}
    for pair in pairs_in(near, "train"):
        source = pair.video.partition("/")[0]
        gaps[source] = max(gaps[source], abs(pair.search_frame - pair.exemplar_frame))
    assert gaps["one"] == 1 and gaps["two"] > 1
    with pytest.raises(PlanError, match="a gap for film, but the sources are one, two, stills"):
        shards_of(index, tmp_path / "other", draw=PairSettings(gaps={"film": 1}))


def test_without_gaps_the_plan_is_that_of_earlier_versions(finished):
    assert "gaps" not in json.loads((finished / "pairs.json").read_text())["settings"]


def test_negatives_take_two_videos(index, tmp_path):
    split = SplitSettings(validation_videos=("one/b",))
    with pytest.raises(PlanError, match="validation has one only"):
        shards_of(index, tmp_path / "shards", split=split, draw=PairSettings(negatives=0.1))


@pytest.mark.parametrize("change", [{"name": "a-b"}, {"name": ""}, {"pairs": 0}, {"shards": 0}])
def test_requests_that_cannot_be_are_refused(index, tmp_path, change):
    with pytest.raises(ValueError, match="must"):
        shards_of(index, tmp_path / "shards", **change)


def test_the_command_tells_mistakes_in_one_line(tmp_path, index):
    for flags, problem in (
        ([], "Give --out"),
        ([f"--crops={tmp_path}", f"--out={tmp_path / 'x'}"], "crops.json: missing"),
        ([f"--crops={index.folder}", f"--out={tmp_path / 'y'}", "--mix=one"], "LABEL:share"),
    ):
        result = run("data_prep.make_shards", *flags)
        assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
        assert problem in result.stderr
