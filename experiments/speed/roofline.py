"""How close the training step and its parts come to what this device can compute and copy.

Nothing is looked up: the device's peaks are measured in the same run, as the fastest product of
two large matrices in the type of the activations and the fastest pass over a large array.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.speed.precision import activations, in_each
from experiments.speed.results import Result
from experiments.speed.settings import BenchmarkSettings
from experiments.speed.step_parts import Part, step_parts
from experiments.speed.timing import Work, take_turns
from experiments.speed.training import is_out_of_memory
from siamfc_jax.tracking.online import Model

_HEAD = (
    ("", "nominal", "XLA's", "XLA's", "", "nominal", "of", "", "of", ""),
    ("part", "GFLOP", "GFLOP", "GB", "ms", "TFLOP/s", "peak", "GB/s", "peak", "bound by"),
)
_LEGEND = """\
  nominal: two operations for every weight of every output of the convolutions, forward and back;
  tricks like Winograd's need fewer, so that more than 100 % is possible. XLA's: its own count of
  what it compiled, in which the body of a loop counts once; GB are at least those of arguments and
  results. Bound by: which peak would be reached first at this ratio of GFLOP to GB."""


class Peaks(NamedTuple):
    """Of this device: operations per second, and bytes read and written per second."""

    flops: float
    bytes: float


class Measured(NamedTuple):
    """A part of the step.

    Attributes:
      nominal_flops: by its shapes; 0 where nothing is convolved.
      xla_flops: by XLA's analysis of what it compiled, NaN where it does not tell.
      xla_bytes: likewise, or the bytes of arguments and results where these are more.
      seconds: of one call.
    """

    name: str
    nominal_flops: float
    xla_flops: float
    xla_bytes: float
    seconds: float


def roofline_row(settings: BenchmarkSettings, model: Model) -> list[Result]:
    """A table for every type, at the largest of the batches."""
    batch = max(settings.batches)
    for compute in in_each(settings.compute):
        peaks = measure_peaks(compute, settings.seconds / 10)
        search = settings.training(model.network, batch, compute).search_size
        print(f"roofline of training, {compute}, batch {batch}, search {search}")
        print(f"  measured peaks: {peaks.flops / 1e12:.3f} TFLOP/s, {peaks.bytes / 1e9:.1f} GB/s")
        measured = []
        for part in step_parts(settings, model.network, batch, compute):
            try:
                measured.append(_measure(part, settings.seconds / 10))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                print(f"  {part.name}: does not fit into the device's memory")
        print(format_roofline(measured, peaks))
        print(_LEGEND)
    return []


def measure_peaks(compute: str, seconds: float) -> Peaks:
    """The best that is reached in `seconds` for each peak."""
    on_cpu = jax.default_backend() == "cpu"
    side, numbers = (2048, 2**26) if on_cpu else (8192, 2**28)
    numbers_of_matrix = jnp.sin(jnp.arange(side**2, dtype=jnp.float32))
    matrix = numbers_of_matrix.reshape(side, side).astype(activations(compute))
    # In place, for the pages of a fresh array would have to be mapped first.
    add = jax.jit(lambda array: array + 1, donate_argnums=0)
    holder = [jnp.zeros(numbers, jnp.float32)]

    def pass_over() -> jax.Array:
        holder[0] = add(holder[0])
        return holder[0]

    works = {
        "product": Work(lambda: jnp.matmul(matrix, matrix)),
        "pass": Work(pass_over),
    }
    times = take_turns(works, 2 * seconds, burst_seconds=seconds / 10)
    return Peaks(2 * side**3 / min(times["product"]), 2 * 4 * numbers / min(times["pass"]))


def format_roofline(measured: Sequence[Measured], peaks: Peaks) -> str:
    """A table with a line for every part."""
    rows = [*_HEAD, *(_row(part, peaks) for part in measured)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(["", row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in rows
    )


def _row(part: Measured, peaks: Peaks) -> tuple[str, ...]:
    flops, traffic = part.nominal_flops / part.seconds, part.xla_bytes / part.seconds
    computes = part.nominal_flops * peaks.bytes > part.xla_bytes * peaks.flops
    return (
        part.name,
        _number(part.nominal_flops / 1e9, 2),
        _number(part.xla_flops / 1e9, 2),
        _number(part.xla_bytes / 1e9, 3),
        _number(part.seconds * 1e3, 2),
        _number(flops / 1e12, 3),
        _number(100 * flops / peaks.flops, 1, " %"),
        _number(traffic / 1e9, 1),
        _number(100 * traffic / peaks.bytes, 1, " %"),
        "computing" if computes else "memory",
    )


def _number(value: float, digits: int, unit: str = "") -> str:
    return f"{value:.{digits}f}{unit}" if value > 0 else "-"


def _measure(part: Part, seconds: float) -> Measured:
    program, begin = part.compile()
    times = take_turns({part.name: Work(begin)}, seconds, burst_seconds=seconds / 5)
    cost = program.cost_analysis() or {}
    memory = program.memory_analysis()
    least = memory.argument_size_in_bytes + memory.output_size_in_bytes
    return Measured(
        part.name,
        part.flops,
        cost.get("flops", math.nan),
        max(cost.get("bytes accessed", 0.0), least),
        float(np.median(times[part.name])),
    )
