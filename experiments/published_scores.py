"""Do our metrics print what was published? Published raw results, scored beside their scores.

    python -m experiments.published_scores --golden=GOLDEN

GOLDEN holds the raw results in otb/, vot/ and lasot/ (its README says which); they are no part of
the project. A line per number: ours, the published one, whether they agree, and the seconds that
scoring took. Exit code 1 if one differs.
"""

import resource
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from absl import flags

from experiments import cli

_GOLDEN = flags.DEFINE_string("golden", None, "Folder of published raw results.")


def main(args: Sequence[str]) -> int:
    cli.expect_no_arguments(args)
    if _GOLDEN.value is None:
        raise ValueError("--golden=FOLDER: give the folder that holds otb/, vot/ and lasot/")
    return 0 if print_checks(Path(_GOLDEN.value)) else 1


def print_checks(folder: Path) -> bool:
    """Print all checks; whether every one holds. Raises ResultError when a file is missing."""
    from experiments.published import checks

    print(f"{'':<62}{'ours':>10}{'published':>11}{'':>8}{'seconds':>9}")
    everything = chain(
        checks.otb_curve_checks(folder / "otb"),
        checks.otb_score_checks(folder / "otb"),
        checks.vot_checks(folder / "vot"),
        checks.lasot_checks(folder / "lasot"),
    )
    all_hold, count = True, 0
    for check in everything:
        ours, published = (f"{x:.{check.digits}f}" for x in (check.ours, check.published))
        seconds = "" if check.seconds is None else f"{check.seconds:.2f}"
        verdict = "ok" if check.holds else "DIFFERS"
        print(f"{check.what:<62}{ours:>10}{published:>11}{verdict:>8}{seconds:>9}")
        all_hold &= check.holds
        count += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = peak / (2**20 if sys.platform == "darwin" else 2**10)
    print(
        f"{count} numbers, {'all as published' if all_hold else 'NOT all as published'}; ", end=""
    )
    print(f"peak memory {megabytes:.0f} MB")
    return all_hold


if __name__ == "__main__":
    cli.run(main)
