import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamfc_jax.models.anchors import A3, A5, A7, Anchors, decode, encode
from siamfc_jax.models.siamrpn import ALEXNET_UNGROUPED

BOXES = st.tuples(*[st.floats(-300, 300)] * 2, *[st.floats(1, 600)] * 2)


def test_the_sizes_are_the_released_ones():
    assert A5.sizes == ((104, 32), (88, 40), (64, 64), (40, 80), (32, 96))
    assert A3.sizes == A5.sizes[1:4]
    assert A7.sizes == ((128, 32), *A5.sizes, (32, 128))
    assert [anchors.count for anchors in (A3, A5, A7)] == [3, 5, 7]


@pytest.mark.parametrize(("size", "cells"), [(255, 17), (271, 19), (287, 21), (263, 18)])
def test_an_anchors_place_is_that_of_the_exemplar_aligned_with_its_cell(size, cells):
    output_size = ALEXNET_UNGROUPED.output_size
    assert output_size(size) - output_size(127) + 1 == cells
    grid = A5.grid(cells)
    assert grid.shape == (cells, cells, 5, 4)
    # Cell i sees the exemplar i strides from the corner, where it is centred at (size - 127) / 2.
    expected = 8 * np.arange(cells) - (size - 127) / 2
    for k in range(5):
        np.testing.assert_array_equal(grid[:, :, k, 0], np.tile(expected, (cells, 1)))
        np.testing.assert_array_equal(grid[:, :, k, 1], np.tile(expected[:, None], (1, cells)))
        np.testing.assert_array_equal(
            grid[:, :, k, 2:], np.broadcast_to(A5.sizes[k], (cells, cells, 2))
        )


@pytest.mark.parametrize("cells", [17, 19, 21])
def test_the_first_cell_is_the_released_one_for_odd_numbers_of_cells(cells):
    np.testing.assert_array_equal(A5.grid(cells)[0, 0, :, :2], -(cells // 2) * 8)
    assert A5.grid(cells).astype(int).tolist() == A5.grid(cells).tolist()


@given(box=BOXES, anchor=BOXES)
def test_decoding_undoes_encoding_and_encoding_undoes_decoding(box, anchor):
    box, anchor = jnp.asarray(box, jnp.float32), jnp.asarray(anchor, jnp.float32)
    offsets = encode(box, anchor)
    scale = float(jnp.abs(jnp.concatenate([box, anchor])).max())
    np.testing.assert_allclose(decode(offsets, anchor), box, atol=1e-5 * scale, rtol=1e-5)
    again = encode(decode(offsets, anchor), anchor)
    np.testing.assert_allclose(again, offsets, atol=1e-5 * scale, rtol=1e-4)


def test_offsets_are_in_units_of_the_anchor():
    anchor = jnp.asarray([8.0, -16, 32, 96])
    np.testing.assert_allclose(encode(anchor, anchor), 0)
    moved = jnp.asarray([8.0 + 16, -16 - 96, 64, 48])
    np.testing.assert_allclose(encode(moved, anchor), [0.5, -1, np.log(2), -np.log(2)], rtol=1e-6)


@pytest.mark.parametrize("wrong", [{"ratios": ()}, {"ratios": (1.0, 0.0)}, {"ratios": (100.0,)}])
def test_anchors_without_area_are_refused(wrong):
    with pytest.raises(ValueError, match="anchor"):
        Anchors(**wrong)
