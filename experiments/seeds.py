"""The same training from several seeds: mean and standard deviation of what comes of it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.run_record import write_json
from experiments.training_run import TrainingPlan, TrainingResult, train


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
    if len(seeds) > 1 and all(result.finished for result in results):
        table = {name: value._asdict() for name, value in summary(results).items()}
        write_json(plan.out / "seeds.json", {"seeds": list(seeds), "over_seeds": table})
    return results


def summary(results: Sequence[TrainingResult]) -> dict[str, Spread]:
    """Spread of every validation figure; `mean_auc` is that of the tracked videos' mean."""
    rows = []
    for result in results:
        row = {f"pairs/{name}": value for name, value in result.pairs.items()}
        row |= {f"videos/{name}": value for name, value in result.videos.items()}
        if result.videos:
            row["mean_auc"] = float(np.mean(list(result.videos.values())))
        rows.append(row)
    return {name: _spread([row[name] for row in rows]) for name in rows[0]}


def _spread(values: Sequence[float]) -> Spread:
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return Spread(float(np.mean(values)), std)
