"""What SiamRPN's tracking loop can be told, and the presets of the paper and of released code.

"Release" names what all public trackers of the authors do (DaSiamRPN, PySOT) with the penalty,
window and damping that PySOT has for AlexNet. "Paper" adds the strategies of §4.3, which no public
code has; where the paper is silent (penalty, window, damping, K, the overlap) it takes the released
value, or a customary one.
"""

from dataclasses import dataclass

from siamfc_jax.tracking.confidence import UNCALIBRATED, Confidence


@dataclass(frozen=True)
class SiamRPNTracking:
    """Settings of the tracking loop (SiamRPN paper §4.2-4.3).

    Attributes:
      penalty_k: k of exp(-k (r s - 1)), where r and s are how many times a proposal's ratio and
        scale differ from the last box's (eq. 13 prints exp(k r s); released .16, also .22, .055).
      window_influence: weight of the cosine window, whose peak is 1: score (1 - w) + window w
        (released .40, also .42; the paper adds it without a number).
      size_lr: greatest share of the chosen proposal in the new size; it is multiplied by the
        proposal's score and penalty (released .30, also .295; §4.3 "updated by linear
        interpolation").
      exemplar_size, search_size: sides of the crops in pixels (§5.1: 127 and 255; released 271, in
        PySOT 287). 255 gives 17 x 17 cells, 271 19 x 19, 287 21 x 21. DaSiamRPN takes 287 instead
        where the first box is less than .004 of the frame; here targets of one batch share a
        compiled step, and so its size.
      context: margin around the box in units of w + h, both sides together (eq. 14: .5).
      center_cells: only the proposals of the central center_cells x center_cells cells count (§4.3
        "discarding", g = 7); 0 for all, as released.
      top_k: only so many proposals of the highest score count (§4.2); 0 for all, as released.
      nms_overlap: of two proposals with a greater IoU the one that ranks lower is dropped, after
        re-ranking (§4.3). This never drops the first, so it changes what `propose` returns, not
        the box; 0 for no suppression, as released.
      min_size: least width and height of the box in frame pixels (released 10). Above, the frame's
        size limits them, and its borders the centre, as released.
      round_crops: crops start and end on whole frame pixels, as released: always .5 to 1.5 pixels
        to the upper left of the target's centre.
      clip_to_frame: the reported box is cut at the frame's border. Released code does not.
      confidence: what makes a probability of the score, and when a target is lost. It does not
        change the boxes.
    """

    penalty_k: float = 0.16
    window_influence: float = 0.40
    size_lr: float = 0.30
    exemplar_size: int = 127
    search_size: int = 271
    context: float = 0.5
    center_cells: int = 0
    top_k: int = 0
    nms_overlap: float = 0.0
    min_size: float = 10.0
    round_crops: bool = True
    clip_to_frame: bool = False
    confidence: Confidence = UNCALIBRATED

    def __post_init__(self) -> None:
        if self.search_size < self.exemplar_size:
            raise ValueError(
                f"search_size must be at least exemplar_size ({self.exemplar_size}), "
                f"not {self.search_size}"
            )
        if not (0 <= self.window_influence <= 1 and 0 <= self.size_lr <= 1):
            raise ValueError(
                "window_influence and size_lr must lie in 0..1, not "
                f"{self.window_influence:g} and {self.size_lr:g}"
            )
        if min(self.center_cells, self.top_k, self.nms_overlap) < 0 or self.nms_overlap > 1:
            raise ValueError(
                "center_cells and top_k must not be negative, and nms_overlap must lie in 0..1, "
                f"not {self.center_cells}, {self.top_k} and {self.nms_overlap:g}"
            )
        if self.min_size <= 0:
            raise ValueError(f"min_size must be above 0, not {self.min_size:g}")


SIAMRPN_RELEASE = SiamRPNTracking()
"""The released tracking loop."""

SIAMRPN_PAPER = SiamRPNTracking(search_size=255, center_cells=7, top_k=64, nms_overlap=0.7)
"""The paper's search size and proposal selection."""

PRESETS = {"siamrpn-release": SIAMRPN_RELEASE, "siamrpn-paper": SIAMRPN_PAPER}
