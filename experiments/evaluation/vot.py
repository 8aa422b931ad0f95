"""VOT as a benchmark to run and to score."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from experiments.evaluation.checks import check, chosen, require_json
from experiments.evaluation.contestant import contestants
from experiments.evaluation.evaluated import Evaluated
from experiments.evaluation.given_results import given, name_of
from experiments.evaluation.named_paths import require_distinct
from experiments.evaluation.options import Options
from experiments.evaluation.reading import say
from experiments.evaluation.showing import Shown, curve_intervals, show
from experiments.evaluation.vot_runs import EXPERIMENTS, EXPORTS, InitialRegion, prepare
from siamfc_jax.evaluation.benchmarks.completeness import images_beyond, unannotated_lines
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
from siamfc_jax.evaluation.sequences import NO_FILE_NAME, SequenceError, VotSequence, names_a_file
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
) -> Evaluated[CurveScores | VotScores]:
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
    experiments = chosen(experiments, EXPERIMENTS, "--experiment")
    check(options, EXPORTS)
    if benchmark is not None and not names_a_file(benchmark):
        raise ValueError(f"--benchmark={benchmark}: {NO_FILE_NAME}")
    require_json(vot, images)
    everything, damaged = _read(vot, images, options)
    sequences, unread = _chosen(everything, damaged, options)
    title = benchmark or _title(vot, len(everything) + len(damaged))
    # A dataset JSON says which images there are; others may lie beside them.
    whole_folders = () if vot.suffix == ".json" else sequences
    lacking = say([*unread, *unannotated_lines(images_beyond(whole_folders))])
    runners = contestants(options)
    require_distinct([*(runner.name for runner in runners), *map(name_of, options.results)])
    run = partial(
        prepare,
        sequences=sequences,
        options=options,
        folder=title,
        profile=profile,
        initial=initial,
        repetitions=repetitions,
    )
    prepared = {
        experiment: [(runner.name, run(runner, experiment=experiment)) for runner in runners]
        for experiment in experiments
    }
    read = partial(read_vot_results, sequences=sequences, unnamed=len(experiments) == 1)
    given_ones = {
        experiment: [given(spec, partial(read, experiment=experiment)) for spec in options.results]
        for experiment in experiments
    }
    shown: list[Shown] = []
    for experiment in experiments:
        found = {name: results_of() for name, results_of in prepared[experiment]}
        found.update(given_ones[experiment])
        score = _unsupervised if experiment == "unsupervised" else _supervised
        if efo:
            _print_efo(experiment, found)
        for name, results in found.items():
            shown.append(score(name, sequences, results, title, experiment, profile))
    show(shown, options, {"profile": f"{profile.name}: {profile.summary}"}, lacking)
    return Evaluated((one.scores for one in shown), lacking)


def _read(
    vot: Path, images: Path | None, options: Options
) -> tuple[list[VotSequence], dict[str, str]]:
    """The sequences that can be read; of the others, name -> why not."""
    # A report shows frames where they are.
    with_frames = True if options.runs_something else None if options.report else False
    damaged: dict[str, str] = {}
    if vot.suffix == ".json":
        return read_vot_json(vot, images, with_frames=with_frames, damaged=damaged), damaged
    return read_vot(vot, with_frames=with_frames, damaged=damaged), damaged


def _chosen(
    sequences: list[VotSequence], damaged: Mapping[str, str], options: Options
) -> tuple[list[VotSequence], list[str]]:
    """Those that the options ask for, and why others that they ask for cannot be read."""
    names = {*(sequence.name for sequence in sequences), *damaged}
    unknown = sorted(set(options.sequences) - names)
    if unknown:
        raise SequenceError(
            f"no sequence {', '.join(unknown)}; there are {', '.join(sorted(names))}"
        )
    wanted = options.sequences or names
    readable = [sequence for sequence in sequences if sequence.name in wanted]
    unread = [reason for name, reason in damaged.items() if name in wanted]
    if not readable:
        raise SequenceError("; ".join(unread))
    tag = options.attribute
    tagged = [one for one in readable if not tag or (tag in one.tags and one.tags[tag].any())]
    if not tagged:
        tags = {own for one in sequences for own in one.tags}
        raise SequenceError(f"no sequence with tag {tag!r}; tags are {', '.join(sorted(tags))}")
    return tagged, unread


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
