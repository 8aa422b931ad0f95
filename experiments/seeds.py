"""The same training from several seeds: mean and standard deviation of what comes of it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from experiments.metric_log import finite_or_none
from experiments.run_record import write_json
from experiments.training_loop import TrainingResult
from experiments.training_plan import TrainingPlan
from experiments.training_run import train


class Spread(NamedTuple):
    """Mean and sample standard deviation over the seeds (0 for one seed)."""

    mean: float
    std: float


def train_seeds(
    plan: TrainingPlan,
    seeds: Sequence[int],
    *,
    flags: str = "",
    should_stop: Callable[[], bool] = lambda: False,
) -> list[TrainingResult]:
    """Train once per seed, into `seed_<n>/` below `plan.out` (into it for a single seed).

    Finished runs are not repeated, so that an interrupted series goes on where it stopped.
    """
    results = []
    for seed in seeds:
        out = plan.out / f"seed_{seed}" if len(seeds) > 1 else plan.out
        one = dataclasses.replace(plan, seed=seed, out=out)
        results.append(train(one, flags=flags, should_stop=should_stop))
        if not results[-1].finished:
            break
    if jax.process_index() == 0 and len(seeds) > 1 and all(result.finished for result in results):
        table = {k: finite_or_none(value._asdict()) for k, value in summary(results).items()}
        write_json(plan.out / "seeds.json", {"seeds": list(seeds), "over_seeds": table})
    return results


def summary(results: Sequence[TrainingResult]) -> dict[str, Spread]:
    """Spread of every validation figure that all runs have; `mean_auc` is that of the tracked
    videos' mean."""
    rows = []
    for result in results:
        row = {f"pairs/{name}": value for name, value in result.pairs.items()}
        row |= {f"videos/{name}": value for name, value in result.videos.items()}
        if result.videos:
            row["mean_auc"] = float(np.mean(list(result.videos.values())))
        rows.append(row)
    common = [name for name in rows[0] if all(name in row for row in rows)]
    return {name: _spread([row[name] for row in rows]) for name in common}


def _spread(values: Sequence[float]) -> Spread:
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return Spread(float(np.mean(values)), std)
