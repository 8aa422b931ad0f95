"""Published scores: plausible numbers, each with a source, found by benchmark and protocol."""

from dataclasses import fields

import pytest

from siamfc_jax.evaluation.presentation.published import PUBLISHED, published_on

NUMBERS = [field.name for field in fields(PUBLISHED[0]) if field.default is None]


@pytest.mark.parametrize(
    "row", PUBLISHED, ids=lambda row: f"{row.tracker}-{row.benchmark}-{row.protocol}"
)
def test_every_row_has_a_source_and_shares_between_0_and_1(row):
    values = {name: getattr(row, name) for name in NUMBERS if getattr(row, name) is not None}
    assert row.source
    assert values
    assert all(0 < value < 1 for name, value in values.items() if name != "failures")


def test_no_tracker_stands_twice_under_one_benchmark_and_protocol():
    keys = [(row.tracker, row.benchmark, row.protocol) for row in PUBLISHED]
    assert len(set(keys)) == len(keys)


def test_rows_are_found_by_benchmark_and_protocol():
    (siamfc,) = [row for row in published_on("OTB-100", "TRE") if row.tracker == "SiamFC-3s"]
    assert (siamfc.auc, siamfc.precision) == (0.6052, 0.7952)
    assert published_on("no such benchmark", "OPE") == ()


def test_vot2017_has_the_rows_of_vot2018_which_has_its_sequences():
    rows = published_on("VOT2017", "baseline")
    assert {row.benchmark for row in rows} == {"VOT2017"}
    assert [row.tracker for row in rows] == [
        row.tracker for row in published_on("VOT2018", "baseline")
    ]
