"""Made-up scores to present: small, and with something of everything."""

import numpy as np

from siamfc_jax.evaluation.scores import CurveScores, VotScores

NAMES = ("Bolt", "Car1", "Deer", "Girl")
ATTRIBUTES = (frozenset({"OCC"}), frozenset({"OCC", "SV"}), frozenset(), frozenset({"SV"}))
HOSTILE = '</script><script>document.title="broken"</script><b title="'


def curve_scores(tracker="Alpha", quality=0.6, **changes):
    """Four sequences of 100 frames; success falls in a line, `quality` is about the AUC."""
    thresholds = np.arange(21) / 20
    levels = quality * np.asarray([1.0, 0.5, 0.9, 0.7])
    success = np.clip(1.5 * levels[:, None] * (1 - thresholds), 0, 1)
    precision = np.clip(levels[:, None] * np.arange(51) / 25, 0, 1)
    scores = CurveScores(
        tracker,
        "OTB-100",
        "OPE",
        "otb-matlab",
        NAMES,
        np.ones(4),
        thresholds,
        success,
        precision,
        None,
        success.mean(1),
        np.full(4, 100),
        np.asarray([0, 2, 0, 0]),
        np.asarray([0, 0, 1, 0]),
        ATTRIBUTES,
        {},
    )
    return scores._replace(**changes)


def got10k_scores(tracker="Alpha", quality=0.6):
    """Without precision; sequences weigh as many frames as they have."""
    thresholds = np.linspace(0, 1, 101)
    overlap = quality * np.asarray([1.0, 0.5, 0.9, 0.7])
    success = (overlap[:, None] > thresholds).astype(np.float64)
    return curve_scores(tracker, quality)._replace(
        benchmark="GOT-10k val",
        profile="got10k",
        weights=np.asarray([1.0, 2.0, 3.0, 4.0]),
        success_thresholds=thresholds,
        success=success,
        precision=None,
        overlap=overlap,
        attributes=(frozenset(),) * 4,
    )


def vot_scores(tracker="Alpha", quality=0.6, **changes):
    curve = quality * np.exp(-np.arange(400) / 300)
    frames = np.asarray([100, 200, 300, 400])
    failures = np.asarray([0.0, 1.0, 2.0, 0.0])
    scores = VotScores(
        tracker,
        "VOT2018",
        "baseline",
        "vot-classic",
        NAMES,
        frames,
        quality,
        3.0,
        100 * 3 / 1000,
        float(np.exp(-30 * 3 / 1000)),
        float(curve[99:356].mean()),
        curve,
        (100, 356),
        np.asarray([0.7, 0.5, 0.4, 0.6]) * quality,
        failures,
        {"occlusion": (0.5, 2.0, 0.2), "empty": (0.6, 1.0, 0.4)},
        np.zeros(4, np.int64),
        {},
        np.zeros(4, np.int64),
        np.ones(4, np.int64),
        np.zeros(4, np.int64),
    )
    return scores._replace(**changes)
