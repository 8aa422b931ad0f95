"""The papers' studies: train every variant, judge it, and print the paper's table and figure.

    python -m experiments.study --flagfile=experiments/flagfiles/studies/dataset_size_v2.flags \\
        --crops=CROPS --out=DIR --vot=VOT2015
    python -m experiments.study --study=scales --model=siamfc-3s --otb=OTB --out=DIR

--study is one of

    dataset-size-v1       SiamFC v1, Table 2: 5 to 100 per cent of the videos
    dataset-size-v2       SiamFC v2, Table 3: 2 to 100 per cent
    dataset-size-siamrpn  SiamRPN, Fig. 10: a growing portion of the source --added
    anchor-ratios         SiamRPN, Table 3: 3, 5 and 7 ratios; without and with --added, if given
    center-size           SiamRPN, Fig. 11: proposals of the central g x g cells; likewise
    scales                SiamFC v2, Table 2: SiamFC-3s and SiamFC

CROPS is a folder that data_prep.make_crops filled; each variant's pairs are drawn from it. The last
two take --model instead, too: then nothing is trained. Published values stand beside measured ones,
with the benchmark that they are of. What is finished is kept in --out, and not made again; killed
or stopped, the same command goes on. With several --seeds: mean and deviation.

Exit codes: 0 done; 2 wrong input; 3 done, but something has no score, and is named.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from experiments import cli, training_flags
from experiments.allocator import keep_freed_memory
from experiments.compilation_cache import use_compilation_cache
from experiments.repeatable import only_repeatable_algorithms

flags.adopt_module_key_flags(training_flags)

_STUDY = flags.DEFINE_enum(
    "study",
    None,
    [
        "dataset-size-v1",
        "dataset-size-v2",
        "dataset-size-siamrpn",
        "anchor-ratios",
        "center-size",
        "scales",
    ],
    "Which; see above.",
    required=True,
)
_OUT = flags.DEFINE_string("out", None, "Folder for all that is made.", required=True)
_OTB = flags.DEFINE_string("otb", None, "Folder with OTB's sequences, to judge on.")
_VOT = flags.DEFINE_string("vot", None, "Folder with VOT's list.txt, to judge on.")
_SEQUENCES = flags.DEFINE_list("sequences", [], "Of OTB, only these; default: all that are there.")
_MODEL = flags.DEFINE_string("model", None, "Shipped model or weight file, instead of training.")
_CROPS = flags.DEFINE_string("crops", None, "Folder that make_crops filled.")
_PERCENTAGES = flags.DEFINE_list(
    "percentages", [], "Dataset size: portions instead of the paper's."
)
_ADDED = flags.DEFINE_string("added", None, "Label of the source without and with which to train.")
_SIZES = flags.DEFINE_list("sizes", [], "Centre size: which; default: all that the search has.")
_PAIRS = flags.DEFINE_integer("pairs", 50_000, "Pairs drawn from each portion.", lower_bound=1)
_MIX = flags.DEFINE_list("mix", [], "LABEL:share of each source, instead of by its tracks.")
_HELD_OUT = flags.DEFINE_list("held_out", [], "LABEL/VIDEO,... that are never trained on.")
_MAX_GAP = flags.DEFINE_integer("max_gap", 100, "Most frames between the two crops of a pair (T).")
_GAPS = flags.DEFINE_list("gaps", [], "LABEL:frames, --max_gap of single sources.")
_NEGATIVES = flags.DEFINE_float("negatives", 0.0, "Share of pairs of different videos.", 0, 1)
_SEEDS = flags.DEFINE_list("seeds", ["0"], "A training of each variant for each.")
_INITIAL = flags.DEFINE_string("initial", None, "Weight file to start trainings from.")
_CHECKPOINT_EVERY = flags.DEFINE_integer("checkpoint_every", 1000, "Steps.", lower_bound=1)
_LOG_EVERY = flags.DEFINE_integer("log_every", 50, "Steps.", lower_bound=1)
_WORKERS = flags.DEFINE_integer("workers", 0, "Threads that decode; 0: one a core.")
_DEVICES = flags.DEFINE_integer("devices", 0, "Devices to train on; 0: all.", lower_bound=0)


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    keep_freed_memory()
    only_repeatable_algorithms()
    use_compilation_cache()
    # First, because it takes a package that may be missing.
    from experiments.studies.presenting import present
    from experiments.studies.running import carry_out

    plan = _plan()
    outcome = carry_out(plan)
    present(plan, outcome)
    return cli.EXIT_BROKE_OFF if outcome.problems else 0


def _plan() -> Any:
    from experiments.studies.judging import Benchmarks
    from experiments.studies.running import StudyPlan
    from siamfc_jax.loading import load_model

    if _MODEL.value and _STUDY.value not in ("center-size", "scales"):
        raise ValueError(f"--model: --study={_STUDY.value} trains its own")
    network, tracking = training_flags.network(), training_flags.tracking()
    if _MODEL.value:
        model = load_model(_MODEL.value, tracking)
        network, tracking = model.network, model.tracking
    return StudyPlan(
        study=_study(network, tracking),
        out=Path(_OUT.value),
        benchmarks=Benchmarks(_path(_OTB.value), _path(_VOT.value), tuple(_SEQUENCES.value)),
        model=_MODEL.value,
        pairs=_pair_source(),
        settings=training_flags.settings(network),
        tracking=tracking,
        initial=_path(_INITIAL.value),
        seeds=tuple(dict.fromkeys(_numbers(_SEEDS.value, int, "--seeds"))),
        checkpoint_every=_CHECKPOINT_EVERY.value,
        log_every=_LOG_EVERY.value,
        decoders=_WORKERS.value,
        devices=_DEVICES.value,
        network_name=Path(str(flags.FLAGS["network"].value)).stem,
        flags=flags.FLAGS.flags_into_string(),
    )


def _study(network: Any, tracking: Any) -> Any:
    from experiments.studies import plans

    name, added = _STUDY.value, _ADDED.value
    percentages = _numbers(_PERCENTAGES.value, float, "--percentages")
    chosen = {"percentages": percentages} if percentages else {}
    if name == "dataset-size-v1":
        return plans.dataset_size_v1(network, **chosen)
    if name == "dataset-size-v2":
        return plans.dataset_size_v2(network, **chosen)
    if name == "dataset-size-siamrpn":
        if not added:
            raise ValueError("--study=dataset-size-siamrpn: which source grows? Give --added=LABEL")
        return plans.dataset_size_siamrpn(network, added, **chosen)
    if name == "anchor-ratios":
        return plans.anchor_ratios(network, added)
    if name == "center-size":
        sizes = _numbers(_SIZES.value, int, "--sizes")
        return plans.center_size(network, tracking, sizes, None if _MODEL.value else added)
    return plans.scales(network)


def _pair_source() -> Any:
    from data_prep.shards.sampling import PairSettings
    from experiments.studies.pairs import PairSource

    if not _CROPS.value:
        return None
    gaps = cli.by_label(_GAPS, int, "frames", "ytbb:30")
    return PairSource(
        crops=Path(_CROPS.value).resolve(),
        pairs=_PAIRS.value,
        mix=cli.by_label(_MIX, float, "share", "vid:0.8"),
        held_out=tuple(_HELD_OUT.value),
        draw=PairSettings(_MAX_GAP.value, _NEGATIVES.value, gaps=gaps),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _numbers(texts: Sequence[str], number: Callable[[str], Any], flag: str) -> list[Any]:
    try:
        return [number(text) for text in texts]
    except ValueError:
        raise ValueError(f"{flag}: {','.join(texts)!r} are no numbers") from None


if __name__ == "__main__":
    cli.run(main)
