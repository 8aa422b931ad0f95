"""The same shards by other hands: written by Apache Beam, read by TensorFlow Datasets."""

import sys

import numpy as np
import pytest
import simplejpeg
from pair_worlds import file_bytes, shards_of, some_crops

from data_prep.shards.beam_runner import BeamError
from siamfc_jax.data.dataset import open_pairs
from siamfc_jax.data.pair_record import parse_pair
from siamfc_jax.data.tfrecord import read_record


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return some_crops(tmp_path_factory.mktemp("crops"))


@pytest.fixture(scope="module")
def finished(index, tmp_path_factory):
    return shards_of(index, tmp_path_factory.mktemp("finished") / "shards")


@pytest.mark.filterwarnings("default")
def test_beam_writes_the_same_bytes(index, finished, tmp_path):
    pytest.importorskip("apache_beam", reason="needs the extra beam")
    shards_of(index, tmp_path / "beam", runner="beam")
    assert file_bytes(tmp_path / "beam") == file_bytes(finished)


def test_without_beam_its_extra_is_named(index, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(BeamError, match=r"pip install 'siamfc-jax\[beam\]'"):
        shards_of(index, tmp_path / "beam", runner="beam")


@pytest.mark.filterwarnings("default")
def test_tensorflow_datasets_opens_the_folder(finished):
    pytest.importorskip("tensorflow", reason="needs TensorFlow")
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(finished)
    assert builder.info.name == "toy"
    for split in ("train", "validation"):
        # TensorFlow reads the shards in turns; the pairs are matched by what they are.
        theirs = sorted(builder.as_dataset(split=split).as_numpy_iterator(), key=identity)
        ours = sorted((pair._asdict() for pair in pairs_in(finished, split)), key=identity)
        assert len(theirs) == len(ours) > 0
        for left, right in zip(theirs, ours, strict=True):
            assert identity(left) == identity(right)
            assert left["negative"] == right["negative"]
            np.testing.assert_array_equal(left["exemplar_box"], right["exemplar_box"])
            np.testing.assert_array_equal(left["search_box"], right["search_box"])
            for image in ("exemplar", "search"):
                # TensorFlow takes the fast transform, which rounds otherwise.
                decoded = simplejpeg.decode_jpeg(right[image])
                np.testing.assert_allclose(left[image].astype(int), decoded, atol=8)


def identity(pair):
    names = [pair["video"], pair["track"]]
    texts = [name.decode() if isinstance(name, bytes) else name for name in names]
    return (*texts, int(pair["exemplar_frame"]), int(pair["search_frame"]))


def pairs_in(folder, split):
    for shard in open_pairs(folder, split).shards:
        content, offset = shard.file.read_bytes(), 0
        while offset < len(content):
            data = read_record(content, offset, file=shard.file, number=0)
            yield parse_pair(data)
            offset += len(data) + 16
