"""A study carried out: pairs, trainings and evaluations, none of which is made twice."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax

from data_prep.crops.index import open_index
from experiments import cli
from experiments.run_record import RunError, open_run, read_json, write_json
from experiments.studies.judging import Benchmarks, Judgement, judge
from experiments.studies.pairs import Pairs, PairSource, pairs_of
from experiments.studies.speed import frames_per_second
from experiments.studies.variants import Measure, Measured, Study, Variant
from experiments.training_plan import TrainingPlan
from experiments.training_run import train
from siamfc_jax.durable import sole_user
from siamfc_jax.loading import load_model, model_config
from siamfc_jax.models.siamrpn import SiamRPNNetwork
from siamfc_jax.tracking.trackers import Tracking
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.weights import save_weights


@dataclass(frozen=True)
class StudyPlan:
    """A study on one's own data.

    Attributes:
      out: folder for all that is made: shards/, runs/, models/, evaluated/, tables and figure.
      benchmarks: on which every variant is judged.
      model: shipped model or weight file that tracks in all variants; None: they are trained.
      pairs: what they are trained on; settings, tracking, initial: as in `TrainingPlan`.
      seeds: a training for each.
      decoders: threads that decode pairs; 0: one a core. devices: to train on; 0: all.
      network_name: as tables call what is trained.
      flags: the command, kept beside the results.
    """

    study: Study
    out: Path
    benchmarks: Benchmarks
    model: str | None = None
    pairs: PairSource | None = None
    settings: TrainSettings = field(default_factory=TrainSettings)
    tracking: Tracking | None = None
    initial: Path | None = None
    seeds: tuple[int, ...] = (0,)
    checkpoint_every: int = 1000
    log_every: int = 50
    decoders: int = 0
    devices: int = 0
    network_name: str = "network"
    flags: str = ""


@dataclass(frozen=True)
class Outcome:
    """What all variants came to; the box that is held still; what has no score, and why."""

    measured: tuple[Measured, ...]
    still: Mapping[Measure, float]
    problems: tuple[str, ...]


def carry_out(plan: StudyPlan) -> Outcome:
    """Train and judge every variant, as far as that is not on disk.

    Raises:
      ValueError, OSError: in one line, what the data, the settings or the disk do not allow; or
        the folder holds another study.
      KeyboardInterrupt, SystemExit: stopped by a signal; what is finished is kept, and a training
        goes on from where it was.
    """
    if not (plan.benchmarks.otb or plan.benchmarks.vot):
        raise ValueError("on what are the trackers judged? Give --otb=FOLDER or --vot=FOLDER")
    if plan.model is None and plan.pairs is None:
        raise ValueError("what is trained on? Give --crops=FOLDER, which make_crops filled")
    with sole_user(plan.out):
        open_run(plan.out, _fingerprint(plan), plan.flags)
        measured: list[Measured] = []
        still: dict[Measure, float] = {}
        problems: list[str] = []
        for number, variant in enumerate(plan.study.variants, 1):
            name = _name(plan.study, variant)
            print(f"{number} of {len(plan.study.variants)}: {name}", flush=True)
            pairs = None if plan.model else _pairs(plan, variant)
            judgements = [
                judge(weights, plan.benchmarks, plan.out / "evaluated")
                for weights in _trackers(plan, variant, pairs)
            ]
            for judgement in judgements:
                still.update(judgement.still)
                problems += [f"{name}, {problem}" for problem in judgement.problems]
            measured.append(_measured(variant, judgements, pairs))
        if plan.study.timed:
            measured = _timed(plan, measured)
    return Outcome(tuple(measured), still, tuple(problems))


def _measured(variant: Variant, judgements: list[Judgement], pairs: Pairs | None) -> Measured:
    measures = dict.fromkeys(measure for one in judgements for measure in one.values)
    values = {
        measure: tuple(one.values[measure] for one in judgements if measure in one.values)
        for measure in measures
    }
    if pairs is None:
        return Measured(variant, values)
    return Measured(variant, values, pairs.videos, pairs.boxes)


def _pairs(plan: StudyPlan, variant: Variant) -> Pairs:
    assert plan.pairs is not None
    return pairs_of(plan.pairs, variant.portion, plan.out / "shards")


def _trackers(plan: StudyPlan, variant: Variant, pairs: Pairs | None) -> Iterator[Path]:
    """A weight file for each seed, in which the network tracks as the variant says."""
    name = _name(plan.study, variant)
    if pairs is None:
        assert plan.model is not None
        yield _as_tracked(plan, variant, plan.model, name)
        return
    for seed in plan.seeds:
        trained = _train(plan, variant, pairs, seed)
        yield _as_tracked(plan, variant, str(trained), f"{name}_seed{seed}")


def _train(plan: StudyPlan, variant: Variant, pairs: Pairs, seed: int) -> Path:
    run = TrainingPlan(
        data=pairs.shards,
        out=plan.out / "runs" / _run_name(variant) / f"seed_{seed}",
        network=variant.network,
        settings=plan.settings,
        seed=seed,
        tracking=plan.tracking,
        initial=plan.initial,
        checkpoint_every=plan.checkpoint_every,
        log_every=plan.log_every,
        workers=plan.decoders,
        devices=plan.devices,
        keep=1,
    )
    with cli.StopSignals() as signals:
        result = train(run, flags=plan.flags, should_stop=lambda: signals.received is not None)
        if not result.finished:
            print(f"stopped after step {result.step}; the same command goes on from there")
        signals.stop_if_received()
    return result.weights


def _as_tracked(plan: StudyPlan, variant: Variant, weights: str, name: str) -> Path:
    model = load_model(weights, variant.tracking or plan.tracking)
    path = plan.out / "models" / f"{name}.safetensors"
    save_weights(path, model.params, model_config(model.network, model.tracking))
    return path


def _timed(plan: StudyPlan, measured: list[Measured]) -> list[Measured]:
    """With the frames per second of the first seed's models, measured once."""
    file = plan.out / "speed.json"
    if not file.exists():
        models = {}
        for one in measured:
            name = _name(plan.study, one.variant)
            stem = name if plan.model else f"{name}_seed{plan.seeds[0]}"
            models[name] = load_model(plan.out / "models" / f"{stem}.safetensors")
        print("frames per second, in turn", flush=True)
        device = jax.devices()[0].device_kind
        write_json(file, {"device": device, "frames/s": frames_per_second(models)})
    kept = read_json(file)
    try:
        measure = Measure(kept["device"], "frames/s", 1)
        rates = [kept["frames/s"][_name(plan.study, one.variant)] for one in measured]
    except (KeyError, TypeError):
        raise RunError(f"{file}: is damaged; delete it and run the same command again") from None
    return [
        dataclasses.replace(one, values={**one.values, measure: (rate,)})
        for one, rate in zip(measured, rates, strict=True)
    ]


def _fingerprint(plan: StudyPlan) -> dict[str, Any]:
    """What all variants share; trainings and evaluations compare what is theirs."""
    pairs = plan.pairs if plan.model is None else None
    return {
        "study": plan.study.name,
        "model": plan.model,
        "pairs": None
        if pairs is None
        else {
            "crops": open_index(pairs.crops).content_hash,
            "count": pairs.pairs,
            "mix": dict(pairs.mix),
            "held_out": sorted(pairs.held_out),
            "draw": dataclasses.asdict(pairs.draw),
        },
    }


def _run_name(variant: Variant) -> str:
    """Of a training, which variants share that differ in tracking only."""
    if isinstance(variant.network, SiamRPNNetwork):
        return f"{variant.portion.name}_a{variant.network.anchors.count}"
    return variant.portion.name


def _name(study: Study, variant: Variant) -> str:
    label = study.labels[variant.x]
    text = f"{study.name} {label} {variant.series}".strip()
    return re.sub(r"[^\w.]+", "-", text).strip("-")
