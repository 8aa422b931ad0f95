"""VOT: run a tracker, or score result files of any tracker; accuracy, robustness, EAO.

    python -m experiments.eval_vot --vot=VOT2018                          # the shipped model
    python -m experiments.eval_vot --vot=VOT2018 --experiment=baseline,unsupervised,realtime
    python -m experiments.eval_vot --vot=VOT2018 --results=results/DaSiamRPN --report=report.html

--vot is the folder with list.txt and the sequences, or pysot's VOT2018.json, with --images. Results
are text or binary files, TRACKER/EXPERIMENT/SEQUENCE/SEQUENCE_001.txt. What is run is kept in --out
and not run again. Experiments:

    baseline      a tracker that fails starts again five frames later; 15 repetitions, but three
                  where they are identical
    region_noise  the same from perturbed regions (VOT2014)
    unsupervised  no new starts
    realtime      20 frames per second, whether the tracker is ready or not

Profiles:

    vot-classic (default)  the VOT toolkit until April 2019: all published results to VOT2018
    vot-2019               the toolkit since then
    vot-legacy             VOT2013 to VOT2015
    vot-python             votchallenge/toolkit
    pysot                  pysot's toolkit

Exit codes: 0 done; 2 wrong input; 3 done, but something is missing, and named.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli
from experiments.evaluation import flags as shared_flags

flags.adopt_module_key_flags(shared_flags)

_VOT = flags.DEFINE_string("vot", None, "Folder with list.txt, or dataset JSON.")
_BENCHMARK = flags.DEFINE_string("benchmark", None, "E.g. VOT2018; by default --vot's name.")
_EXPERIMENT = flags.DEFINE_list("experiment", ["baseline"], "Any of those above.")
_START = flags.DEFINE_enum(
    "start",
    "axis_aligned",
    ["axis_aligned", "same_area"],
    "Rectangle to start with where the truth is a polygon: as TraX gives it, or as Siamese "
    "trackers' code takes it.",
)
_REPETITIONS = flags.DEFINE_integer("repetitions", 15, "At most so many.", lower_bound=1)

_EFO = flags.DEFINE_bool("efo", False, "Print speeds in EFO, of results with times.")


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    from experiments.evaluation.vot import evaluate_vot

    if _VOT.value is None:
        raise ValueError("--vot=FOLDER: give the folder that holds VOT's sequences and list.txt")
    evaluated = evaluate_vot(
        Path(_VOT.value),
        shared_flags.options(),
        images=shared_flags.images(),
        benchmark=_BENCHMARK.value,
        experiments=tuple(_EXPERIMENT.value),
        initial=_START.value,  # type: ignore[arg-type]
        repetitions=_REPETITIONS.value,
        efo=_EFO.value,
    )
    return evaluated.exit_code


if __name__ == "__main__":
    cli.run(main)
