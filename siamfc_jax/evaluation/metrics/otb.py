"""OTB's one-pass (OPE), temporal (TRE) and spatial (SRE) robustness evaluation.

Wu, Lim and Yang, CVPR 2013 and TPAMI 2015; tracker_benchmark_v1.0.
"""

from collections.abc import Sequence as ListOf

from siamfc_jax.evaluation.metrics.curve_scores import score_sequences, seconds_of
from siamfc_jax.evaluation.metrics.profiles import OTB_PROFILES, profile_named
from siamfc_jax.evaluation.metrics.sequence_curves import sequence_curves
from siamfc_jax.evaluation.protocols.perturbations import SCALE_RATIOS
from siamfc_jax.evaluation.runs import Results, Run
from siamfc_jax.evaluation.scores import CurveScores
from siamfc_jax.evaluation.sequences import Sequence

RUNS = {"OPE": 1, "TRE": 20, "SRE": len(SCALE_RATIOS)}
"""How many runs each protocol makes over a sequence."""


def score_otb(
    tracker: str,
    sequences: ListOf[Sequence],
    results: Results[Run],
    *,
    benchmark: str,
    protocol: str = "OPE",
    profile: str = "otb-matlab",
) -> CurveScores:
    """Success and precision on OTB; the frames of a sequence's runs are pooled.

    A sequence whose runs are missing, too few or too short goes into `problems`; boxes past the end
    of a sequence are cut off, as the toolkits do. SRE's boxes are scaled back and rounded to whole
    pixels first. Speed is all frames by all seconds.

    Args:
      protocol: "OPE", "TRE" or "SRE" (runs in the order of `perturbations.SHIFTS`).
      profile: a key of OTB_PROFILES.

    Raises:
      ValueError: there is no such protocol or profile.
    """
    if protocol not in RUNS:
        raise ValueError(f"no protocol {protocol!r}; there are {', '.join(RUNS)}")
    rules = profile_named(OTB_PROFILES, profile)
    ratios = SCALE_RATIOS if protocol == "SRE" else None
    scores = score_sequences(
        {"tracker": tracker, "benchmark": benchmark, "protocol": protocol, "profile": profile},
        sequences,
        results,
        lambda sequence, runs: sequence_curves(sequence, runs, rules, ratios),
        success_thresholds=rules.success_thresholds,
        expected_runs=RUNS[protocol],
        from_first=protocol != "TRE",
    )
    seconds = seconds_of(scores, results)
    return scores._replace(
        frames_per_second=float(len(seconds) / seconds.sum()) if seconds.any() else None
    )


def first_runs(results: Results[Run]) -> Results[Run]:
    """OPE out of TRE: the first segment is the whole sequence."""
    return results._replace(runs={name: runs[:1] for name, runs in results.runs.items()})
