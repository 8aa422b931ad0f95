"""OTB: run a tracker, or score result files of any tracker; success AUC and precision.

    python -m experiments.eval_otb --otb=OTB100                          # the shipped model, OPE
    python -m experiments.eval_otb --otb=OTB100 --model=mine.safetensors --protocol=ope,tre,sre
    python -m experiments.eval_otb --otb=OTB100 --model=RPN=siamrpn.safetensors --model=siamfc-3s
    python -m experiments.eval_otb --otb=OTB100 --results=KCF=results/KCF --report=report.html
    python -m experiments.eval_otb --otb=OTB100 --tracker=cv2:TrackerMIL_create --list=OTB-2013

--otb is the folder with the sequences in the benchmark's own layout (to score only, annotation is
enough), or a dataset file OTB100.json, with --images. Results may be .mat files of the MATLAB
toolkit, text or JSON of any toolkit, or an .npz file. What is run is kept in --out and not run
again. Profiles:

    otb-matlab (default)  the authors' toolkit
    pysot, got10k         where these differ; the report says how

Exit codes: 0 done; 2 wrong input; 3 done, but something is missing, and named.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli
from experiments.evaluation import flags as shared_flags

flags.adopt_module_key_flags(shared_flags)

_OTB = flags.DEFINE_string("otb", None, "Folder with OTB's sequences, or dataset JSON.")
_LIST = flags.DEFINE_enum("list", None, ["OTB-2013", "OTB-50", "OTB-100"], "Only this list.")
_PROTOCOL = flags.DEFINE_list("protocol", ["ope"], "Any of ope, tre, sre.")


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    from experiments.evaluation.otb import evaluate_otb

    if _OTB.value is None:
        raise ValueError("--otb=FOLDER: give the folder that holds OTB's sequences")
    evaluated = evaluate_otb(
        Path(_OTB.value),
        shared_flags.options(),
        images=shared_flags.images(),
        list_name=_LIST.value,
        protocols=tuple(name.upper() for name in _PROTOCOL.value),
    )
    return evaluated.exit_code


if __name__ == "__main__":
    cli.run(main)
