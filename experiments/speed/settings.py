"""What `experiments.benchmark` measures."""

from dataclasses import dataclass, replace
from pathlib import Path

import jax

from data_prep.crops.settings import CropSettings
from experiments.speed.precision import TYPES, activations
from siamfc_jax.models.network import NETWORKS, Network
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.training.settings import PRESETS, V2_RELEASE, TrainSettings

OF_PAPERS = (
    "siamfc",
    "siamfc-v1",
    "siamfc-resnet22",
    "siamfc-ciresnet22",
    "siamrpn",
    "siamrpn-depthwise",
)
"""What `--untrained=all` means."""


@dataclass(frozen=True)
class BenchmarkSettings:
    """The fields are the flags of `experiments.benchmark`.

    Attributes:
      rows: keys of `rows.ROWS`.
      seconds: time for each thing that is measured.
      untrained: instead of `model`, some of `models.network.NETWORKS` with random weights.
      search_size: of training; 0: that of the network's released settings.
      batches, compute: empty for what suits the device (`fitted_to_device`); compute: of
        `precision.TYPES`.
      data: folder of shards, or None for synthetic ones.
      otb: folder of OTB's sequences, or None for as many rendered `frames` (0: what suits the
        device).

    Raises:
      ValueError: an unknown type to compute in, or an unknown network.
    """

    rows: tuple[str, ...] = ("live",)
    model: str = "siamfc-3s"
    untrained: tuple[str, ...] = ()
    seconds: float = 15.0
    width: int = 640
    height: int = 480
    targets: int = 0
    videos: int = 0
    search_size: int = 0
    batch: int = 8
    batches: tuple[int, ...] = ()
    compute: tuple[str, ...] = ()
    data: Path | None = None
    otb: Path | None = None
    frames: int = 0

    def __post_init__(self) -> None:
        unknown = set(self.compute) - set(TYPES)
        if unknown:
            raise ValueError(f"--compute: {min(unknown)!r} is none of {', '.join(TYPES)}")
        strange = [name for name in self.untrained if name not in NETWORKS]
        if strange:
            raise ValueError(
                f"--untrained: {strange[0]!r} is none of {', '.join(NETWORKS)}; nor is it all"
            )
        if self.untrained and "cold_start" in self.rows:
            raise ValueError("cold_start starts experiments.track, which needs a --model")

    def fitted_to_device(self) -> "BenchmarkSettings":
        """With batches, types and targets that show what this kind of device can do."""
        on_cpu = jax.default_backend() == "cpu"
        return replace(
            self,
            frames=self.frames or (600 if on_cpu else 59_000),
            targets=self.targets or (4 if on_cpu else 64),
            videos=self.videos or (4 if on_cpu else 32),
            batches=self.batches or ((8,) if on_cpu else (8, 64, 256, 512)),
            compute=self.compute or (("float32",) if on_cpu else TYPES),
        )

    def training(self, network: Network, batch: int, compute: str = "float32") -> TrainSettings:
        """The network's released settings with this batch, type and `search_size`; all layers are
        trained."""
        of_siamfc = isinstance(network, SiamFCNetwork)
        released = V2_RELEASE if of_siamfc else PRESETS["siamrpn-release"]
        return replace(
            released,
            batch=batch,
            compute=activations(compute),  # type: ignore[arg-type]
            search_size=self.search_size or released.search_size,
            frozen=(),
            unfreeze=(),
        )

    @property
    def rooms(self) -> tuple[int, int]:
        """Sides of the stored crops: as data_prep makes them, or larger where need be."""
        usual = CropSettings()
        return usual.exemplar_room, max(usual.search_room, self.search_size + 20)
