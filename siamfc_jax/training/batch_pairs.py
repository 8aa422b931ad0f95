"""What a network sees of a batch: varied at random in training, moved a little in validation."""

import jax

from siamfc_jax.training.augment import Pairs, augment_pairs, validation_pairs
from siamfc_jax.training.objective import Batch
from siamfc_jax.training.settings import TrainSettings


def pairs_of(
    batch: Batch,
    keys_B: jax.Array,
    settings: TrainSettings,
    *,
    train: bool,
    shift: float,
    stretch: float = 0.0,
) -> Pairs:
    """The images of a batch's pairs, of the sizes that `settings` name.

    Args:
      keys_B: all randomness, one key a pair.
      train: as `augment_pairs` does with the augmentation of `settings`; else as `validation_pairs`
        does with `shift` and `stretch`.
    """
    crops = keys_B, batch.exemplar, batch.search
    if train:
        return augment_pairs(
            *crops,
            settings.augmentation,
            exemplar_size=settings.exemplar_size,
            search_size=settings.search_size,
        )
    return validation_pairs(
        *crops,
        exemplar_size=settings.exemplar_size,
        search_size=settings.search_size,
        shift=shift,
        stretch=stretch,
    )
