import json
import re

import google_crc32c
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_datasets import EXEMPLAR_ROOM, SEARCH_ROOM, write_manifest, write_pairs, write_split

from siamfc_jax.data.dataset import DatasetError, manifest_hash, open_pairs
from siamfc_jax.data.pair_record import parse_pair
from siamfc_jax.data.record_order import RecordOrder
from siamfc_jax.data.tfrecord import OVERHEAD, read_record


@pytest.fixture
def folder(tmp_path):
    return write_pairs(tmp_path / "pairs", [3, 0, 4])


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Shards with 7, 0, 5, 9, 1 and 8 records."""
    return open_pairs(write_pairs(tmp_path_factory.mktemp("many"), [7, 0, 5, 9, 1, 8]), "train")


def change_manifest(folder, change):
    manifest = json.loads((folder / "pairs.json").read_text())
    change(manifest)
    manifest["dataset_hash"] = manifest_hash(manifest)
    (folder / "pairs.json").write_text(json.dumps(manifest))


def replace_offsets(folder, offsets):
    file = folder / "toy-train.offsets.npy"
    np.save(file, offsets)
    crc = google_crc32c.value(file.read_bytes())
    change_manifest(folder, lambda m: m["splits"]["train"]["offsets"].update(crc32c=crc))


def refusal(folder, split="train"):
    with pytest.raises(DatasetError) as caught:
        open_pairs(folder, split)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_dataset_tells_what_it_holds(folder):
    dataset = open_pairs(folder, "train")
    assert (dataset.split, dataset.records) == ("train", 7)
    assert (dataset.exemplar_room, dataset.search_room) == (EXEMPLAR_ROOM, SEARCH_ROOM)
    assert [shard.records for shard in dataset.shards] == [3, 0, 4]
    assert dataset.dataset_hash == json.loads((folder / "pairs.json").read_text())["dataset_hash"]


def test_every_record_is_found_at_its_place(folder):
    dataset = open_pairs(folder, "train")
    places = dataset.places(np.arange(dataset.records))
    assert [(place.shard, place.number) for place in places] == [
        (0, 0), (0, 1), (0, 2), (2, 0), (2, 1), (2, 2), (2, 3),
    ]  # fmt: skip
    for number, place in enumerate(places):
        file = dataset.shards[place.shard].file
        data = read_record(file.read_bytes(), place.offset, file=file, number=place.number)
        assert parse_pair(data).exemplar_frame == number
        assert place.size == OVERHEAD + len(data)


def test_a_missing_folder_is_refused(tmp_path):
    message = refusal(tmp_path / "nowhere")
    assert "nowhere: no such folder" in message and "make_shards" in message


def test_an_unfinished_dataset_is_refused(folder):
    (folder / "pairs.json").unlink()
    assert "pairs.json: missing, so the dataset is unfinished; run make_shards" in refusal(folder)


def test_another_split_is_refused(folder):
    assert "no split 'test'; there are train" in refusal(folder, "test")


def test_another_format_is_refused(folder):
    change_manifest(folder, lambda manifest: manifest.update(format=2))
    assert "pairs.json: format 2, but this version reads format 1" in refusal(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"format": null}', "\xff"])
def test_a_broken_manifest_is_refused(folder, content):
    (folder / "pairs.json").write_text(content, encoding="latin-1")
    assert "pairs.json: " in refusal(folder)


@pytest.mark.parametrize("name", ["splits", "exemplar_room", "search_room"])
def test_a_manifest_that_lacks_something_is_refused(folder, name):
    change_manifest(folder, lambda manifest: manifest.pop(name))
    assert f"pairs.json: not as make_shards writes it (KeyError('{name}'))" in refusal(folder)


def test_a_manifest_of_other_types_is_refused(folder):
    change_manifest(folder, lambda manifest: manifest["splits"].update(train=["a shard"]))
    assert "pairs.json: not as make_shards writes it" in refusal(folder)


def test_every_changed_letter_of_the_manifest_is_refused(folder):
    file = folder / "pairs.json"
    content = file.read_bytes()
    for position in np.random.default_rng(0).integers(len(content), size=100):
        changed = bytearray(content)
        changed[position] ^= 1
        file.write_bytes(bytes(changed))
        refusal(folder)


def test_a_missing_shard_is_refused(folder):
    (folder / "toy-train.tfrecord-00002-of-00003").unlink()
    assert "toy-train.tfrecord-00002-of-00003: missing shard; run make_shards" in refusal(folder)


@pytest.mark.parametrize(("change", "word"), [(-1, "short"), (1, "long")])
def test_a_shard_of_another_size_is_refused(folder, change, word):
    file = folder / "toy-train.tfrecord-00000-of-00003"
    content = file.read_bytes()
    file.write_bytes((content + b"x")[: len(content) + change])
    expected = f"{file}: too {word}, {len(content) + change} bytes instead of {len(content)}; "
    assert expected in refusal(folder)


def test_missing_offsets_are_refused(folder):
    (folder / "toy-train.offsets.npy").unlink()
    assert "toy-train.offsets.npy: missing offsets" in refusal(folder)


@pytest.mark.parametrize("position", [0, 60, -1])
def test_damaged_offsets_are_refused(folder, position):
    file = folder / "toy-train.offsets.npy"
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)
    assert "toy-train.offsets.npy: cut short or changed" in refusal(folder)
    file.write_bytes(content[:-8])
    assert "toy-train.offsets.npy: cut short or changed" in refusal(folder)


@pytest.mark.parametrize(
    "offsets",
    [np.arange(6, dtype=np.uint64), np.zeros(7, np.uint64), np.arange(7.0), np.array("text")],
    ids=["too few", "not increasing", "floats", "text"],
)
def test_offsets_that_do_not_fit_the_shards_are_refused(folder, offsets):
    replace_offsets(folder, offsets)
    assert "toy-train.offsets.npy: does not fit its 3 shards with 7 records" in refusal(folder)


def test_a_split_without_records_can_be_opened(tmp_path):
    write_manifest(tmp_path, {"validation": write_split(tmp_path, "validation", [[]])})
    assert open_pairs(tmp_path, "validation").records == 0


@given(seed=st.integers(0, 2**63), hosts=st.integers(1, 6), batch=st.integers(1, 3), data=st.data())
def test_a_pass_visits_no_record_twice_and_leaves_out_less_than_a_batch(
    many, seed, hosts, batch, data
):
    try:
        orders = [
            RecordOrder(many, batch=batch, seed=seed, host=host, hosts=hosts)
            for host in range(hosts)
        ]
    except DatasetError as error:
        assert "too few for a batch" in str(error)
        return
    batches = {order.batches_per_pass for order in orders}
    assert len(batches) == 1
    (batches,) = batches
    first = data.draw(st.integers(0, 5)) * batches
    for host, order in enumerate(orders):
        visited = np.concatenate(
            [order.records(step, np.arange(batch)) for step in range(first, first + batches)]
        ).tolist()
        assert len(set(visited)) == len(visited) == batches * batch
        shards = {place.shard for place in many.places(np.asarray(visited))}
        assert all(shard % hosts == host for shard in shards)
    fewest = min(sum(shard.records for shard in many.shards[host::hosts]) for host in range(hosts))
    assert batches == fewest // batch


@pytest.mark.parametrize("hosts", [1, 2])
def test_hosts_together_visit_every_record_of_the_dataset_once(tmp_path, hosts):
    dataset = open_pairs(write_pairs(tmp_path / "even", [4, 2, 2, 4]), "train")
    visited = []
    for host in range(hosts):
        order = RecordOrder(dataset, batch=3, seed=0, host=host, hosts=hosts)
        for step in range(order.batches_per_pass):
            visited += order.records(step, np.arange(3)).tolist()
    assert sorted(visited) == list(range(12))


def test_the_order_differs_between_passes_seeds_and_hosts(tmp_path):
    dataset = open_pairs(write_pairs(tmp_path / "even", [20, 20]), "train")

    def order(step, **changes):
        settings = {"batch": 20, "seed": 0, "host": 0, "hosts": 2} | changes
        return RecordOrder(dataset, **settings).records(step, np.arange(20)) % 20

    orders = [order(0), order(1), order(2), order(0, seed=1), order(0, host=1)]
    assert len({tuple(numbers.tolist()) for numbers in orders}) == len(orders)


def test_the_order_does_not_depend_on_what_was_asked_before(many):
    asked = RecordOrder(many, batch=4, seed=3)
    for step in np.random.default_rng(0).integers(60, size=100).tolist():
        fresh = RecordOrder(many, batch=4, seed=3)
        rows = np.arange(4)
        assert asked.records(step, rows).tolist() == fresh.records(step, rows).tolist()


def test_the_record_after_the_last_of_a_pass_is_its_first(many):
    order = RecordOrder(many, batch=many.records, seed=0)
    rows = np.arange(many.records)
    expected = np.roll(order.records(5, rows), -2)
    np.testing.assert_array_equal(order.records(5, rows, ahead=2), expected)


def test_more_hosts_than_shards_are_refused(folder):
    with pytest.raises(DatasetError, match=re.escape("3 shards for 4 hosts; run make_shards")):
        RecordOrder(open_pairs(folder, "train"), batch=1, seed=0, host=0, hosts=4)


def test_a_batch_larger_than_a_hosts_share_is_refused_on_every_host(tmp_path):
    dataset = open_pairs(write_pairs(tmp_path / "uneven", [9, 2]), "train")
    for host in range(2):
        with pytest.raises(DatasetError, match="2 records on a host are too few for a batch of 3"):
            RecordOrder(dataset, batch=3, seed=0, host=host, hosts=2)
