"""Quick settings for the tiny network, and pairs that can be told apart."""

import numpy as np
from simplejpeg import encode_jpeg

from siamfc_jax.models.siamfc import SIAMFC_TINY
from siamfc_jax.training.augment import Augmentation
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.training.step import Batch
from tests.pair_datasets import pair_features, serialise, write_manifest, write_split

TINY = SIAMFC_TINY
NO_AUGMENTATION = Augmentation(stretch=0.0, shift=0.0, colour=0.0, grey=0.0)
QUICK = TrainSettings(
    epochs=2, pairs_per_epoch=80, batch=4, search_size=159, augmentation=NO_AUGMENTATION
)


def stored_crops(count=4, room=240, seed=0):
    """Crops with a bright dot at their centre."""
    crops = np.random.default_rng(seed).integers(0, 90, (count, room, room, 3), np.uint8)
    middle = room // 2
    crops[:, middle - 2 : middle + 2, middle - 2 : middle + 2] = 255
    return crops


def batch_of(count, room=171):
    """Pairs of the same noise: the exemplar is the middle of the search image."""
    search = np.random.default_rng(1).integers(0, 256, (count, room, room, 3), np.uint8)
    edge = (room - 143) // 2
    box = np.tile(np.asarray([50, 50, 40, 40], np.float32), (count, 1))
    return Batch(
        exemplar=search[:, edge : edge + 143, edge : edge + 143],
        search=search,
        exemplar_box=box,
        search_box=box,
        negative=np.zeros(count, bool),
        video=np.arange(count, dtype=np.int32),
    )


def write_dataset(folder, *, pairs=40, validation=8, shards=2, room=171):
    """Shards of random pairs, big enough for a search image of 159 pixels."""

    def record(number):
        texture = np.random.default_rng(number).integers(0, 256, (room // 8 + 1,) * 2 + (3,))
        image = texture.astype(np.uint8).repeat(8, 0).repeat(8, 1)[:room, :room]
        edge = (room - 143) // 2
        exemplar = np.ascontiguousarray(image[edge : edge + 143, edge : edge + 143])
        box = np.asarray([50, 50, 40, 40], np.float32)
        return serialise(
            pair_features(
                number,
                exemplar=encode_jpeg(exemplar, quality=90),
                search=encode_jpeg(np.ascontiguousarray(image), quality=90),
                exemplar_box=box,
                search_box=box,
                negative=0,
            )
        )

    folder.mkdir(parents=True)
    train = [[record(n) for n in range(s, pairs, shards)] for s in range(shards)]
    splits = {"train": write_split(folder, "train", train)}
    if validation:
        held_out = [[record(1000 + n) for n in range(validation)]]
        splits["validation"] = write_split(folder, "validation", held_out)
    write_manifest(folder, splits, rooms=(143, room))
    return folder
