"""Parts of a benchmark: by name, attribute, or published list."""

import difflib
from collections.abc import Iterable

from siamfc_jax.evaluation.benchmarks.lasot import lasot_test_names
from siamfc_jax.evaluation.benchmarks.otb_facts import OTB_LISTS, canonical_name, otb_facts
from siamfc_jax.evaluation.sequences import Sequence, SequenceError

_SHOWN = 12


def list_names(list_name: str) -> tuple[str, ...]:
    """Names of the sequences of "OTB-2013", "OTB-50", "OTB-100" or "LaSOT-test".

    Raises:
      SequenceError: no such list; the message tells which there are.
    """
    lists = {
        **{name: tuple(n for n, f in otb_facts().items() if name in f.lists) for name in OTB_LISTS},
        "LaSOT-test": lasot_test_names(),
    }
    return lists[_known(list_name, lists, "list of sequences")]


def subset(
    sequences: Iterable[Sequence],
    *,
    names: Iterable[str] | None = None,
    attribute: str | None = None,
    list_name: str | None = None,
) -> list[Sequence]:
    """The sequences that meet every condition given, in their order.

    Args:
      names: of sequences, in any case, OTB's in any spelling.
      attribute: a code, in any case.
      list_name: as for `list_names`; `completeness.missing` tells which of them are not there.

    Raises:
      SequenceError: an unknown name, attribute or list, with close spellings; or nothing is left.
    """
    everything = list(sequences)
    wanted = chosen_names([sequence.name for sequence in everything], names)
    chosen = [sequence for sequence in everything if sequence.name in wanted]
    if attribute is not None:
        codes = sorted(frozenset[str]().union(*(sequence.attributes for sequence in chosen)))
        code = _known(attribute, codes, "attribute")
        chosen = [sequence for sequence in chosen if code in sequence.attributes]
    if list_name is not None:
        members = set(list_names(list_name))
        chosen = [sequence for sequence in chosen if sequence.name in members]
    if not chosen:
        raise SequenceError(
            f"no sequence is left of those asked for (list {list_name}, attribute {attribute}); "
            "ask for less at a time"
        )
    return chosen


def chosen_names(there: Iterable[str], names: Iterable[str] | None = None) -> list[str]:
    """The names among `there` that are asked for as for `subset`, in their order; None: all.

    Raises:
      SequenceError: unknown names, all of them.
    """
    chosen = list(there)
    if names is None:
        return chosen
    wanted, unknown = set(), []
    for name in names:
        try:
            wanted.add(_known(name, chosen, "sequence"))
        except SequenceError as error:
            unknown.append(str(error))
    if unknown:
        raise SequenceError("; ".join(unknown))
    return [name for name in chosen if name in wanted]


def smallest_list(names: Iterable[str]) -> tuple[str, ...]:
    """Names of the smallest of OTB's published lists that holds all of `names`; none without."""
    found = set(names)
    lists = sorted(map(list_names, OTB_LISTS), key=len)
    return next((members for members in lists if found <= set(members)), ())


def _known(wanted: str, known: Iterable[str], what: str) -> str:
    by_key = {name.lower(): name for name in known}
    for spelling in (wanted, canonical_name(wanted)):
        if spelling.lower() in by_key:
            return by_key[spelling.lower()]
    close = difflib.get_close_matches(wanted.lower(), by_key, n=3)
    hint = " or ".join(by_key[key] for key in close)
    there = f"did you mean {hint}?" if hint else f"there are {shortened(tuple(by_key.values()))}"
    raise SequenceError(f"no {what} {wanted!r}; {there}")


def shortened(names: tuple[str, ...]) -> str:
    """The first names of many, for a line of text."""
    shown = ", ".join(names[:_SHOWN]) or "none"
    return shown if len(names) <= _SHOWN else f"{shown}, ... ({len(names)} in all)"
