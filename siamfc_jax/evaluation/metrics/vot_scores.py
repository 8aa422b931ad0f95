"""A tracker on a VOT challenge: accuracy, robustness, failures, expected average overlap."""

from collections.abc import Sequence

from siamfc_jax.evaluation.metrics.vot_range import range_of
from siamfc_jax.evaluation.metrics.vot_sums import VotSums, vot_sums
from siamfc_jax.evaluation.runs import Results, VotRun
from siamfc_jax.evaluation.scores import VotScores
from siamfc_jax.evaluation.sequences import VotSequence


def score_vot(
    tracker: str,
    sequences: Sequence[VotSequence],
    results: Results[VotRun],
    *,
    benchmark: str,
    experiment: str = "baseline",
    profile: str = "vot-classic",
    eao_range: tuple[int, int] | None = None,
) -> VotScores:
    """Scores of supervised results, real-time ones included.

    Repetitions may be missing, a mean is over those there are. A sequence without a result, or with
    one that is too short or does not begin with a start, goes to `problems` and counts nowhere.

    Frames whose truth is unknown are left out of every mean. In the toolkits they are not where a
    run never failed: there one such frame makes EAO NaN.

    Args:
      benchmark: for a year of VOT ("VOT2018") EAO's range is known.
      profile: name of one of `VOT_PROFILES`.
      eao_range: (low, high) in frames, instead of that of the benchmark or, if it has none, of the
        sequences' lengths.

    Raises:
      ValueError: no profile of that name; no sequence at all.
    """
    eao_range = eao_range or range_of(benchmark, [len(sequence.truth) for sequence in sequences])
    sums = vot_sums(sequences, results, profile=profile, eao_range=eao_range)
    return scores_of(sums, tracker, benchmark, experiment)


def scores_of(sums: VotSums, tracker: str, benchmark: str, experiment: str) -> VotScores:
    """The scores that `vot_sums` add up to."""
    return VotScores(
        tracker=tracker,
        benchmark=benchmark,
        experiment=experiment,
        profile=sums.profile.name,
        names=sums.names,
        frames=sums.frames,
        accuracy=sums.accuracy(),
        failures=float(sums.failures.sum()) if sums.names else float("nan"),
        robustness=sums.robustness(),
        reliability=sums.reliability(),
        expected_overlap=sums.expected_overlap(),
        curve=sums.curve(),
        range=sums.range,
        sequence_accuracy=sums.sequence_accuracy,
        sequence_failures=sums.failures,
        tags=sums.tags,
        invalid=sums.invalid,
        problems=sums.problems,
        unknown=sums.unknown,
        repetitions=sums.repetitions,
        ignored=sums.ignored,
    )
