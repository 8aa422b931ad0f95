"""What all `experiments.eval_*` have in common: what to run or score, and what to show of it."""

from dataclasses import dataclass
from pathlib import Path

from siamfc_jax.evaluation.running.one_by_one import PATIENCE


@dataclass(frozen=True)
class Options:
    """The fields are the flags of `experiments.evaluation.flags`.

    Attributes:
      models: shipped models or weight files to run, each "PATH" or "NAME=PATH"; with neither these,
        `tracker` nor `results`, the shipped one.
      tracking: name of the preset that replaces the settings of every model.
      redetect: models look for a lost target over the whole frame; their names say so.
      fast: models search one image a frame; their names say so.
      tracker: "package.module:Factory" of any object with `init` and `update`, to run.
      name: of the one tracker or model that is run, in tables and in `out`.
      results: "NAME=PATH" or "PATH" of result files to score, whoever wrote them.
      out: folder for the results of what is run; there, finished runs are not run again.
      export: formats in which to write the results as well, to `out`/export.
      sequences, attribute: only these.
      profile: whose definitions to score by; None: the benchmark's own.
      report: HTML file to write; plots: folder for PNG and SVG files.
      published: names of trackers whose published scores are shown as reference lines, or "all".
      baseline: score the first box, held still, beside the trackers.
      lanes: videos at a time; 0: what suits the device.
      patience: seconds without an answer after which a run is given up.
      include_decoding: count the reading of frames as the tracker's time.
    """

    models: tuple[str, ...] = ()
    tracking: str | None = None
    redetect: bool = False
    fast: bool = False
    tracker: str | None = None
    name: str | None = None
    results: tuple[str, ...] = ()
    out: Path = Path("evaluated")
    export: tuple[str, ...] = ()
    sequences: tuple[str, ...] = ()
    attribute: str | None = None
    profile: str | None = None
    report: Path | None = None
    plots: Path | None = None
    published: tuple[str, ...] = ()
    baseline: bool = True
    lanes: int = 0
    patience: float = PATIENCE
    include_decoding: bool = False

    @property
    def runs_something(self) -> bool:
        return bool(self.models or self.tracker or not self.results)
