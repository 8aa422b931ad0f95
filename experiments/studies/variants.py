"""A study as a value: what is trained and tracked in which variants, and what the paper printed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from siamfc_jax.models.network import Network
from siamfc_jax.tracking.trackers import Tracking


@dataclass(frozen=True)
class Portion:
    """Which of the videos are trained on: so many per cent of every source's.

    Attributes:
      percent: above 0 and at most 100; a smaller portion is part of a larger one.
      of_sources: (label, per cent) of the sources that differ; 0 leaves a source out.
    """

    percent: float = 100.0
    of_sources: tuple[tuple[str, float], ...] = ()

    def percent_of(self, label: str) -> float:
        return dict(self.of_sources).get(label, self.percent)

    @property
    def name(self) -> str:
        """What its files are called."""
        return "_".join(
            [f"{self.percent:g}pct", *(f"{label}-{part:g}pct" for label, part in self.of_sources)]
        )


@dataclass(frozen=True)
class Variant:
    """One point of the figure, one row (or, in one of several series, one cell) of the table.

    Attributes:
      x: what is varied, as a number.
      series: the line of the figure that it lies on; "" where there is one only.
      network, portion: what is trained, on what. Variants that agree in both share a training.
      tracking: how it tracks; None: as all do.
    """

    x: float
    network: Network
    portion: Portion = Portion()
    series: str = ""
    tracking: Tracking | None = None


@dataclass(frozen=True)
class PublishedColumn:
    """A column of the paper.

    Attributes:
      benchmark: on which it was measured; "" for what is no score.
      measure: its heading.
      values: `Variant.x` -> number.
      series: the paper's own name of it; "" where there is one only.
      drawn: it is the one that the paper's figure shows, or would.
    """

    benchmark: str
    measure: str
    values: Mapping[float, float]
    digits: int = 3
    series: str = ""
    drawn: bool = False


@dataclass(frozen=True)
class Study:
    """Everything about a study but where its data are.

    Attributes:
      name: of its files.
      title: what it shows; `source`: the paper's table or figure.
      heading: of the rows; `x_label`: of the figure's axis; `logarithmic`: whether that is.
      labels: `Variant.x` -> the row's name, of the variants and of the published values.
      notes: lines beneath the table: what is not known of the published values.
      sized: the table shows how many videos and boxes each variant was trained on.
      timed: it shows the frames per second of each, as the paper does.
    """

    name: str
    title: str
    source: str
    heading: str
    x_label: str
    labels: Mapping[float, str]
    variants: tuple[Variant, ...]
    published: tuple[PublishedColumn, ...] = ()
    notes: tuple[str, ...] = ()
    logarithmic: bool = False
    sized: bool = False
    timed: bool = False

    @property
    def series(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(variant.series for variant in self.variants))


@dataclass(frozen=True)
class Measure:
    """A column of what is measured here; `drawn`: the figure shows it."""

    benchmark: str
    label: str
    digits: int = 3
    drawn: bool = False


@dataclass(frozen=True)
class Measured:
    """What a variant came to.

    Attributes:
      values: of each measure, one value a seed.
      videos, boxes: that it was trained on; None: it was not trained here.
    """

    variant: Variant
    values: Mapping[Measure, tuple[float, ...]] = field(default_factory=dict)
    videos: int | None = None
    boxes: int | None = None
