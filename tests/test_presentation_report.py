"""The report: what stands in it, that nobody's text becomes markup, that nothing is fetched."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from presentation_samples import HOSTILE, curve_scores, got10k_scores, vot_scores

from siamfc_jax.evaluation.presentation.paired import Pairing
from siamfc_jax.evaluation.presentation.pictures import Picture
from siamfc_jax.evaluation.presentation.published import Published, published_on
from siamfc_jax.evaluation.presentation.report import write_report
from siamfc_jax.evaluation.statistics import paired_comparison


class Page(HTMLParser):
    """Counts elements and keeps their attributes and all text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def page_of(path):
    return Page(path.read_text("utf-8"))


def picture(tracker="Alpha", sequence="Deer", frame=7):
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    square = np.asarray([[5.0, 5], [20, 5], [20, 20], [5, 20]])
    return Picture(tracker, sequence, image, square, square + 30, frame, 0.0)


def test_worst_cases_are_folded_but_those_of_the_first_tracker(tmp_path):
    shots = [picture("Alpha"), picture("Alpha", "Girl"), picture("Beta")]
    page = page_of(write_report(tmp_path / "r.html", [curve_scores()], pictures=shots))
    assert ["open" in attributes for attributes in page.all("details")] == [True, False]
    assert len(page.all("summary")) == 2 and len(page.all("img")) == 3


def test_what_the_benchmark_lacks_stands_at_the_head(tmp_path):
    lacking = ["missing sequences (1): <Deer>"]
    page = page_of(write_report(tmp_path / "r.html", [curve_scores()], missing=lacking))
    assert "The benchmark is not complete" in page.text and "(1): <Deer>" in page.text
    assert "Every sequence has a score" not in page.text


def test_a_challenge_in_which_nothing_is_scored_has_no_plots(tmp_path):
    unknown = dict.fromkeys(("accuracy", "expected_overlap"), np.nan)
    fields = ("frames", "sequence_accuracy", "sequence_failures", "invalid")
    empty = dict.fromkeys(fields, np.zeros(0))
    nothing = vot_scores(names=(), problems={"Deer": "gone"}, **unknown, **empty)
    page = page_of(write_report(tmp_path / "r.html", [nothing]))
    assert not page.all("svg")


def full_report(path, name="Alpha"):
    """Everything that a report can hold, with `name` wherever somebody else's text goes."""
    scores = [
        curve_scores(name, problems={name: name}, benchmark="OTB-100"),
        curve_scores("Beta", 0.5),
        vot_scores(name, tags={name: (0.5, 1.0, 0.2)}),
    ]
    comparison = paired_comparison([0.5, 0.6, 0.7], [0.4, 0.4, 0.6])
    return write_report(
        path,
        scores,
        title=name,
        settings={"command": name, name: "x"},
        intervals=[{"auc": (0.4, 0.5)}, {}, {"eao": (0.1, 0.2)}],
        references=[
            Published(name, "OTB-100", "OPE", name, auc=0.5),
            *published_on("VOT2018", "baseline"),
        ],
        paired=[Pairing(name, "Beta", "OTB-100", "AUC", comparison)],
        pictures=[picture(name, name), picture(name, name, 8), picture("Beta")],
    )


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory):
    return page_of(full_report(tmp_path_factory.mktemp("report") / "report.html"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return page_of(full_report(tmp_path_factory.mktemp("report") / "report.html", HOSTILE))


def test_a_hostile_name_is_shown_and_adds_no_element(ordinary, hostile):
    assert HOSTILE.replace("  ", " ") in hostile.text
    assert sorted(tag for tag, _ in hostile.elements) == sorted(tag for tag, _ in ordinary.elements)


def test_no_element_reaches_outside_of_the_file(ordinary):
    for tag, attributes in ordinary.elements:
        for attribute in ("src", "href", "xlink:href", "srcset", "data", "action"):
            value = attributes.get(attribute, "#")
            assert value.startswith(("#", "data:")), (tag, attribute, value)
    assert not re.search(r"url\((?!#)|@import|http-equiv=.refresh", ordinary.text)


def test_the_browser_is_told_to_fetch_nothing_and_to_run_only_our_script(ordinary):
    (policy,) = [one["content"] for one in ordinary.all("meta") if "http-equiv" in one]
    assert policy.startswith("default-src 'none'")
    assert "script-src 'sha256-" in policy


def test_all_parts_are_there(ordinary):
    for words in (
        "OTB-100, OPE",
        "VOT2018, baseline",
        "Pairs of trackers",
        "Alpha on Alpha",
        "frame 7: overlap 0.00",
        "1 of 5 sequences without a score",
        "2 frames without a usable box and 1 frame without a usable annotation",
        "[40.0, 50.0]",
    ):
        assert words in ordinary.text, words


def test_headings_have_scopes_and_pictures_have_descriptions(ordinary):
    assert all(one.get("scope") in ("row", "col") for one in ordinary.all("th"))
    assert all(one.get("alt") for one in ordinary.all("img"))
    assert all(one.get("role") == "img" and one["aria-label"] for one in ordinary.all("svg"))


def test_ids_are_unique(ordinary):
    ids = [attributes["id"] for _, attributes in ordinary.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)


def test_pictures_of_one_sequence_are_one_case(ordinary):
    assert ordinary.text.count("Alpha on Alpha") == 1
    assert len(ordinary.all("img")) == 3


def test_benchmarks_and_profiles_have_sections_of_their_own(tmp_path):
    scores = [
        got10k_scores(),
        got10k_scores()._replace(profile="other"),
        got10k_scores()._replace(benchmark="GOT-10k test"),
        got10k_scores("Beta"),
    ]
    page = page_of(write_report(tmp_path / "report.html", scores))
    assert [one["href"] for one in page.all("a")] == ["#s0", "#s1", "#s2"]
    assert "Every sequence has a score, from all trackers." in page.text


def test_a_tracker_without_any_score_is_reported_not_drawn(tmp_path):
    none = curve_scores("Silent").select(np.zeros(4, bool))._replace(problems={"Deer": "no file"})
    lost = vot_scores("Lost", expected_overlap=np.nan, accuracy=np.nan, reliability=np.nan)
    page = page_of(write_report(tmp_path / "report.html", [none, curve_scores(), lost]))
    assert "1 of 1 sequences without a score" in page.text


def test_gaps_in_a_vot_run_and_uneven_repetitions_are_reported(tmp_path):
    gaps = vot_scores(unknown=np.asarray([3, 1, 0, 0]), repetitions=np.asarray([15, 1, 1, 1]))
    page = " ".join(write_report(tmp_path / "r.html", [gaps]).read_text("utf-8").split())
    assert "<strong>4</strong> frames without a usable box" in page
    assert "Alpha: 1 to 15 repetitions; 3 of 4 sequences have fewer than 15" in page


def test_an_older_report_is_replaced(tmp_path):
    path = tmp_path / "new" / "report.html"
    write_report(path, [got10k_scores()], title="old")
    write_report(path, [got10k_scores()], title="new one")
    assert "new one" in page_of(path).text
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_on_the_way_leaves_the_older_report(tmp_path):
    path = write_report(tmp_path / "report.html", [got10k_scores()], title="old")

    def failing():
        yield picture()
        raise ValueError("0009.png: no such frame")

    with pytest.raises(ValueError, match="no such frame"):
        write_report(path, [got10k_scores()], title="new", pictures=failing())
    assert "old" in page_of(path).text


def test_mistakes_are_one_line(tmp_path):
    with pytest.raises(ValueError, match="at least one tracker"):
        write_report(tmp_path / "report.html", [])
    with pytest.raises(ValueError, match="2 sets of intervals for 1 scores"):
        write_report(tmp_path / "report.html", [got10k_scores()], intervals=[{}, {}])
