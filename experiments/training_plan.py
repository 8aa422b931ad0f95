"""A run of training as a value: what is trained on what, and where it begins."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from data_prep.tracks import Track
from experiments.initial_weights import layers_from
from experiments.run_record import RunError
from siamfc_jax.data.dataset import PairDataset, open_pairs, split_names
from siamfc_jax.data.record_order import RecordOrder
from siamfc_jax.loading import default_tracking
from siamfc_jax.models.backbone import is_of_head
from siamfc_jax.models.network import Network
from siamfc_jax.models.siamfc import SIAMFC, SiamFCNetwork
from siamfc_jax.tracking.trackers import Tracking, expect_suits
from siamfc_jax.training.augment import rooms_for
from siamfc_jax.training.objectives import objective_of
from siamfc_jax.training.settings import V2_RELEASE, TrainSettings
from siamfc_jax.training.step import TrainState, init_state, state_from_layers
from siamfc_jax.weights import load_weights


@dataclass(frozen=True)
class TrainingPlan:
    """A run of training.

    Attributes:
      data: folder of shards that `data_prep.make_shards` wrote.
      out: folder of the run: run.json, flags.txt, metrics.jsonl, tensorboard/, checkpoints/,
        responses.png, weights.safetensors, and at the end result.json.
      network, settings, seed: what is trained, how, and from which random numbers.
      tracking: how the trained model tracks, in validation and as its weight file says; None: as
        `loading.default_tracking`.
      initial: weight file in training form (not folded) to start from; a backbone's will do.
      videos: held-out tracks to follow at the end, and every `track_every` epochs if not 0.
      checkpoint_every, log_every: in steps.
      keep: how many checkpoints are kept.
      workers: threads that decode; 0: as many as the machine has cores.
      skip_corrupt: replace corrupt records by the next ones and count them.
      devices: how many of this host's devices to use; 0: all.
    """

    data: Path
    out: Path
    network: Network = SIAMFC
    settings: TrainSettings = V2_RELEASE
    seed: int = 0
    tracking: Tracking | None = None
    initial: Path | None = None
    videos: tuple[Track, ...] = ()
    track_every: int = 0
    checkpoint_every: int = 1000
    log_every: int = 50
    keep: int = 3
    workers: int = 0
    skip_corrupt: bool = False
    devices: int = 0

    @property
    def tracks_with(self) -> Tracking:
        """How the trained model tracks."""
        return self.tracking or default_tracking(self.network)


def expect_fit(plan: TrainingPlan, dataset: PairDataset) -> None:
    """Raises ValueError, before anything is written, where the stored crops or the images of the
    settings are too small, there are too few crops for a batch on every host, the network does not
    track so, or layers would be frozen that nothing has trained; warns where augmentation would
    need padding."""
    settings = plan.settings
    expect_suits(plan.network, plan.tracks_with)
    objective_of(plan.network, settings)
    plan.network.backbone.output_size(settings.exemplar_size)
    frozen = [name for name in settings.frozen if not is_of_head(name)]
    if frozen and plan.initial is None:
        raise RunError(
            f"layers {', '.join(frozen)} are frozen, but nothing has trained them: give "
            "--initial=WEIGHTS, or --frozen= and --unfreeze= to train from scratch"
        )
    sizes = settings.exemplar_size, settings.search_size
    rooms = dataset.exemplar_room, dataset.search_room
    all_wanted = rooms_for(settings.augmentation, *sizes)
    for name, size, room, wanted in zip(
        ("exemplar", "search"), sizes, rooms, all_wanted, strict=True
    ):
        if size > room:
            raise RunError(
                f"{plan.data}: its {name} crops are {room} pixels wide, too small for "
                f"--{name}_size={size}; cut larger ones, make_crops --{name}_room"
            )
        if wanted > room:
            print(
                f"warning: {plan.data}: augmentation reaches beyond the {name} crops "
                f"({wanted} pixels of {room}), into padding; see make_crops --{name}_room"
            )
    hosts = jax.process_count()
    if settings.batch % hosts:
        raise RunError(f"a batch of {settings.batch} does not split over {hosts} hosts")
    RecordOrder(dataset, batch=settings.batch // hosts, seed=plan.seed, hosts=hosts)


def open_validation(folder: Path) -> PairDataset | None:
    return open_pairs(folder, "validation") if "validation" in split_names(folder) else None


def chosen_devices(of_each_host: int) -> list[jax.Device]:
    """The first so many devices of every host; 0: all."""
    chosen: dict[int, list[jax.Device]] = {}
    for device in jax.devices():
        chosen.setdefault(device.process_index, []).append(device)
    if of_each_host > min(map(len, chosen.values())):
        raise RunError(f"{of_each_host} devices wanted; there are {len(jax.local_devices())}")
    return [device for host in chosen.values() for device in host[: of_each_host or None]]


def keys_of(seed: int) -> tuple[jax.Array, jax.Array]:
    """The keys of the first parameters and of all that is random in the steps."""
    first, steps = jax.random.split(jax.random.key(seed))
    return first, steps


def initial_state(plan: TrainingPlan) -> TrainState:
    """The state at step 0. Raises WeightsError, RunError: `plan.initial` cannot be taken."""
    key, _ = keys_of(plan.seed)
    if plan.initial is None:
        return jax.device_get(init_state(key, plan.network, plan.settings))
    layers = layers_from(plan.initial, plan.network, plan.network.init(key))
    return jax.device_get(state_from_layers(layers, plan.settings))


def fingerprint(plan: TrainingPlan, dataset: PairDataset, devices: int) -> dict[str, Any]:
    """All that decides the parameters at the end, to the last bit on machines of one kind."""
    settings = dataclasses.asdict(plan.settings)
    if isinstance(plan.network, SiamFCNetwork):
        del settings["rpn"]
    return {
        "dataset_hash": dataset.dataset_hash,
        "network": dataclasses.asdict(plan.network),
        "settings": settings,
        "seed": plan.seed,
        "initial": load_weights(plan.initial).sha256 if plan.initial else None,
        "skip_corrupt": plan.skip_corrupt,
        "hosts": jax.process_count(),
        "devices": devices,
    }
