"""GOT-10k: run a tracker, or score result files of any tracker; AO and success rates.

    python -m experiments.eval_got10k --got10k=GOT-10k                   # the validation set
    python -m experiments.eval_got10k --got10k=GOT-10k --results=SiamFC=results/GOT-10k/SiamFC
    python -m experiments.eval_got10k --got10k=GOT-10k --subset=test     # a zip for the server

--got10k is the folder that holds val/ and test/, or one of these, or a dataset JSON, with --images.
The test set's annotation is on the benchmark's server; there, results are made and zipped, not
scored. A tracker that is not deterministic is run three times.

Exit codes: 0 done; 2 wrong input; 3 done, but something is missing, and named.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli
from experiments.evaluation import flags as shared_flags

flags.adopt_module_key_flags(shared_flags)

_GOT10K = flags.DEFINE_string("got10k", None, "Folder of GOT-10k, or dataset JSON.")
_SUBSET = flags.DEFINE_enum("subset", "val", ["val", "test"], "Which sequences.")


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    from experiments.evaluation.got10k import evaluate_got10k

    if _GOT10K.value is None:
        raise ValueError("--got10k=FOLDER: give the folder that holds GOT-10k's val and test")
    evaluated = evaluate_got10k(
        Path(_GOT10K.value),
        shared_flags.options(),
        which=_SUBSET.value,  # type: ignore[arg-type]
        images=shared_flags.images(),
    )
    return evaluated.exit_code


if __name__ == "__main__":
    cli.run(main)
