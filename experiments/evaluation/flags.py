"""The flags that all `experiments.eval_*` share."""

from pathlib import Path

from absl import flags

from experiments.evaluation.options import Options

_MODEL = flags.DEFINE_multi_string(
    "model",
    [],
    "Run a shipped model (siamfc-3s) or a weight file, PATH or NAME=PATH.",
)
_TRACKING = flags.DEFINE_string(
    "tracking", None, "Preset that replaces every model's settings, e.g. siamfc-3s-release."
)
_REDETECT = flags.DEFINE_bool(
    "redetect", False, "Look for a lost target over the whole frame; no protocol of the papers."
)
_FAST = flags.DEFINE_bool(
    "fast", False, "SiamFC: one search image a frame, not one of each scale; not the papers' way."
)
_TRACKER = flags.DEFINE_string(
    "tracker", None, "Run any object with init and update: package.module:Factory."
)
_NAME = flags.DEFINE_string(
    "name", None, "What to call the one that is run, in tables and in --out."
)
_RESULTS = flags.DEFINE_multi_string("results", [], "Score result files, PATH or NAME=PATH.")
_OUT = flags.DEFINE_string(
    "out", "evaluated", "Folder for results of what is run; finished runs there are kept."
)
_EXPORT = flags.DEFINE_list("export", [], "Write the results in these formats, too, to OUT/export.")
_SEQUENCES = flags.DEFINE_list("sequences", [], "Only these.")
_ATTRIBUTE = flags.DEFINE_string("attribute", None, "Only sequences with it, e.g. OCC.")
_PROFILE = flags.DEFINE_string("profile", None, "Whose definitions to score by; see above.")
_REPORT = flags.DEFINE_string("report", None, "HTML file to write: plots, tables, worst cases.")
_PLOTS = flags.DEFINE_string("plots", None, "Folder for the plots as PNG and SVG.")
_PUBLISHED = flags.DEFINE_list(
    "published", [], "Show published scores as reference lines: names of trackers, or all."
)
_BASELINE = flags.DEFINE_bool("baseline", True, "Score the first box, held still, too.")
_LANES = flags.DEFINE_integer(
    "lanes", 0, "Videos at a time; 0: what suits the device.", lower_bound=0
)
_PATIENCE = flags.DEFINE_float(
    "patience", Options.patience, "Seconds without an answer, then a run is given up.", 0.0
)
_DECODING = flags.DEFINE_bool(
    "include_decoding", False, "Count reading of frames as the tracker's time."
)
_IMAGES = flags.DEFINE_string("images", None, "Folder of the images of a dataset JSON.")


def images() -> Path | None:
    """The value of --images."""
    return Path(_IMAGES.value) if _IMAGES.value else None


def options() -> Options:
    """The values of all others."""
    return Options(
        models=tuple(_MODEL.value),
        tracking=_TRACKING.value,
        redetect=_REDETECT.value,
        fast=_FAST.value,
        tracker=_TRACKER.value,
        name=_NAME.value,
        results=tuple(_RESULTS.value),
        out=Path(_OUT.value),
        export=tuple(_EXPORT.value),
        sequences=tuple(_SEQUENCES.value),
        attribute=_ATTRIBUTE.value,
        profile=_PROFILE.value,
        report=Path(_REPORT.value) if _REPORT.value else None,
        plots=Path(_PLOTS.value) if _PLOTS.value else None,
        published=tuple(_PUBLISHED.value),
        baseline=_BASELINE.value,
        lanes=_LANES.value,
        patience=_PATIENCE.value,
        include_decoding=_DECODING.value,
    )
