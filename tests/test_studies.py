"""The studies of the papers: their variants, what was published of them, and the pairs of each."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from data_prep.crops.settings import CropSettings
from experiments.studies import plans, published
from experiments.studies.figure import study_figure
from experiments.studies.pairs import PairSource, pairs_of
from experiments.studies.table import numbers, study_table
from experiments.studies.variants import Measure, Measured, Portion
from siamfc_jax.data.dataset import named_held_out, open_pairs, split_names
from siamfc_jax.data.pair_record import parse_pair
from siamfc_jax.data.tfrecord import read_record
from siamfc_jax.models.network import NETWORKS
from siamfc_jax.models.siamfc import SIAMFC, SIAMFC_TINY
from siamfc_jax.models.siamrpn import SIAMRPN, SIAMRPN_TINY
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER, SIAMFC_PAPER
from siamfc_jax.tracking.siamrpn_config import SIAMRPN_PAPER, SIAMRPN_RELEASE
from tests.pair_worlds import crops_of, moving_box, source, write_video

AUC = Measure("OTB (12 sequences)", "AUC", drawn=True)
FAILURES = Measure("VOT2015", "failures", 1)


def test_dataset_sizes_are_those_of_the_papers():
    assert [v.portion.percent for v in plans.dataset_size_v1(SIAMFC).variants] == [5, 10, 50, 100]
    study = plans.dataset_size_v2(SIAMFC)
    assert [v.portion.percent for v in study.variants] == [2, 4, 8, 16, 32, 100]
    assert {v.network for v in study.variants} == {SIAMFC}
    assert study.labels[16] == "16"


def test_one_source_grows_beside_the_others():
    study = plans.dataset_size_siamrpn(SIAMRPN, "ytbb", [100, 0, 25])
    shares = [(v.portion.percent_of("vid"), v.portion.percent_of("ytbb")) for v in study.variants]
    assert shares == [(100, 0), (100, 25), (100, 100)]


def test_anchors_are_varied_without_and_with_a_source():
    study = plans.anchor_ratios(SIAMRPN_TINY, "ytbb")
    assert study.series == ("without ytbb", "with ytbb")
    assert [v.network.anchors.count for v in study.variants] == [3, 5, 7] * 2
    assert [v.portion.percent_of("ytbb") for v in study.variants] == [0] * 3 + [100] * 3
    of_paper = [NETWORKS[name] for name in ("siamrpn-a3", "siamrpn", "siamrpn-a7")]
    assert [v.network for v in plans.anchor_ratios(SIAMRPN).variants] == of_paper


def test_the_centre_grows_to_all_cells_of_the_search_image():
    study = plans.center_size(SIAMRPN, SIAMRPN_PAPER)
    assert [v.x for v in study.variants] == list(range(1, 18))
    assert len(plans.center_size(SIAMRPN, SIAMRPN_RELEASE).variants) == 19
    centers = [v.tracking.center_cells for v in study.variants]
    assert centers == [*range(1, 17), 0], "0: all of them"
    assert {dataclasses.replace(v.tracking, center_cells=7) for v in study.variants} == {
        SIAMRPN_PAPER
    }
    assert len({(v.network, v.portion) for v in study.variants}) == 1, "one training"


def test_scales_are_two_trackers_of_one_training():
    study = plans.scales(SIAMFC)
    assert [v.tracking for v in study.variants] == [SIAMFC_3S_PAPER, SIAMFC_PAPER]
    assert len({(v.network, v.portion) for v in study.variants}) == 1
    assert study.timed


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: plans.dataset_size_v2(SIAMFC, [0, 100]), "--percentages"),
        (lambda: plans.dataset_size_siamrpn(SIAMRPN, "ytbb", [101]), "--percentages"),
        (lambda: plans.anchor_ratios(SIAMFC), "no anchors"),
        (lambda: plans.center_size(SIAMFC), "SiamRPN"),
        (lambda: plans.center_size(SIAMRPN, SIAMRPN_PAPER, [18]), "17 x 17 cells"),
        (lambda: plans.scales(SIAMRPN), "SiamFC"),
    ],
)
def test_what_a_study_cannot_vary_is_said(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def published_rows(columns):
    """The numbers of every row, in the columns' order."""
    return [[column.values[x] for column in columns] for x in columns[0].values]


@pytest.mark.parametrize(
    ("paper", "columns", "thousands"),
    [
        ("siamfc-arxiv-v1.txt", published.V1_TABLE_2, "k"),
        ("siamfc-eccv2016-v2.txt", published.V2_TABLE_3, "k"),
    ],
)
def test_tables_of_dataset_size_stand_in_the_papers(shared_data, paper, columns, thousands):
    text = (shared_data.parent / "papers" / paper).read_text().replace("2m", "2000k")
    plain = re.sub(r"</?b>", "", text).replace("\t", " ")
    for x, row in zip(columns[0].values, published_rows(columns), strict=True):
        videos, boxes, accuracy, failures, overlap = row
        line = f"{x} {videos} {boxes}{thousands} {accuracy:.3f} {failures} {overlap:.3f}"
        assert line in plain


def test_numbers_of_siamrpn_stand_in_the_paper(shared_data):
    text = (shared_data.parent / "papers/siamrpn-cvpr2018.txt").read_text()
    for x, row in zip((3, 5, 7), published_rows(published.RPN_TABLE_3), strict=True):
        assert "\t".join([f"$A_{x}$", *(f"{value:.3f}" for value in row)]) in text
    (figure_10,) = published.RPN_FIGURE_10
    assert "EAO from {:.3f} to {:.3f}".format(*figure_10.values.values()) in text
    assert "the best center size of anchor is 4" in text


def test_numbers_of_the_scales_stand_in_the_paper(shared_data):
    text = (shared_data.parent / "papers/siamfc-eccv2016-v2.txt").read_text()
    rows = dict(zip((3, 5), published_rows(published.SCALES), strict=True))
    for x, name in ((3, "SiamFC-3s"), (5, "SiamFC")):
        accuracy, failures, overlap, _, rate = rows[x]
        line = f"{name} (ours) {accuracy:.4f} {failures} {overlap:.4f} {rate}"
        assert line in text
    assert f"of {rows[5][3]} and {rows[3][3]}" in text


def measured(study, **values):
    return [
        Measured(variant, {AUC: (0.25, 0.35), FAILURES: (float("nan"),), **values}, 12, 3456)
        for variant in study.variants
    ]


def test_measured_and_published_stand_in_columns_of_their_own():
    study = plans.dataset_size_v2(SIAMFC_TINY, [10, 100])
    table = study_table(study, measured(study), "2 seeds, 300 steps of tiny", ["A note."])
    assert "here: OTB (12 sequences), 2 seeds, 300 steps of tiny" in table.caption
    assert "SiamFC v2, Table 3" in table.caption
    assert [row[0].text for row in table.rows] == ["2", "4", "8", "10", "16", "32", "100"]
    cells = {row[0].text: dict(zip(table.header, row, strict=True)) for row in table.rows}
    auc, eao = "here\nOTB (12 sequences)\nAUC", "paper\nVOT2015\nEAO"
    assert cells["10"][auc].text == "0.300 +- 0.071"
    assert cells["10"]["here\nboxes"].text == "3456"
    assert (cells["10"][eao].text, cells["2"][auc].text) == ("-", "-")
    assert (cells["100"][eao].text, cells["100"]["paper\nvideos"].text) == ("0.274", "4417")
    assert cells["10"]["here\nVOT2015\nfailures"].text == "-", "not measured"
    assert table.notes[0] == "A note."


def test_series_have_columns_of_their_own():
    study = plans.anchor_ratios(SIAMRPN_TINY, "stills")
    header = study_table(study, measured(study), "1 seed").header
    assert "here\nwithout stills\nOTB (12 sequences)\nAUC" in header
    assert "paper\nwith YouTube-BB\nVOT2016\nEAO" in header


def test_every_number_is_also_a_row_for_programs():
    study = plans.scales(SIAMFC_TINY)
    rows = list(numbers(study, measured(study)))
    mine = [row for row in rows if row["from"] == "here" and row["measure"] == "AUC"]
    assert [(row["x"], row["mean"], row["seeds"]) for row in mine] == [(3, 0.3, 2), (5, 0.3, 2)]
    lost = [row["mean"] for row in rows if row["from"] == "here" and row["measure"] == "failures"]
    assert lost == [None, None], "JSON knows no NaN"
    theirs = [row["mean"] for row in rows if row["from"] != "here" and row["measure"] == "EAO"]
    assert theirs == [0.2889, 0.2743]


def test_the_figure_draws_what_is_measured_and_what_was_published_apart():
    study = plans.anchor_ratios(SIAMRPN_TINY, "stills")
    figure = study_figure(study, measured(study), "1 seed, 300 steps of siamrpn-tiny")
    here, paper = figure.axes
    assert here.get_title() == "here: OTB (12 sequences)\n1 seed, 300 steps of siamrpn-tiny"
    assert paper.get_title() == "paper: VOT2016\nSiamRPN, Table 3"
    assert (here.get_ylabel(), paper.get_ylabel()) == ("AUC", "EAO")
    labels = [text.get_text() for text in paper.get_legend().get_texts()]
    assert labels == ["without YouTube-BB", "with YouTube-BB"]
    assert [tick.get_text() for tick in here.get_xticklabels()] == ["A3", "A5", "A7"]


def test_where_nothing_is_published_nothing_is_drawn():
    study = plans.center_size(SIAMRPN_TINY, SIAMRPN_PAPER, [1, 4, 17])
    (only,) = study_figure(study, measured(study), "1 seed").axes
    assert "here" in only.get_title()
    assert any("best at 4" in note for note in study_table(study, measured(study), "").notes)


@pytest.fixture(scope="module")
def crops(tmp_path_factory) -> Path:
    """Eight videos of source one, four of source two, six frames each."""
    folder = tmp_path_factory.mktemp("crops")
    for label, letters in (("one", "abcdefgh"), ("two", "ijkl")):
        for number, letter in enumerate(letters):
            write_video(folder / label / letter, [moving_box(6)], seed=100 * number)
    sources = [source(folder / label, label) for label in ("one", "two")]
    return crops_of(sources, folder / "crops", settings=CropSettings(127, 131)).folder


def pairs(crops, out, portion, **changes):
    return pairs_of(PairSource(crops, pairs=60, workers=0, **changes), portion, out)


def videos_in(shards):
    dataset = open_pairs(shards, "train")
    contents = [shard.file.read_bytes() for shard in dataset.shards]
    places = dataset.places(np.arange(dataset.records))
    return {
        parse_pair(read_record(contents[p.shard], p.offset, file=shards, number=p.number)).video
        for p in places
    }


def test_a_portion_takes_its_share_of_every_source(crops, tmp_path):
    half = pairs(crops, tmp_path, Portion(50))
    assert (half.videos, half.boxes) == (6, 36)
    assert sorted(name[:3] for name in videos_in(half.shards)) == ["one"] * 4 + ["two"] * 2
    quarter = pairs(crops, tmp_path, Portion(25))
    assert videos_in(quarter.shards) < videos_in(half.shards)


def test_what_is_left_out_is_validated_on(crops, tmp_path):
    half = pairs(crops, tmp_path, Portion(50), held_out=("one/a",))
    assert set(named_held_out(half.shards)).isdisjoint(videos_in(half.shards))
    assert "one/a" in named_held_out(half.shards)
    whole = pairs(crops, tmp_path / "whole", Portion())
    assert split_names(whole.shards) == ["train"] and whole.videos == 12


def test_a_source_is_left_out_of_pairs_and_mix(crops, tmp_path):
    mix = {"one": 0.5, "two": 0.5}
    without = pairs(crops, tmp_path, Portion(of_sources=(("two", 0.0),)), mix=mix)
    assert {name[:3] for name in videos_in(without.shards)} == {"one"}
    assert (without.videos, without.boxes) == (8, 48)
    part = pairs(crops, tmp_path, Portion(of_sources=(("two", 25.0),)), mix=mix)
    assert part.videos == 9 and part.shards != without.shards


def test_finished_pairs_are_not_written_again(crops, tmp_path):
    first = pairs(crops, tmp_path, Portion(50))
    times = {file: file.stat().st_mtime_ns for file in first.shards.iterdir()}
    assert pairs(crops, tmp_path, Portion(50)) == first
    assert {file: file.stat().st_mtime_ns for file in first.shards.iterdir()} == times


def test_unknown_sources_and_videos_are_named(crops, tmp_path):
    with pytest.raises(ValueError, match="--added=three: the sources of the crops are one, two"):
        pairs(crops, tmp_path, Portion(of_sources=(("three", 0.0),)))
    with pytest.raises(ValueError, match="--held_out: no video 'one/z'"):
        pairs(crops, tmp_path, Portion(), held_out=("one/z",))
