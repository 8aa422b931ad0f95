"""OTB as a benchmark to run and to score."""

from pathlib import Path

from experiments.evaluation.options import Options
from experiments.evaluation.reading import annotated, report_missing
from experiments.evaluation.rectangles import RectangleBenchmark, Scorer, evaluate_rectangles
from siamfc_jax.evaluation.benchmarks.otb import read_otb
from siamfc_jax.evaluation.benchmarks.otb_facts import OTB_LISTS
from siamfc_jax.evaluation.benchmarks.subsets import list_names, subset
from siamfc_jax.evaluation.metrics.otb import RUNS, score_otb
from siamfc_jax.evaluation.metrics.profiles import OTB_PROFILES, profile_named
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import Sequence

_DEFAULT_PROFILE = "otb-matlab"
_FORMATS = {"OPE": "otb-text", "TRE": "otb-json", "SRE": "otb-json"}


def evaluate_otb(
    otb: Path,
    options: Options,
    *,
    images: Path | None = None,
    list_name: str | None = None,
    protocols: tuple[str, ...] = ("OPE",),
) -> list[CurveScores]:
    """Run and score on OTB; see `rectangles.evaluate_rectangles`.

    Args:
      otb: the benchmark's folder, or a dataset JSON, whose images are in `images`.
      list_name: "OTB-2013", "OTB-50" or "OTB-100": only its sequences, which should all be there.
      protocols: any of "OPE", "TRE", "SRE".
    """
    for protocol in protocols:
        if protocol not in RUNS:
            raise ValueError(f"no protocol {protocol!r}; there are {', '.join(RUNS)}")
    profile_named(OTB_PROFILES, options.profile or _DEFAULT_PROFILE)
    everything = annotated(otb, images, read_otb)
    sequences = subset(
        everything,
        names=options.sequences or None,
        attribute=options.attribute,
        list_name=list_name,
    )
    expected = list_names(list_name) if list_name and not options.sequences else ()
    report_missing(sequences, expected, runs=options.runs_something)
    benchmark = RectangleBenchmark(
        title=_title(sequences),
        folder="OTB",
        sequences=sequences,
        protocols=protocols,
        formats=_FORMATS,
        score=_scorer(_title(sequences)),
        definition=lambda name: profile_named(OTB_PROFILES, name or _DEFAULT_PROFILE).summary,
    )
    return evaluate_rectangles(benchmark, options)


def _scorer(title: str) -> Scorer:
    def score(
        tracker: str,
        sequences: list[Sequence],
        results: Results[Run],
        protocol: str,
        profile: str | None,
    ) -> CurveScores:
        return score_otb(
            tracker,
            sequences,
            results,
            benchmark=title,
            protocol=protocol,
            profile=profile or _DEFAULT_PROFILE,
        )

    return score


def _title(sequences: list[Sequence]) -> str:
    """The published list that these are, or how many."""
    names = {sequence.name for sequence in sequences}
    whole = (name for name in OTB_LISTS if names == set(list_names(name)))
    return next(whole, f"OTB ({len(sequences)} sequences)")
