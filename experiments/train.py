"""Train SiamFC on folders of frames with boxes, and photographs with boxes.

    python -m experiments.train --flagfile=experiments/flagfiles/siamfc_3s_small.flags \\
        --videos=DATA/davis --videos=DATA/uav --stills=DATA/stills --out=runs/first

Writes weights.safetensors (open it with `experiments.track --model=`) and metrics.jsonl.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import cli

_VIDEOS = flags.DEFINE_multi_string(
    "videos", [], "Folder of videos, each a folder of frames with groundtruth.txt; repeatable."
)
_STILLS = flags.DEFINE_string("stills", None, "Folder with boxes.json (COCO's format) and images/.")
_HOLD_OUT = flags.DEFINE_list("hold_out", [], "Videos to validate on instead of training.")
_OUT = flags.DEFINE_string("out", None, "Folder of the run.", required=True)
_INITIAL = flags.DEFINE_string("initial", None, "Weight file (not folded) to start from.")
_SEED = flags.DEFINE_integer("seed", 0, "Of parameters, pairs and augmentation.")
_ARCHITECTURE = flags.DEFINE_enum("architecture", "v2", ["v2", "v1"], "AlexNet of which paper.")
_STEPS = flags.DEFINE_integer("steps", 1000, "Steps of training.", lower_bound=1)
_BATCH = flags.DEFINE_integer("batch", 8, "Pairs per step.", lower_bound=1)
_FIRST_RATE = flags.DEFINE_float("first_rate", 1e-2, "Learning rate at the start.")
_LAST_RATE = flags.DEFINE_float("last_rate", 1e-5, "Learning rate at the end.")
_WARM_UP = flags.DEFINE_integer("warm_up", 0, "Steps of linear warm-up.")
_SEARCH_SIZE = flags.DEFINE_integer("search_size", 239, "Side of the search image in pixels.")
_NEGATIVES = flags.DEFINE_integer("negatives", 0, "Other search images per exemplar as negatives.")
_NEGATIVE_WEIGHT = flags.DEFINE_float("negative_weight", 0.25, "Weight of their loss.")
_MAX_GAP = flags.DEFINE_integer("max_gap", 100, "Most frames between exemplar and search image.")
_STILLS_SHARE = flags.DEFINE_float("stills_share", 0.3, "Share of pairs made from photographs.")
_STRETCH = flags.DEFINE_float("stretch", 0.05, "Augmentation: scale of each axis, 1 +- this.")
_SHIFT = flags.DEFINE_float("shift", 4.0, "Augmentation: shift in search pixels.")
_COLOUR = flags.DEFINE_float("colour", 0.1, "Augmentation: colour gain and offset.")
_GREY = flags.DEFINE_float("grey", 0.25, "Augmentation: share of grey pairs.")
_BLUR = flags.DEFINE_float("blur", 0.0, "Augmentation: share of blurred search images.")
_FLIP = flags.DEFINE_bool("flip", False, "Augmentation: mirror half of the pairs.")


def main(args: Sequence[str]) -> None:
    cli.expect_no_arguments(args)
    from data_prep.bank import split_by_video
    from data_prep.box_folders import read_box_folders
    from data_prep.coco_stills import read_coco_stills
    from experiments.training_run import train_siamfc
    from siamfc_jax.models.siamfc import SIAMFC, SIAMFC_V1
    from siamfc_jax.training.augment import Augmentation
    from siamfc_jax.training.step import TrainSettings

    tracks = [track for folder in _VIDEOS.value for track in read_box_folders(Path(folder))]
    still_folder = Path(_STILLS.value) if _STILLS.value else None
    stills = (
        list(read_coco_stills(still_folder / "boxes.json", still_folder / "images"))
        if still_folder
        else []
    )
    settings = TrainSettings(
        steps=_STEPS.value,
        batch=_BATCH.value,
        first_rate=_FIRST_RATE.value,
        last_rate=_LAST_RATE.value,
        warm_up=_WARM_UP.value,
        search_size=_SEARCH_SIZE.value,
        negatives=_NEGATIVES.value,
        negative_weight=_NEGATIVE_WEIGHT.value,
        augmentation=Augmentation(
            _STRETCH.value, _SHIFT.value, _COLOUR.value, _GREY.value, _BLUR.value, _FLIP.value
        ),
    )
    result = train_siamfc(
        split_by_video(tracks, _HOLD_OUT.value),
        stills,
        SIAMFC if _ARCHITECTURE.value == "v2" else SIAMFC_V1,
        settings,
        Path(_OUT.value),
        initial=Path(_INITIAL.value) if _INITIAL.value else None,
        seed=_SEED.value,
        max_gap=_MAX_GAP.value,
        stills_share=_STILLS_SHARE.value,
    )
    for name, auc in result.validation.items():
        print(f"{name:<40} {auc:.3f}")
    if result.validation:
        mean = sum(result.validation.values()) / len(result.validation)
        print(f"{'mean validation AUC':<40} {mean:.3f}")
    print(f"wrote {result.weights}")


if __name__ == "__main__":
    cli.run(main)
