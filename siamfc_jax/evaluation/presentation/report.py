"""A report of one HTML file: tables, plots, worst cases; nothing is fetched from anywhere."""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import jinja2
from markupsafe import Markup

from siamfc_jax.durable import write_whole
from siamfc_jax.evaluation.presentation.measures import Interval, Intervals
from siamfc_jax.evaluation.presentation.paired import Pairing, paired_table
from siamfc_jax.evaluation.presentation.pictures import Picture, jpeg
from siamfc_jax.evaluation.presentation.published import Published
from siamfc_jax.evaluation.presentation.sections import Section, curve_section, vot_section
from siamfc_jax.evaluation.scores import CurveScores, VotScores

_TEMPLATES = Path(__file__).with_name("templates")

Scores = CurveScores | VotScores


class Condition(NamedTuple):
    """What a reader must know of a tracker's results before its numbers; `carried`: frames without
    a usable box or region."""

    tracker: str
    where: str
    scored: int
    missing: tuple[tuple[str, str], ...]
    carried: int
    invalid: int

    @property
    def has_flaws(self) -> bool:
        return bool(self.carried or self.invalid)


class _Shot(NamedTuple):
    caption: str
    description: str
    source: str


class _Case(NamedTuple):
    sequence: str
    shots: list[_Shot]


def write_report(
    path: Path | str,
    scores: Sequence[Scores],
    *,
    title: str = "Tracker evaluation",
    settings: Mapping[str, str] | None = None,
    missing: Sequence[str] = (),
    intervals: Intervals = (),
    references: Sequence[Published] = (),
    paired: Sequence[Pairing] = (),
    pictures: Iterable[Picture] = (),
) -> Path:
    """Write the report and return its path.

    Args:
      path: of the file; an older one is replaced once the new one is complete.
      scores: of any trackers and benchmarks; those of one benchmark, protocol and profile share a
        section, in the order they come in.
      title: heading of the page.
      settings: name -> text: the profile and its definition, versions, the command, ...
      missing: what the benchmark on disk lacks, a line each.
      intervals: for each of `scores`, measure's key ("auc", "eao", ...) -> (low, high); or empty.
      references: published scores; each is shown in the sections of its benchmark and protocol.
      paired: comparisons of two trackers.
      pictures: e.g. from `pictures.worst_frames`; neighbours of one tracker and sequence make a
        case. They are taken one at a time.

    Raises:
      ValueError: there are no scores, or their number is not that of the intervals.
      StorageError: the place cannot be written.
    """
    if not scores:
        raise ValueError("a report needs the scores of at least one tracker")
    if intervals and len(intervals) != len(scores):
        raise ValueError(f"{len(intervals)} sets of intervals for {len(scores)} scores")
    script = (_TEMPLATES / "report.js").read_text("utf-8")
    page = (
        _environment()
        .get_template("report.html")
        .render(
            title=title,
            settings=settings or {},
            missing=missing,
            conditions=[_condition(one) for one in scores],
            sections=_sections(scores, intervals, references),
            paired=paired_table(paired) if paired else None,
            cases=[(tracker, _cases(own)) for tracker, own in groupby(pictures, _tracker)],
            style=Markup((_TEMPLATES / "report.css").read_text("utf-8")),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )
    path = Path(path)
    write_whole(path, page.encode())
    return path


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _sections(
    scores: Sequence[Scores], intervals: Intervals, references: Sequence[Published]
) -> list[Section]:
    groups: dict[tuple[str, str, str], list[int]] = {}
    for place, one in enumerate(scores):
        groups.setdefault((one.benchmark, _protocol(one), one.profile), []).append(place)
    sections = []
    for number, ((benchmark, protocol, _), places) in enumerate(groups.items()):
        own_intervals: list[Mapping[str, Interval]] = (
            [intervals[place] for place in places] if intervals else []
        )
        own_references = [
            row for row in references if (row.benchmark, row.protocol) == (benchmark, protocol)
        ]
        curves = [one for one in (scores[i] for i in places) if isinstance(one, CurveScores)]
        challenge = [one for one in (scores[i] for i in places) if isinstance(one, VotScores)]
        if curves:
            section = curve_section(f"s{number}", curves, own_intervals, own_references)
        else:
            section = vot_section(f"s{number}", challenge, own_intervals, own_references)
        sections.append(section)
    return sections


def _protocol(scores: Scores) -> str:
    return scores.protocol if isinstance(scores, CurveScores) else scores.experiment


def _condition(scores: Scores) -> Condition:
    carried = scores.carried if isinstance(scores, CurveScores) else scores.unknown
    return Condition(
        scores.tracker,
        f"{scores.benchmark}, {_protocol(scores)}",
        len(scores.names),
        tuple(scores.problems.items()),
        int(carried.sum()),
        int(scores.invalid.sum()),
    )


def _cases(pictures: Iterable[Picture]) -> list[_Case]:
    return [
        _Case(sequence, [_shot(picture) for picture in own])
        for sequence, own in groupby(pictures, lambda picture: picture.sequence)
    ]


def _tracker(picture: Picture) -> str:
    return picture.tracker


def _shot(picture: Picture) -> _Shot:
    if picture.overlap == picture.overlap:
        said = f"overlap {picture.overlap:.2f}"
    elif picture.box is None:
        said = "no box of the tracker"
    else:
        said = "no annotation"
    caption = f"frame {picture.frame}: {said}"
    encoded = base64.b64encode(jpeg(picture)).decode()
    return _Shot(
        caption,
        f"{picture.sequence}, {caption}; truth green and dashed, tracker red",
        f"data:image/jpeg;base64,{encoded}",
    )
