"""Success, precision and normalised precision on LaSOT (Fan et al., CVPR 2019)."""

from collections.abc import Sequence as ListOf

from siamfc_jax.evaluation.metrics.curve_scores import score_sequences, seconds_of
from siamfc_jax.evaluation.metrics.profiles import LASOT_PROFILES, profile_named
from siamfc_jax.evaluation.metrics.sequence_curves import sequence_curves
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import Sequence


def score_lasot(
    tracker: str,
    sequences: ListOf[Sequence],
    results: Results[Run],
    *,
    benchmark: str = "LaSOT",
    profile: str = "lasot",
) -> CurveScores:
    """Score one run per sequence; `Sequence.visible` says where the target is absent.

    Absent frames count for no curve, but remain in the number of frames that it is divided by (the
    toolkit's rule), so that a perfect tracker scores less than 20/21. Missing and short runs go
    into `problems`; boxes past the end are cut off, as the toolkit does (monkey-17).

    Args:
      profile: a key of LASOT_PROFILES.

    Raises:
      ValueError: there is no such profile.
    """
    rules = profile_named(LASOT_PROFILES, profile)
    scores = score_sequences(
        {"tracker": tracker, "benchmark": benchmark, "protocol": "OPE", "profile": profile},
        sequences,
        results,
        lambda sequence, runs: sequence_curves(sequence, runs, rules),
        success_thresholds=rules.success_thresholds,
        expected_runs=1,
    )
    seconds = seconds_of(scores, results)
    return scores._replace(
        frames_per_second=float(len(seconds) / seconds.sum()) if seconds.any() else None
    )
