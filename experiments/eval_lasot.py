"""LaSOT: run a tracker, or score result files of any; success, precision, normalised precision.

    python -m experiments.eval_lasot --lasot=LaSOTBenchmark --annos=annos
    python -m experiments.eval_lasot --lasot=annos --results=ATOM=ATOM_tracking_result

--lasot is the data (category/name/img/...), the folder `annos` of the evaluation toolkit (enough to
score), or a dataset JSON, with --images. With the data, give --annos, too: the published scores
rest on its flags of absence, and it has the attributes. Profiles:

    lasot (default)  the authors' MATLAB toolkit
    pysot            where pysot's toolkit differs; the report says how

Exit codes: 0 done; 2 wrong input; 3 done, but something is missing, and named.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli
from experiments.evaluation import flags as shared_flags

flags.adopt_module_key_flags(shared_flags)

_LASOT = flags.DEFINE_string("lasot", None, "Folder of the data or annotation, or dataset JSON.")
_ANNOS = flags.DEFINE_string("annos", None, "The evaluation toolkit's annotation.")
_SUBSET = flags.DEFINE_enum("subset", "test", ["test", "all"], "Which sequences.")


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    from experiments.evaluation.lasot import evaluate_lasot

    if _LASOT.value is None:
        raise ValueError("--lasot=FOLDER: give the folder that holds LaSOT's data or annotation")
    evaluated = evaluate_lasot(
        Path(_LASOT.value),
        shared_flags.options(),
        which=_SUBSET.value,  # type: ignore[arg-type]
        annos=Path(_ANNOS.value) if _ANNOS.value else None,
        images=shared_flags.images(),
    )
    return evaluated.exit_code


if __name__ == "__main__":
    cli.run(main)
