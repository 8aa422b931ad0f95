import numpy as np
import pytest
import tensorflow_datasets as tfds
from hypothesis import given
from hypothesis import strategies as st
from pair_datasets import pair_features, serialise

from siamfc_jax.data.pair_record import parse_pair


def as_tfds_features(room):
    def crop(side):
        return tfds.features.Image(shape=(side, side, 3), encoding_format="jpeg")

    def box():
        return tfds.features.Tensor(shape=(4,), dtype=np.float32)

    return tfds.features.FeaturesDict(
        {
            "exemplar": crop(room),
            "search": crop(2 * room),
            "exemplar_box": box(),
            "search_box": box(),
            "video": tfds.features.Text(),
            "track": tfds.features.Text(),
            "exemplar_frame": np.int64,
            "search_frame": np.int64,
            "negative": np.int64,
        }
    )


@pytest.mark.parametrize("number", [0, 7])
def test_what_tensorflow_datasets_serialises_is_read(number):
    written = pair_features(number)
    features = as_tfds_features(room=8)
    read = parse_pair(features.serialize_example(features.encode_example(written)))
    for name, value in written.items():
        np.testing.assert_array_equal(getattr(read, name), value, err_msg=name)
    assert read.exemplar_box.dtype == read.search_box.dtype == np.float32
    assert type(read.negative) is bool and type(read.video) is str


@pytest.mark.parametrize("name", pair_features(0))
def test_a_missing_feature_is_refused(name):
    features = pair_features(0)
    del features[name]
    with pytest.raises(ValueError, match="not a training pair"):
        parse_pair(serialise(features))


@pytest.mark.parametrize("name", pair_features(0))
def test_a_feature_of_another_type_is_refused(name):
    other = 3 if not isinstance(pair_features(0)[name], int) else "three"
    with pytest.raises(ValueError, match="not a training pair"):
        parse_pair(serialise(pair_features(0, **{name: other})))


def test_a_box_of_three_numbers_is_refused():
    with pytest.raises(ValueError, match="not a training pair .*a box of 3 numbers"):
        parse_pair(serialise(pair_features(0, search_box=np.ones(3, np.float32))))


def test_a_name_that_is_not_utf8_is_refused():
    with pytest.raises(ValueError, match="not a training pair"):
        parse_pair(serialise(pair_features(0, video=b"\xff\xfe")))


@given(st.binary(max_size=200))
def test_no_other_bytes_do_more_than_be_refused(data):
    with pytest.raises(ValueError, match="not a training pair"):
        parse_pair(data)


@given(st.data())
def test_a_cut_pair_is_refused(data):
    whole = serialise(pair_features(0))
    length = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="not a training pair"):
        parse_pair(whole[:length])
