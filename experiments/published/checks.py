"""Our scores of published raw results beside the scores that were published with them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from experiments.published import golden, golden_vot
from siamfc_jax.evaluation.formats.vot_results import read_vot_results
from siamfc_jax.evaluation.metrics.lasot import score_lasot
from siamfc_jax.evaluation.metrics.otb import first_runs, score_otb
from siamfc_jax.evaluation.metrics.vot_range import evaluation_range
from siamfc_jax.evaluation.metrics.vot_scores import score_vot
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import Sequence, VotSequence

T = TypeVar("T")


class Check(NamedTuple):
    """One published number and ours.

    Attributes:
      what: tracker, benchmark, measure.
      ours, published: in the unit in which it was published.
      digits: that were printed.
      tolerance: how far ours may be.
      seconds: that scoring took (reading excluded), where this is the first number of it.
    """

    what: str
    ours: float
    published: float
    digits: int
    tolerance: float
    seconds: float | None = None

    @property
    def holds(self) -> bool:
        return abs(self.ours - self.published) <= self.tolerance + 1e-9


def otb_curve_checks(folder: Path) -> Iterator[Check]:
    """The MATLAB toolkit's curves of seven trackers, whose largest difference must be 0."""
    sequences = golden.otb_sequences(folder)
    curves = golden.otb_matlab_curves(folder)
    for tracker, results in golden.otb_matlab_raw(folder).items():
        scores, seconds = timed(lambda: _otb(tracker, sequences, results))  # noqa: B023
        rows = [curves.names.index(name) for name in scores.names]
        place = curves.trackers.index(tracker)
        success = np.abs(scores.success - curves.success[place, rows]).max()
        assert scores.precision is not None
        precision = np.abs(scores.precision - curves.precision[place, rows]).max()
        name = f"{tracker} OTB-100 curves, {len(rows)} sequences: largest difference"
        yield Check(name, float(max(success, precision)), 0.0, 1, 0.0, seconds)


def otb_score_checks(folder: Path) -> Iterator[Check]:
    """AUC and precision of the Siamese trackers and ATOM, in percent."""
    sequences, lists = golden.otb_sequences(folder), golden.otb_lists(folder)
    siamfc = golden.otb_siamfc_3s(folder, sequences)
    results = {("SiamFC-3s", "TRE"): siamfc, ("SiamFC-3s", "OPE"): first_runs(siamfc)}
    results |= {(name, "OPE"): runs for name, runs in golden.otb_text(folder).items()}
    for (tracker, protocol, which), published in golden.OTB_PUBLISHED.items():
        chosen = [sequence for sequence in sequences if sequence.name in lists[which]]
        runs = results[tracker, protocol]
        scores, seconds = timed(lambda: _otb(tracker, chosen, runs, protocol))  # noqa: B023
        ours = (100 * scores.auc, 100 * scores.precision_at_20)
        for measure, value, expected in zip(("AUC", "P20"), ours, published, strict=True):
            name = f"{tracker} {which} {protocol} {measure}"
            yield Check(name, value, expected, 2, 0.005, seconds if measure == "AUC" else None)


def lasot_checks(folder: Path) -> Iterator[Check]:
    """AUC, normalised precision and precision on LaSOT's test sequences, in percent."""
    sequences = golden.lasot_sequences(folder)
    for tracker, results in golden.lasot_runs(folder).items():
        scores, seconds = timed(lambda: score_lasot(tracker, sequences, results))  # noqa: B023
        ours = (scores.auc, scores.normalised_precision_at_02, scores.precision_at_20)
        measures = ("AUC", "normalised precision", "P20")
        for measure, value, expected in zip(
            measures, ours, golden.LASOT_PUBLISHED[tracker], strict=True
        ):
            name = f"{tracker} LaSOT {measure}"
            yield Check(name, 100 * value, expected, 2, 0.05, seconds if measure == "AUC" else None)


def vot_checks(folder: Path) -> Iterator[Check]:
    """A, R and EAO on VOT2018 and VOT2019, whose range of lengths is derived from the lengths."""
    for year, expected in ((2018, (100, 356)), (2019, (46, 291))):
        sequences = golden_vot.vot_sequences(folder / f"vot{year}_gt.json.gz")
        low, high, _ = evaluation_range([len(sequence.truth) for sequence in sequences])
        yield Check(f"VOT{year} derived range, low", low, expected[0], 0, 0)
        yield Check(f"VOT{year} derived range, high", high, expected[1], 0, 0)
        for published in golden_vot.VOT_PUBLISHED:
            if published.year == year:
                yield from _vot(published, folder / f"results_{year}", sequences)


def _vot(
    published: golden_vot.PublishedVot, folder: Path, sequences: list[VotSequence]
) -> Iterator[Check]:
    results = read_vot_results(folder, sequences, tracker=published.tracker)
    benchmark = f"VOT{published.year}"
    scores, seconds = timed(
        lambda: score_vot(
            published.tracker,
            sequences,
            results,
            benchmark=benchmark,
            profile=published.profile,
        )
    )
    for measure, ours, value in (
        ("EAO", scores.expected_overlap, published.eao),
        ("A", scores.accuracy, published.accuracy),
        ("R", scores.robustness, published.robustness),
    ):
        if value is not None:
            name = f"{published.tracker} {benchmark} {measure} ({published.profile})"
            yield Check(name, ours, value, 4, 0.0005, seconds if measure == "EAO" else None)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def _otb(
    tracker: str, sequences: list[Sequence], results: Results[Run], protocol: str = "OPE"
) -> CurveScores:
    return score_otb(tracker, sequences, results, benchmark="OTB", protocol=protocol)
