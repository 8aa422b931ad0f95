"""Presets of the ResNet embeddings: begun from ImageNet, trained from the last block backwards."""

from typing import Any

from siamfc_jax.training.augment import Augmentation

GRADUAL: dict[str, Any] = {
    "frozen": ("conv1", "conv2", "conv3_1", "conv3_2", "conv3_3"),
    "unfreeze": (
        (4, "conv3_3"),
        (9, "conv3_2"),
        (14, "conv3_1"),
        (24, "conv2_3"),
        (29, "conv2_2"),
        (34, "conv2_1"),
    ),
    "clip_norm": 10.0,
}
"""As released with SiamDW: conv3_4 alone at first, one more block at a tenth, fifth, ... of its 50
epochs, conv1 never. There an index slip leaves the norms of conv3_1 in training from the start, and
each unfreezing begins with no momentum."""

RESNET_PRESETS: dict[str, dict[str, Any]] = {
    # v1 paper §3.4: "we start from a pre-trained model and fine-tune the parameters on ImageNet
    # Video", otherwise as §3.1. How it was fine-tuned is not said; SiamDW's way is taken.
    "resnet22": {
        "pairs_per_epoch": 50_000,
        "search_size": 255,
        "augmentation": Augmentation(stretch=0.0, shift=0.0, colour=0.0, grey=0.0),
        **GRADUAL,
    },
    # experiments/train/SiamFC.yaml of SiamDW, on ImageNet VID: 32 pairs on each of two GPUs. Its
    # colour jitter of 5 % is taken as contrast. GOT-10k: 200 000 pairs, rates 1e-3 to 1e-7.
    "ciresnet22-release": {
        "pairs_per_epoch": 600_000,
        "batch": 64,
        "weight_decay": 1e-4,
        "search_size": 255,
        "augmentation": Augmentation(colour=0.0, contrast=0.05, grey=0.0),
        **GRADUAL,
    },
}
