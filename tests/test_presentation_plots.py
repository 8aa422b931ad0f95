"""Plots: the lines go through the data, the legend is ranked, files are written and not blank."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from presentation_samples import HOSTILE, curve_scores, got10k_scores, vot_scores

from siamfc_jax.evaluation.presentation.figures import (
    PlotError,
    inline_svg,
    save,
    spread,
    styles,
)
from siamfc_jax.evaluation.presentation.plots import (
    PRECISION_PLOT,
    attribute_plot,
    attribute_plots,
    curve_plot,
    kinds_of,
)
from siamfc_jax.evaluation.presentation.published import Published, published_on
from siamfc_jax.evaluation.presentation.vot_plots import (
    ar_plot,
    eao_curve_plot,
    eao_ranking_plot,
)

TWO = [curve_scores("Weak", 0.4), curve_scores("Strong", 0.6)]


def lines(figure):
    (axes,) = figure.axes
    return {
        line.get_label(): line for line in axes.get_lines() if not line.get_label().startswith("_")
    }


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_a_success_curve_goes_through_the_mean_of_the_data():
    drawn = lines(curve_plot(TWO))[f"Strong [{TWO[1].auc:.3f}]"]
    np.testing.assert_array_equal(drawn.get_xdata(), TWO[1].success_thresholds)
    np.testing.assert_allclose(drawn.get_ydata(), TWO[1].success.mean(0))


def test_the_legend_is_ranked_and_shows_the_scores_that_rank():
    assert legend(curve_plot(TWO)) == [
        f"Strong [{TWO[1].auc:.3f}]",
        f"Weak [{TWO[0].auc:.3f}]",
    ]
    precise = TWO[1].precision_at_20
    assert legend(curve_plot(TWO, PRECISION_PLOT))[0] == f"Strong [{precise:.3f}]"


def test_the_title_is_that_of_the_otb_papers():
    assert curve_plot(TWO).axes[0].get_title() == "Success plots of OPE - OTB-100"


def test_a_trackers_style_does_not_depend_on_its_rank():
    better = TWO[0]._replace(success=np.ones_like(TWO[0].success))

    def colour(scores):
        drawn = lines(curve_plot(scores))
        return next(line.get_color() for name, line in drawn.items() if name.startswith("Weak"))

    assert colour(TWO) == colour([better, TWO[1]])


def test_forty_trackers_have_forty_styles():
    assert len({(style.colour, str(style.dash)) for style in styles(40)}) == 40


def test_got10k_has_success_plots_alone_ranked_by_average_overlap():
    scores = got10k_scores()
    (kind,) = kinds_of([scores])
    assert legend(curve_plot([scores], kind)) == [f"Alpha [{scores.average_overlap:.3f}]"]


def test_a_published_tracker_is_a_labelled_grey_line_at_its_height():
    row = Published("Known", "OTB-100", "OPE", "somewhere", auc=0.55)
    figure = curve_plot(TWO, references=[row])
    (line,) = [one for one in figure.axes[0].get_lines() if one.get_label() == "_reference"]
    assert set(line.get_ydata()) == {0.55}
    assert "Known 0.550" in [text.get_text() for text in figure.axes[0].texts]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_labels_beside_are_apart_inside_and_in_order(heights):
    gap = 0.05
    placed = np.asarray(spread(heights, gap))
    assert placed.min() > -1e-9
    assert placed.max() < 1 + 1e-9
    by_height = np.argsort(heights, kind="stable")
    assert (np.diff(placed[by_height]) > gap - 1e-9).all()


def test_labels_that_have_room_stay_where_they_are():
    np.testing.assert_allclose(spread([0.8, 0.1, 0.4], 0.05), [0.8, 0.1, 0.4])


def test_attribute_plots_take_only_their_sequences():
    figure = attribute_plots(TWO)
    assert [axes.get_title() for axes in figure.axes] == ["OCC (2)", "SV (2)"]
    (drawn,) = [line for line in figure.axes[0].get_lines() if "Weak" in line.get_label()]
    np.testing.assert_allclose(drawn.get_ydata(), TWO[0].success[:2].mean(0))
    assert "OCC (2)" in attribute_plot(TWO, "OCC").axes[0].get_title()


def test_without_attributes_there_is_no_attribute_plot():
    assert attribute_plots([got10k_scores()]) is None


def test_ar_plot_has_a_point_per_tracker_and_reliability_across():
    scores = vot_scores()
    row = Published("Known", "VOT2018", "baseline", "x", accuracy=0.5, robustness=0.3, eao=0.3)
    drawn = lines(ar_plot([scores], [row]))
    (own,) = [line for name, line in drawn.items() if name.startswith("Alpha")]
    assert (own.get_xdata()[0], own.get_ydata()[0]) == (scores.reliability, scores.accuracy)
    assert drawn["Known (published)"].get_xdata()[0] == pytest.approx(np.exp(-0.09))


def test_eao_curve_shades_the_range_and_ranks_by_its_mean():
    scores = [vot_scores("Weak", 0.4), vot_scores("Strong", 0.6)]
    figure = eao_curve_plot(scores)
    assert [name.split(" ")[0] for name in legend(figure)] == ["Strong", "Weak"]
    (shade,) = figure.axes[0].patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (100, 356)
    drawn = lines(figure)[f"Strong [{scores[1].expected_overlap:.3f}]"]
    np.testing.assert_array_equal(drawn.get_xdata()[:2], [1, 2])
    np.testing.assert_array_equal(drawn.get_ydata(), scores[1].curve)


def test_the_best_tracker_of_an_eao_ranking_is_on_the_right():
    scores = [vot_scores("Strong", 0.6), vot_scores("Weak", 0.4)]
    published = Published("Best", "VOT2018", "baseline", "x", eao=0.9)
    axes = eao_ranking_plot(scores, [published]).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Weak", "Strong", "Best"]


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_plots_are_written_by_suffix_and_are_not_blank(tmp_path, suffix):
    references = published_on("OTB-100", "OPE")
    path = save(curve_plot(TWO, references=references), tmp_path / "new" / f"success{suffix}")
    if suffix == ".png":
        with Image.open(path) as image:
            assert len(image.convert("RGB").getcolors(1 << 20)) > 20
    else:
        assert "Strong [" in path.read_text()
    assert list(path.parent.iterdir()) == [path]


def test_the_same_plot_is_the_same_file(tmp_path):
    first, second = (save(curve_plot(TWO), tmp_path / f"{name}.svg") for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_another_suffix_is_refused_in_one_line(tmp_path):
    with pytest.raises(PlotError, match=r"plot\.gif: plots are written as \.png or \.svg"):
        save(curve_plot(TWO), tmp_path / "plot.gif")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"file.plot\.png: cannot be written"):
        save(curve_plot(TWO), tmp_path / "file" / "plot.png")


@pytest.mark.parametrize("name", [HOSTILE, "_hidden", "a$b$c", "--> <!--", r"\frac", "Größe 追踪"])
def test_any_name_is_a_mere_label(name):
    text = inline_svg(curve_plot([curve_scores(name)]), "p", name)
    assert "<script" not in text
    assert "<!--" not in text
    assert len(legend(curve_plot([curve_scores(name)]))) == 1


def test_figures_in_one_page_share_no_id():
    def ids(prefix):
        text = inline_svg(curve_plot(TWO), prefix, "x")
        return {part.split('"')[0] for part in text.split(' id="')[1:]}

    assert not ids("a") & ids("b")


NONE = {"names": (), "problems": {"Bolt": "gone"}}


def test_where_nothing_is_scored_there_are_no_curves():
    assert kinds_of([curve_scores(**NONE)]) == ()


def test_a_tracker_without_scores_is_not_in_the_plots_of_the_others():
    nan = float("nan")
    lost = vot_scores("Lost", **NONE, accuracy=nan, reliability=nan, expected_overlap=nan)
    for plot in (ar_plot, eao_curve_plot):
        assert [entry.partition(" ")[0] for entry in legend(plot([lost, vot_scores()]))] == [
            "Alpha"
        ]
    unknown = vot_scores(expected_overlap=nan)
    assert legend(eao_curve_plot([unknown])) == ["Alpha [-]"]


def test_a_long_name_keeps_its_beginning_and_end_and_leaves_room():
    name = "siamfc_" + "a" * 90 + "_epoch_50"
    (entry,) = legend(curve_plot([curve_scores(name)]))
    assert entry.startswith("siamfc_aaa") and "a_epoch_50 [0." in entry
    assert len(entry) == 38
