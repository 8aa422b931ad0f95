"""What is known of OTB's 100 sequences beyond their folders: spans, lists, attributes, names."""

import functools
from importlib import resources
from typing import NamedTuple

OTB_LISTS = ("OTB-2013", "OTB-50", "OTB-100")
"""Of 51, 50 and 100 sequences."""

_FIRST_FRAMES_OMITTED = {"Tiger1": 5}
_SEPARATORS = ("-", "_", ".", " ", "")


class OtbFacts(NamedTuple):
    """One sequence of OTB-100.

    Attributes:
      name: as tb_100.txt spells it ("Basketball", "Jogging-2", "Human4-2").
      first, last: numbers of its first and last annotated frame; row 0 of the annotation is the
        first's.
      digits: of the number in the names of its image files.
      lists: those of OTB_LISTS that hold it.
      attributes: its codes.
      omitted: intervals of frame numbers (first, last) where no segment of TRE begins.
    """

    name: str
    first: int
    last: int
    digits: int
    lists: frozenset[str]
    attributes: frozenset[str]
    omitted: tuple[tuple[int, int], ...]

    @property
    def skipped(self) -> int:
        """Rows of the annotation before the first evaluated frame: 5 of Tiger1, else none."""
        return _FIRST_FRAMES_OMITTED.get(self.name, 0)

    @property
    def length(self) -> int:
        """Number of evaluated frames."""
        return self.last - self.first + 1 - self.skipped


@functools.cache
def otb_facts() -> dict[str, OtbFacts]:
    """The 100 sequences by name, in the order of OTB's lists."""
    text = resources.files(__package__).joinpath("otb_sequences.txt").read_text(encoding="utf-8")
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {row[0]: _facts(*row) for row in rows}


def canonical_name(name: str) -> str:
    """OTB's spelling of a sequence that some release spells otherwise; other names unchanged.

    "basketball", "jogging_1", "Skating2.1" and "Human4" (whose second target alone is evaluated)
    are "Basketball", "Jogging-1", "Skating2-1" and "Human4-2".
    """
    return _spellings().get(name.strip().lower(), name)


def otb_spellings(name: str) -> tuple[str, ...]:
    """Every spelling, in small letters, of one of OTB's sequences; none of others."""
    known = canonical_name(name)
    return tuple(spelling for spelling, one in _spellings().items() if one == known)


@functools.cache
def _spellings() -> dict[str, str]:
    spellings = {"human4": "Human4-2"}
    for name in otb_facts():
        folder, _, target = name.partition("-")
        for separator in _SEPARATORS if target else ("",):
            spellings[f"{folder}{separator}{target}".lower()] = name
    return spellings


def _facts(
    name: str, first: str, last: str, digits: str, lists: str, attributes: str, omitted: str
) -> OtbFacts:
    return OtbFacts(
        name=name,
        first=int(first),
        last=int(last),
        digits=int(digits),
        lists=frozenset(f"OTB-{key}" for key in lists.split(",")),
        attributes=frozenset(attributes.split(",")),
        omitted=() if omitted == "-" else tuple(map(_interval, omitted.split(","))),
    )


def _interval(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last)
