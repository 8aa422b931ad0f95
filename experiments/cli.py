"""What the command lines share: help, one-line errors, exit codes, and stopping on a signal."""

import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NoReturn, Self

from absl import app, flags, logging
from tqdm import tqdm

EXIT_USAGE = 2
EXIT_BROKE_OFF = 3

# Which extra brings what is imported only where it is needed.
_EXTRAS = {
    "apache_beam": "beam",
    "google_crc32c": "train",
    "jinja2": "evaluate",
    "matplotlib": "evaluate",
    "nicegui": "studio",
    "onnx": "export",
    "onnxruntime": "export",
    "orbax": "train",
    "selenium": "test",
    "simplejpeg": "train",
    "tensorboardX": "train",
    "tensorflow_datasets": "train",
    "torch": "benchmark",
}


def run(main: Callable[[Sequence[str]], int | None]) -> NoReturn:
    """Parses the flags, calls main(positional arguments), and exits with the code it returns.

    ValueError and OSError, the classes of all errors that a user can put right, become one line
    on stderr and exit code 2. An interrupt becomes 130, SIGTERM 143.
    """
    # JAX tells at level INFO which accelerators it does not find.
    logging.set_verbosity(logging.WARNING)
    signal.signal(signal.SIGTERM, lambda signum, _: sys.exit(128 + signum))
    app.run(lambda args: _guarded(main, args[1:]), argv=sys.argv, flags_parser=_parse)
    raise AssertionError("app.run does not return")


def expect_no_arguments(args: Sequence[str]) -> None:
    """Raises ValueError when there are positional arguments."""
    if args:
        raise ValueError(f"unexpected argument {args[0]!r}; see --help")


def print_error(error: object) -> None:
    text = " ".join(str(error).split())
    # Not behind an open progress bar, but on a line of its own.
    tqdm.write(f"error: {text}", file=sys.stderr)


def progress_bar(total: int | None, unit: str, description: str | None = None) -> tqdm:
    """A bar on stderr: lively in a terminal, a plain line every ten seconds in a log."""
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        unit=unit,
        desc=description,
        ascii=not terminal,
        mininterval=0.2 if terminal else 10.0,
    )


def _guarded(main: Callable[[Sequence[str]], int | None], args: Sequence[str]) -> int:
    try:
        return main(args) or 0
    except (ValueError, OSError) as error:
        print_error(error)
        return EXIT_USAGE
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        extra = _EXTRAS[package]
        print_error(f"{package} is not installed; pip install '.[{extra}]' in the checkout")
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 128 + signal.SIGINT


def _parse(argv: Sequence[str]) -> list[str]:
    if "--help" in argv or "-h" in argv:
        app.usage(shorthelp=True, writeto_stdout=True)
        sys.exit(0)
    try:
        return flags.FLAGS(list(argv))
    except flags.Error as error:
        print_error(f"{error}; see --help")
        sys.exit(EXIT_USAGE)


class StopSignals:
    """While in its `with` block, the first Ctrl-C or SIGTERM is only noted; a second one stops
    the program at once."""

    def __init__(self) -> None:
        self.received: int | None = None

    def __enter__(self) -> Self:
        self._previous = {
            signum: signal.signal(signum, self._note) for signum in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    def stop_if_received(self) -> None:
        """To call where it is safe to stop: raises what stops the program with its exit code."""
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        if self.received is not None:
            sys.exit(128 + self.received)

    def _note(self, signum: int, _: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = signum


def by_label(
    flag: flags.FlagHolder, number: Callable[[str], Any], form: str, example: str
) -> dict[str, Any]:
    """The numbers of a list LABEL:number; raises ValueError: one is none, such as `example` is."""
    numbers = {}
    for text in flag.value:
        label, _, value = text.rpartition(":")
        try:
            numbers[label] = number(value)
        except ValueError:
            raise ValueError(
                f"--{flag.name}: {text!r} is no LABEL:{form}, such as {example}"
            ) from None
    return numbers
