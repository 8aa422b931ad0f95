"""A disk that is full while crops, shards or a training's files are written.

Where namespaces may be made, a command writes to a real file system of a few kilobytes in memory
(tmpfs), which is then enlarged, as one would free space, and the command run again. Elsewhere a
limit on the size of single files (RLIMIT_FSIZE) takes its place, and is then lifted.
"""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from experiments.faults.outcomes import Ended, Outcome, Row, Trial, judge_exit
from experiments.faults.world import World, finish

# $1: folder to write to, $2: bytes that it has room for; the rest: the command. Beside the folder
# lie afterwards what the command said at first, and what there is after it was run again.
_FIRST_AND_AGAIN = """
place=$1; shift 2
(%s "$@") >"$place.out" 2>"$place.err"; echo $? >"$place.code"
%s "$@" >/dev/null; code=$?
cp -a "$place" "$place.kept"
exit $code
"""
_ON_TMPFS = 'mount -t tmpfs -o size="$2" tmpfs "$1" || exit 99' + _FIRST_AND_AGAIN % (
    "",
    'mount -o remount,size=1g "$place";',
)
_WITH_LIMIT = "limit=$(($2 / 512))" + _FIRST_AND_AGAIN % ('ulimit -f "$limit";', "")


@dataclass(frozen=True)
class Writer:
    """A command that writes to a folder.

    Attributes:
      what: its files, as the table calls them.
      command: the command, given the folder.
      undisturbed: the folder when all is written.
      result: what is to be compared.
      shares: of the room that is needed, how much there is, at each trial.
    """

    what: str
    command: Callable[[Path], list[str]]
    undisturbed: Path
    result: Callable[[Path], object]
    shares: Sequence[float]


def disk_faults(world: World, work: Path, writers: Sequence[Writer]) -> Iterator[Row]:
    """A row for each writer: it must say that the disk is full, keep what is finished, and then,
    with room enough, come to the undisturbed result."""
    kind = "tmpfs" if _may_mount(work) else "RLIMIT_FSIZE"
    for writer in writers:
        trials = tuple(
            _fill(world, writer, work / f"full-{writer.what.replace(' ', '-')}-{number}", share)
            for number, share in enumerate(writer.shares)
        )
        yield Row(f"full disk, {writer.what} ({kind})", trials, Outcome.DETECTED)


def _fill(world: World, writer: Writer, place: Path, share: float) -> Trial:
    place.mkdir()
    needed = sum(file.stat().st_size for file in writer.undisturbed.rglob("*") if file.is_file())
    if _may_mount(place.parent):
        shell = ["unshare", "-rm", "sh", "-c", _ON_TMPFS]
    else:
        files = (file.stat().st_size for file in writer.undisturbed.rglob("*") if file.is_file())
        shell, needed = ["sh", "-c", _WITH_LIMIT], max(files)
    words = ["sh", str(place), str(int(share * needed)), *writer.command(place)]
    again = finish(world.start([*shell, *words]))
    if again.code:
        return Trial(Outcome.SILENT, f"with room enough: {judge_exit(again, [place]).said}")
    if writer.result(_beside(place, "kept")) != writer.result(writer.undisturbed):
        return Trial(Outcome.SILENT, "with room enough, another result")
    code, out, err = (_beside(place, suffix).read_text() for suffix in ("code", "out", "err"))
    return judge_exit(Ended(int(code), out, err), [place])


def _beside(place: Path, suffix: str) -> Path:
    return place.with_name(f"{place.name}.{suffix}")


@cache
def _may_mount(place: Path) -> bool:
    """Whether a file system may be mounted in a namespace of one's own."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False
