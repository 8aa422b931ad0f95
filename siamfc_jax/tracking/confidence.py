"""How sure a box is: the score, calibrated to a probability, and the threshold of being lost."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

# The greatest float32 below 1 is 6e-8 less.
_LEAST, _GREATEST = 1e-7, 1 - 1e-7


@dataclass(frozen=True)
class Confidence:
    """A logistic regression on the score's logit (Platt scaling), fitted by
    `experiments.calibrate`. Without one, the confidence is the score, and nothing is ever lost.

    Nothing else in the response, its sharpness or height over the sidelobes, foretold held-out
    videos better than the score alone does; the command prints the comparison.

    Attributes:
      bias, gain: confidence = logistic(bias + gain logit(score)).
      lost_below: confidence below which a target is lost; 0 for never.
    """

    bias: float = 0.0
    gain: float = 1.0
    lost_below: float = 0.0

    def __post_init__(self) -> None:
        for name in ("bias", "gain", "lost_below"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be a finite number, not {getattr(self, name)}")
        if self.gain <= 0:
            raise ValueError(f"gain must be above 0, not {self.gain:g}")
        if not 0 <= self.lost_below <= 1:
            raise ValueError(f"lost_below must lie in 0..1, not {self.lost_below:g}")

    def of(self, score_T: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Confidence [T] float32 in 0..1 and lost [T] bool for scores [T] in 0..1."""
        confidence_T = score_T
        if (self.bias, self.gain) != (0.0, 1.0):
            inside = jnp.clip(score_T, _LEAST, _GREATEST)
            # 1 - inside is exact from .5 on; log1p has no counterpart in ONNX.
            logit = jnp.log(inside) - jnp.log(1 - inside)
            confidence_T = jax.nn.sigmoid(self.bias + self.gain * logit)
        return confidence_T, confidence_T < self.lost_below

    @staticmethod
    def of_given(count: int) -> tuple[jax.Array, jax.Array]:
        """The same for boxes that were given: sure, and not lost."""
        return jnp.ones(count, jnp.float32), jnp.zeros(count, bool)


UNCALIBRATED = Confidence()
"""The score itself; never lost."""
