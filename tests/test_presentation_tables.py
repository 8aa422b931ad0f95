"""Tables: what they hold, in which order, and that nothing that is missing goes unsaid."""

import numpy as np
from presentation_samples import NAMES, curve_scores, got10k_scores, vot_scores

from siamfc_jax.evaluation.presentation.paired import Pairing, paired_table
from siamfc_jax.evaluation.presentation.published import Published
from siamfc_jax.evaluation.presentation.table import MISSING, as_text
from siamfc_jax.evaluation.presentation.tables import (
    attribute_table,
    overall_table,
    sequence_table,
)
from siamfc_jax.evaluation.presentation.vot_tables import (
    vot_overall_table,
    vot_sequence_table,
    vot_tag_table,
)
from siamfc_jax.evaluation.statistics import paired_comparison

PARTIAL = (
    curve_scores("Partial")
    .select(np.asarray([0, 2]))
    ._replace(problems={"Car1": "results/Car1.txt: 7 of 100 rows", "Girl": "raised RuntimeError"})
)


def texts(row):
    return [cell.text for cell in row]


def column(table, heading):
    place = table.header.index(heading)
    return [row[place] for row in table.rows]


def test_trackers_are_ranked_and_the_best_values_marked():
    table = overall_table([curve_scores("Weak", 0.4), curve_scores("Strong", 0.6)])
    assert [row[0].text for row in table.rows] == ["Strong", "Weak"]
    assert [cell.best for cell in column(table, "AUC")] == [True, False]


def test_an_unknown_interval_is_left_out():
    nan = (float("nan"), float("nan"))
    assert overall_table([curve_scores()], [{"auc": nan}]) == overall_table([curve_scores()])
    assert vot_overall_table([vot_scores()], [{"eao": nan}]) == vot_overall_table([vot_scores()])


def test_scores_are_per_cent_with_two_digits_and_their_interval():
    scores = curve_scores()
    table = overall_table([scores], [{"auc": (0.4, 0.5)}])
    assert column(table, "AUC")[0].text == f"{100 * scores.auc:.2f} [40.0, 50.0]"
    assert column(table, "P20")[0].text == f"{100 * scores.precision_at_20:.2f}"


def test_intervals_stay_with_their_tracker_when_ranking_changes_the_order():
    table = overall_table(
        [curve_scores("Weak", 0.4), curve_scores("Strong")], [{"auc": (0.1, 0.2)}, {}]
    )
    assert "[10.0, 20.0]" in table.rows[1][1].text
    assert "[" not in table.rows[0][1].text


def test_missing_sequences_are_counted_and_named_with_their_reasons():
    table = overall_table([PARTIAL])
    assert column(table, "sequences")[0].text == "2 of 4"
    assert table.notes[0] == "Partial, Car1: not scored: results/Car1.txt: 7 of 100 rows"
    assert "mean of 2 of 4 sequences" in as_text(sequence_table([PARTIAL]))


def test_carried_and_invalid_frames_are_counted():
    table = overall_table([curve_scores()])
    assert [column(table, name)[0].text for name in ("frames", "carried", "invalid")] == [
        "400",
        "2",
        "1",
    ]


def test_published_trackers_stand_beneath_with_their_source():
    row = Published("Known", "OTB-100", "OPE", "a paper, Table 9", auc=0.5)
    table = overall_table([curve_scores()], references=[row])
    assert texts(table.summary[0])[:3] == ["Known (published)", "50.00", MISSING]
    assert table.notes == ("Known: a paper, Table 9",)


def test_got10k_is_reported_in_average_overlap_and_success_rates():
    table = overall_table([got10k_scores()])
    assert table.header[1:4] == ("AO", "SR0.50", "SR0.75")
    expected = np.average(got10k_scores().overlap, weights=[1, 2, 3, 4])
    assert column(table, "AO")[0].text == f"{100 * expected:.2f}"


def test_a_sequence_table_has_every_sequence_in_the_benchmarks_order():
    table = sequence_table([PARTIAL, curve_scores()])
    assert [row[0].text for row in table.rows] == list(NAMES)
    assert column(table, "Partial\nAUC")[1].text == MISSING
    assert column(table, "Alpha\nAUC")[1].text != MISSING


def test_attribute_rows_hold_the_mean_over_their_sequences():
    scores = curve_scores()
    table = attribute_table([scores])
    assert [texts(row)[:2] for row in table.rows] == [["OCC", "2"], ["SV", "2"]]
    mean = 100 * scores.success[:2].mean()
    assert column(table, "Alpha\nAUC")[0].text == f"{mean:.2f}"


def test_vot_trackers_are_ranked_by_expected_overlap_and_few_failures_are_best():
    weak = vot_scores("Weak", 0.4, failures=1.0)
    table = vot_overall_table([weak, vot_scores("Strong")], [{"eao": (0.1, 0.2)}, {}])
    assert [row[0].text for row in table.rows] == ["Strong", "Weak"]
    assert [cell.best for cell in column(table, "failures")] == [False, True]
    assert "[0.100, 0.200]" in table.rows[1][1].text


def test_vot_says_which_lengths_expected_overlap_is_the_mean_over():
    def caption(frames):
        return vot_overall_table([vot_scores(curve=np.ones(frames))]).caption

    assert caption(356).endswith("EAO over 100..356 frames")
    assert caption(196).endswith("EAO over 100..196 frames (of 100..356)")
    assert caption(99).endswith("EAO over 100..356 frames, but the longest are 99")


def test_vot_repetitions_are_shown_and_what_differs_is_noted():
    uneven = vot_scores("Uneven", repetitions=np.asarray([15, 15, 1, 1]))
    first = vot_scores("First", ignored=np.asarray([13, 0, 0, 0]), unknown=np.asarray([7, 1, 0, 0]))
    table = vot_overall_table([uneven, first])
    assert [cell.text for cell in column(table, "repetitions")] == ["1..15", "1"]
    assert [cell.text for cell in column(table, "unknown")] == ["0", "8"]
    assert table.notes == (
        "Uneven: 1 to 15 repetitions; 2 of 4 sequences have fewer than 15",
        "First: vot-classic takes the first repetition alone of 1 sequences, which have more, "
        "but not 15",
    )


def test_vot_tables_by_sequence_and_by_tag():
    scores = vot_scores()
    sequences = vot_sequence_table([scores])
    assert texts(sequences.rows[2]) == ["Deer", "300", "0.240", "2.00"]
    assert texts(vot_tag_table([scores]).rows[0]) == ["occlusion", "0.500", "2.0", "0.200"]


def test_text_columns_line_up():
    lines = as_text(overall_table([curve_scores(), curve_scores("A longer name")])).splitlines()
    heading, *rows = [line for line in lines[1:] if "---" not in line]
    end = heading.index("P20") + 3
    assert all(row[end - 1].isdigit() and row[end : end + 2] == "  " for row in rows)


def test_pairs_are_shown_in_per_cent_points():
    found = paired_comparison([0.5, 0.6, 0.7], [0.4, 0.4, 0.6])
    (row,) = paired_table([Pairing("A", "B", "OTB-100", "AUC", found)]).rows
    assert texts(row)[2] == "+13.33"
    assert texts(row)[5:8] == ["3", "0", "0"]
