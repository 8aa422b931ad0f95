"""OTB as a benchmark to run and to score."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from experiments.evaluation.checks import chosen
from experiments.evaluation.evaluated import Evaluated
from experiments.evaluation.options import Options
from experiments.evaluation.reading import annotated, asked_for, report_missing
from experiments.evaluation.rectangles import RectangleBenchmark, evaluate_rectangles
from siamfc_jax.evaluation.benchmarks.completeness import folders_without_truth
from siamfc_jax.evaluation.benchmarks.otb import read_otb
from siamfc_jax.evaluation.benchmarks.otb_facts import OTB_LISTS, canonical_name
from siamfc_jax.evaluation.benchmarks.subsets import list_names, smallest_list
from siamfc_jax.evaluation.metrics.otb import RUNS, score_otb
from siamfc_jax.evaluation.metrics.profiles import OTB_PROFILES, profile_named
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import Sequence

_FORMATS = {"OPE": "otb-text", "TRE": "otb-json", "SRE": "otb-json"}


def evaluate_otb(
    otb: Path,
    options: Options,
    *,
    images: Path | None = None,
    list_name: str | None = None,
    protocols: tuple[str, ...] = ("OPE",),
) -> Evaluated[CurveScores]:
    """Run and score on OTB; see `rectangles.evaluate_rectangles`.

    Args:
      otb: the benchmark's folder, or a dataset JSON, whose images are in `images`.
      list_name: "OTB-2013", "OTB-50" or "OTB-100": only its sequences, which should all be there.
      protocols: any of "OPE", "TRE", "SRE".
    """
    protocols = chosen(protocols, RUNS, "--protocol")
    profile = profile_named(OTB_PROFILES, options.profile or "otb-matlab")
    everything, damaged = annotated(otb, images, read_otb)
    sequences, unread = asked_for(everything, damaged, options, list_name)
    expected = _expected(everything, damaged, options, list_name)
    bare = () if options.sequences else _without_truth(otb, everything, expected)
    lacking = report_missing(
        otb, sequences, expected, runs=options.runs_something, unread=[*unread.values(), *bare]
    )
    benchmark = RectangleBenchmark(
        title=_title(sequences),
        folder="OTB",
        sequences=sequences,
        formats=_FORMATS,
        scorers={
            protocol: partial(score_otb, protocol=protocol, profile=profile.name)
            for protocol in protocols
        },
        definition=profile.summary,
        missing=lacking,
    )
    return evaluate_rectangles(benchmark, options)


def _without_truth(otb: Path, found: list[Sequence], expected: tuple[str, ...]) -> Iterator[str]:
    """A line for each folder of images whose annotation is not there, nor elsewhere."""
    annotated_ones = {_video(sequence.name) for sequence in found}
    due = {_video(name) for name in expected}
    for folder in folders_without_truth(otb):
        name = _video(folder.name)
        if name not in annotated_ones and (not due or name in due):
            yield f"{folder}: images, but no groundtruth_rect.txt; fetch it again"


def _video(name: str) -> str:
    """Two targets of a video are two sequences."""
    return canonical_name(name).partition("-")[0]


def _expected(
    everything: list[Sequence],
    damaged: Mapping[str, str],
    options: Options,
    list_name: str | None,
) -> tuple[str, ...]:
    """What should be there beside the damaged: of the list that is asked for, else of the smallest
    that has all that is there."""
    if options.sequences or options.attribute:
        return ()
    there = [*(sequence.name for sequence in everything), *damaged]
    due = list_names(list_name) if list_name else smallest_list(there)
    return tuple(name for name in due if name not in damaged)


def _title(sequences: list[Sequence]) -> str:
    """The published list that these are, or how many."""
    names = {sequence.name for sequence in sequences}
    whole = (name for name in OTB_LISTS if names == set(list_names(name)))
    return next(whole, f"OTB ({len(sequences)} sequences)")
