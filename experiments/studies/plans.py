"""The studies of the papers: which variants each has, and what was published of them."""

import dataclasses
from collections.abc import Iterable

from experiments.studies import published
from experiments.studies.variants import Portion, PublishedColumn, Study, Variant
from siamfc_jax.loading import default_tracking
from siamfc_jax.models.anchors import A3, A5, A7
from siamfc_jax.models.network import Network
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.tracking.config import SIAMFC_3S_PAPER, SIAMFC_PAPER
from siamfc_jax.tracking.siamrpn_config import SiamRPNTracking
from siamfc_jax.tracking.trackers import Tracking

V1_PERCENTAGES = (5.0, 10.0, 50.0, 100.0)
V2_PERCENTAGES = (2.0, 4.0, 8.0, 16.0, 32.0, 100.0)
GROWING_PERCENTAGES = (0.0, 25.0, 50.0, 100.0)
"""Of YouTube-BB; the paper's own are read off no text."""


def dataset_size_v1(network: Network, percentages: Iterable[float] = V1_PERCENTAGES) -> Study:
    """SiamFC v1, Table 2."""
    return _dataset_size(
        "dataset-size-v1", network, percentages, published.V1_SOURCE, published.V1_TABLE_2
    )


def dataset_size_v2(network: Network, percentages: Iterable[float] = V2_PERCENTAGES) -> Study:
    """SiamFC v2, Table 3."""
    return _dataset_size(
        "dataset-size-v2", network, percentages, published.V2_SOURCE, published.V2_TABLE_3
    )


def _dataset_size(
    name: str,
    network: Network,
    percentages: Iterable[float],
    source: str,
    columns: tuple[PublishedColumn, ...],
) -> Study:
    chosen = _increasing(percentages)
    if not chosen or chosen[0] <= 0 or chosen[-1] > 100:
        raise ValueError("--percentages: portions of the videos lie above 0 and at most at 100")
    return Study(
        name=name,
        title="Dataset size",
        source=source,
        heading="dataset (%)",
        x_label="Videos that are trained on (per cent)",
        labels={x: f"{x:g}" for x in (*chosen, *_xs(columns))},
        variants=tuple(Variant(x, network, Portion(x)) for x in chosen),
        published=columns,
        logarithmic=True,
        sized=True,
    )


def dataset_size_siamrpn(
    network: Network, added: str, percentages: Iterable[float] = GROWING_PERCENTAGES
) -> Study:
    """SiamRPN, Fig. 10: all other sources, and a growing portion of the source `added`."""
    chosen = _increasing(percentages)
    if not chosen or chosen[0] < 0 or chosen[-1] > 100:
        raise ValueError("--percentages: portions of the added source lie within 0 and 100")
    return Study(
        name="dataset-size-siamrpn",
        title="Dataset size",
        source=published.RPN_FIGURE_10_SOURCE,
        heading=f"{added} added (%)",
        x_label=f"Videos of {added} that are trained on (per cent)",
        labels={x: f"{x:g}" for x in (*chosen, *_xs(published.RPN_FIGURE_10))},
        variants=tuple(
            Variant(x, network, Portion(of_sources=((added, x),) if x < 100 else ()))
            for x in chosen
        ),
        published=published.RPN_FIGURE_10,
        notes=(
            "The paper's figure has more points, on VOT2015 and VOT2016; its text names these two, "
            "without and with YouTube-BB.",
        ),
        sized=True,
    )


def anchor_ratios(network: Network, added: str | None = None) -> Study:
    """SiamRPN, Table 3: three, five and seven ratios; without and with the source `added`.

    Raises:
      ValueError: the network has no anchors.
    """
    if not isinstance(network, SiamRPNNetwork):
        raise ValueError("--study=anchor-ratios: SiamFC has no anchors; give --network=siamrpn")
    labels = {float(anchors.count): f"A{anchors.count}" for anchors in (A3, A5, A7)}
    return Study(
        name="anchor-ratios",
        title="Anchor ratios",
        source=published.RPN_TABLE_3_SOURCE,
        heading="ratios",
        x_label="Anchor ratios",
        labels=labels,
        variants=tuple(
            Variant(anchors.count, dataclasses.replace(network, anchors=anchors), portion, series)
            for series, portion in _without_and_with(added)
            for anchors in (A3, A5, A7)
        ),
        published=published.RPN_TABLE_3,
    )


def center_size(
    network: Network,
    tracking: Tracking | None = None,
    sizes: Iterable[int] = (),
    added: str | None = None,
) -> Study:
    """SiamRPN, Fig. 11: the proposals of the central g x g cells count.

    Args:
      sizes: g; by default every one from 1 to the cells that the search size gives.

    Raises:
      ValueError: the network proposes nothing, or has not so many cells.
    """
    tracking = tracking or default_tracking(network)
    if not (isinstance(network, SiamRPNNetwork) and isinstance(tracking, SiamRPNTracking)):
        raise ValueError(
            "--study=center-size: is of SiamRPN; give --network=siamrpn or its --model"
        )
    cells = network.cells(tracking.exemplar_size, tracking.search_size)
    chosen = _increasing(sizes or range(1, cells + 1))
    if chosen[0] < 1 or chosen[-1] > cells:
        raise ValueError(
            f"--sizes: a search image of {tracking.search_size} pixels has {cells} x {cells} cells"
        )
    return Study(
        name="center-size",
        title="Centre size",
        source=published.RPN_FIGURE_11_SOURCE,
        heading="centre size",
        x_label="Centre size (cells)",
        labels={x: f"{x:g}" for x in chosen},
        variants=tuple(
            Variant(x, network, portion, series, _with_center(tracking, int(x), cells))
            for series, portion in _without_and_with(added)
            for x in chosen
        ),
        notes=(
            "Published, without numbers in the text: on VOT2015 and VOT2016, trained with "
            "YouTube-BB, EAO grows with the size; trained without, it is best at 4.",
        ),
    )


def scales(network: Network) -> Study:
    """SiamFC v2, Table 2 and §4.1: 3 and 5 scales of one trained network.

    Raises:
      ValueError: the network does not search scales.
    """
    if not isinstance(network, SiamFCNetwork):
        raise ValueError("--study=scales: is of SiamFC; give --network=siamfc or its --model")
    return Study(
        name="scales",
        title="3 and 5 scales",
        source=published.SCALES_SOURCE,
        heading="scales",
        x_label="Scales",
        labels={3: "3 (SiamFC-3s)", 5: "5 (SiamFC)"},
        variants=tuple(
            Variant(tracking.n_scales, network, tracking=tracking)
            for tracking in (SIAMFC_3S_PAPER, SIAMFC_PAPER)
        ),
        published=published.SCALES,
        notes=(
            "The paper's overall EAO on VOT2016 is the mean of two experiments, baseline and "
            "unsupervised. Its AUCs on OTB-13 stand in plots (Fig. 3), not in the text.",
        ),
        timed=True,
    )


def _without_and_with(added: str | None) -> tuple[tuple[str, Portion], ...]:
    if added is None:
        return (("", Portion()),)
    return (
        (f"without {added}", Portion(of_sources=((added, 0.0),))),
        (f"with {added}", Portion()),
    )


def _with_center(tracking: SiamRPNTracking, size: int, cells: int) -> SiamRPNTracking:
    return dataclasses.replace(tracking, center_cells=size if size < cells else 0)


def _increasing(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(sorted({float(value) for value in values}))


def _xs(columns: tuple[PublishedColumn, ...]) -> tuple[float, ...]:
    return tuple(float(x) for column in columns for x in column.values)
