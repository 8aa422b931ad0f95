"""What an evaluation ends with."""

from collections.abc import Iterable
from typing import TypeVar

from experiments import cli
from siamfc_jax.evaluation.scores import CurveScores, VotScores

S = TypeVar("S", bound=CurveScores | VotScores)


class Evaluated(list[S]):
    """The scores of every protocol and tracker, in the order in which they were printed.

    Attributes:
      missing: what the benchmark on disk lacks, a line each.
    """

    def __init__(self, scores: Iterable[S], missing: Iterable[str] = ()) -> None:
        super().__init__(scores)
        self.missing = tuple(missing)

    @property
    def exit_code(self) -> int:
        """0 where everything that is due has been scored."""
        incomplete = self.missing or any(one.problems for one in self)
        return cli.EXIT_BROKE_OFF if incomplete else 0
