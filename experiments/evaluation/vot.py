"""VOT as a benchmark to run and to score."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from experiments.evaluation.contestant import contestant
from experiments.evaluation.given_results import given
from experiments.evaluation.options import Options
from experiments.evaluation.showing import Shown, curve_intervals, show
from experiments.evaluation.vot_runs import EXPERIMENTS, InitialRegion, run
from siamfc_jax.evaluation.benchmarks.vot import read_vot
from siamfc_jax.evaluation.benchmarks.vot_json import read_vot_json
from siamfc_jax.evaluation.formats.vot_results import read_vot_results
from siamfc_jax.evaluation.metrics.vot_profiles import VotProfile, vot_profile
from siamfc_jax.evaluation.metrics.vot_range import range_of
from siamfc_jax.evaluation.metrics.vot_scores import scores_of
from siamfc_jax.evaluation.metrics.vot_sums import vot_sums
from siamfc_jax.evaluation.metrics.vot_unsupervised import score_vot_unsupervised
from siamfc_jax.evaluation.presentation.pictures import Picture, worst_vot_frames
from siamfc_jax.evaluation.protocols.supervised import REPETITIONS
from siamfc_jax.evaluation.runs import Results, VotRun
from siamfc_jax.evaluation.scores import CurveScores, VotScores
from siamfc_jax.evaluation.sequences import SequenceError, VotSequence
from siamfc_jax.evaluation.speed_units import equivalent_filter_operations, reference_seconds
from siamfc_jax.evaluation.statistics import interval

_DEFAULT_PROFILE = "vot-classic"


def evaluate_vot(
    vot: Path,
    options: Options,
    *,
    images: Path | None = None,
    benchmark: str | None = None,
    experiments: tuple[str, ...] = ("baseline",),
    initial: InitialRegion = "axis_aligned",
    repetitions: int = REPETITIONS,
    efo: bool = False,
) -> list[CurveScores | VotScores]:
    """Run and score on a VOT challenge, print and draw it; the scores of all experiments.

    Args:
      vot: folder of list.txt and the sequences, or one of pysot's JSONs, whose images are in
        `images`.
      benchmark: e.g. "VOT2018", which has a known range of lengths for EAO; None: as the folder or
        file is called, if it is called so. For others the range is derived from the lengths.
      experiments: any of EXPERIMENTS.
      initial: how a polygon becomes the rectangle that a tracker starts with.
      repetitions: at most, of the experiments that are repeated.
      efo: print speeds in EFO, too, of results that have times.

    Raises:
      ValueError, OSError: in one line, when the benchmark, a tracker, results or the output will
        not do. What went wrong on single sequences is in the scores' `problems`.
    """
    profile = vot_profile(options.profile or _DEFAULT_PROFILE)
    unknown = set(experiments) - set(EXPERIMENTS)
    if unknown:
        raise ValueError(f"no experiment {min(unknown)!r}; there are {', '.join(EXPERIMENTS)}")
    everything = read_vot_json(vot, images) if vot.suffix == ".json" else _read(vot, options)
    sequences = _chosen(everything, options)
    title = benchmark or _title(vot, len(everything))
    runner = contestant(options) if options.runs_something else None
    shown: list[Shown] = []
    for experiment in experiments:
        found: dict[str, Results[VotRun]] = {}
        if runner:
            found[runner.name] = run(
                runner,
                sequences,
                options,
                folder=title,
                experiment=experiment,
                profile=profile,
                initial=initial,
                repetitions=repetitions,
            )
        for spec in options.results:
            read = partial(read_vot_results, sequences=sequences, experiment=experiment)
            name, results = given(spec, read)
            found[name] = results
        score = _unsupervised if experiment == "unsupervised" else _supervised
        if efo:
            _print_efo(experiment, found)
        for name, results in found.items():
            shown.append(score(name, sequences, results, title, experiment, profile))
    show(shown, options, {"profile": f"{profile.name}: {profile.summary}"})
    return [one.scores for one in shown]


def _read(vot: Path, options: Options) -> list[VotSequence]:
    return read_vot(vot, with_frames=options.runs_something or options.report is not None)


def _chosen(sequences: list[VotSequence], options: Options) -> list[VotSequence]:
    names = {sequence.name for sequence in sequences}
    unknown = sorted(set(options.sequences) - names)
    if unknown:
        raise SequenceError(f"no sequence {unknown[0]!r}; there are {', '.join(sorted(names))}")
    tags = {tag for sequence in sequences for tag in sequence.tags}
    if options.attribute and options.attribute not in tags:
        raise SequenceError(f"no tag {options.attribute!r}; there are {', '.join(sorted(tags))}")
    return [
        sequence
        for sequence in sequences
        if (not options.sequences or sequence.name in options.sequences)
        and (not options.attribute or sequence.tags[options.attribute].any())
    ]


def _title(vot: Path, count: int) -> str:
    year = re.search(r"vot[-_ ]?(20\d\d)", vot.stem, re.IGNORECASE)
    return f"VOT{year[1]}" if year else f"VOT ({count} sequences)"


def _supervised(
    name: str,
    sequences: list[VotSequence],
    results: Results[VotRun],
    title: str,
    experiment: str,
    profile: VotProfile,
) -> Shown:
    lengths = range_of(title, [len(sequence.truth) for sequence in sequences])
    sums = vot_sums(sequences, results, profile=profile.name, eao_range=lengths)
    scores = scores_of(sums, name, title, experiment)
    measures = {
        "eao": sums.expected_overlap,
        "accuracy": sums.accuracy,
        "robustness": sums.robustness,
    }
    count = len(sums.names)
    intervals = {key: interval(count, measure) for key, measure in measures.items() if count}
    return Shown(scores, partial(_pictures, sequences, results, scores), intervals)


def _unsupervised(
    name: str,
    sequences: list[VotSequence],
    results: Results[VotRun],
    title: str,
    experiment: str,
    profile: VotProfile,
) -> Shown:
    scores = score_vot_unsupervised(name, sequences, results, benchmark=title, profile=profile.name)
    return Shown(scores, lambda: iter(()), curve_intervals(scores))


def _print_efo(experiment: str, found: dict[str, Results[VotRun]]) -> None:
    reference = reference_seconds()
    for name, results in found.items():
        speeds = [equivalent_filter_operations(runs, reference) for runs in results.runs.values()]
        mean = float(np.mean(speeds)) if speeds else float("nan")
        print(f"{name}, {experiment}: {mean:.2f} EFO (filter time here: {reference:.4f} s)")


def _pictures(
    sequences: list[VotSequence], results: Results[VotRun], scores: VotScores
) -> Iterator[Picture]:
    return worst_vot_frames(sequences, results.runs, scores)
