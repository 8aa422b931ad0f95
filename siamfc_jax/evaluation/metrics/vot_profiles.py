"""What the VOT toolkits do differently with the same result files, one profile each."""

from collections.abc import Mapping
from dataclasses import dataclass

from siamfc_jax.evaluation.metrics.vot_fragments import (
    Fragments,
    pysot_fragments,
    python_fragments,
    toolkit_fragments,
)
from siamfc_jax.evaluation.metrics.vot_overlap import Bounds, OverlapRule, overlap
from siamfc_jax.evaluation.regions import Region


@dataclass(frozen=True)
class VotProfile:
    """One toolkit's definition of accuracy, robustness and expected overlap.

    Attributes:
      name, summary: for --help and reports; the summary is one line that says how it differs.
      rule: how overlap is rasterised.
      fragments: how a run falls into fragments for the expected overlap.
      per_sequence: accuracy and robustness are means over sequences, weighted by length; else over
        frames. There, R is failures per sequence; else per 100 frames.
      runs_weigh: a fragment weighs 1 whatever the number of repetitions; else its part.
      all_or_first: repetitions count if there are 15, else the first alone.
      inner_bounds: expected overlap and failures are bounded by (W - 1, H - 1), not (W, H).
      first_length: added to both ends of the range of lengths.
      to_longest_fragment: the curve of expected overlap ends with the longest fragment; else with
        the longest sequence.
    """

    name: str
    summary: str
    rule: OverlapRule = "classic"
    fragments: Fragments = toolkit_fragments
    per_sequence: bool = False
    runs_weigh: bool = False
    all_or_first: bool = False
    inner_bounds: bool = True
    first_length: int = 0
    to_longest_fragment: bool = False

    def accuracy_bounds(self, size: tuple[int, int]) -> Bounds:
        """Of accuracy, in frames of `size` (width, height)."""
        return None if self.rule == "legacy" else size

    def expected_bounds(self, size: tuple[int, int]) -> Bounds:
        """Of expected overlap."""
        inner = self.inner_bounds and self.rule != "legacy"
        return (size[0] - 1, size[1] - 1) if inner else self.accuracy_bounds(size)

    def overlap_in(self, size: tuple[int, int], region: Region, truth: Region) -> float:
        """Overlap that decides on a failure while a tracker runs; NaN where one is unknown."""
        return overlap(region, truth, self.expected_bounds(size), self.rule)


VOT_PROFILES: Mapping[str, VotProfile] = {
    profile.name: profile
    for profile in (
        VotProfile(
            "vot-classic",
            "as the VOT toolkit (MATLAB) until April 2019, which gave all published results of "
            "VOT2016 to VOT2018: rectangles reach x..x+w",
        ),
        VotProfile(
            "vot-2019",
            "as the VOT toolkit (MATLAB) since April 2019: rectangles reach x..x+w-1; A is greater "
            "by .002 to .007, EAO by .001 to .005",
            rule="2019",
        ),
        VotProfile(
            "vot-legacy",
            "as the VOT toolkit (MATLAB) in VOT2013 to VOT2015: the older raster, regions count "
            "outside the frame, too",
            rule="legacy",
        ),
        VotProfile(
            "vot-python",
            "as vot-toolkit (Python): rounded regions, A and R as means over sequences, R counts "
            "failures per sequence, late failures lower EAO, whose range begins a frame later",
            rule="python",
            fragments=python_fragments,
            per_sequence=True,
            runs_weigh=True,
            inner_bounds=False,
            first_length=1,
            to_longest_fragment=True,
        ),
        VotProfile(
            "pysot",
            "as pysot's toolkit: vot-classic, but a failure five frames before the end lowers EAO, "
            "and repetitions count only if there are 15",
            fragments=pysot_fragments,
            all_or_first=True,
        ),
    )
}


def vot_profile(name: str) -> VotProfile:
    """The profile of that name. Raises ValueError, naming those there are."""
    if name not in VOT_PROFILES:
        raise ValueError(f"no profile {name!r}; there are {', '.join(VOT_PROFILES)}")
    return VOT_PROFILES[name]
