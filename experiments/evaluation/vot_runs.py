"""Running a tracker in the experiments of a VOT challenge."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from experiments.evaluation.contestant import Contestant
from experiments.evaluation.options import Options
from experiments.evaluation.results_on_disk import Place, VotStore
from experiments.evaluation.running import anchored, carry_out, without_failed
from siamfc_jax.evaluation.formats.vot_results import write_vot_sequence
from siamfc_jax.evaluation.metrics.vot_profiles import VotProfile
from siamfc_jax.evaluation.protocols.realtime import realtime
from siamfc_jax.evaluation.protocols.region_noise import noise_of, region_noise
from siamfc_jax.evaluation.protocols.requests import Protocol
from siamfc_jax.evaluation.protocols.supervised import another_repetition, supervised
from siamfc_jax.evaluation.protocols.unsupervised import unsupervised
from siamfc_jax.evaluation.protocols.vot_record import Overlap
from siamfc_jax.evaluation.regions import Region, axis_aligned, same_area
from siamfc_jax.evaluation.running.jobs import Failure, Job, job
from siamfc_jax.evaluation.runs import Results, VotRun
from siamfc_jax.evaluation.sequences import VotSequence

EXPERIMENTS = ("baseline", "region_noise", "unsupervised", "realtime")
EXPORTS = ("vot-text", "vot-binary")

InitialRegion = Literal["axis_aligned", "same_area"]
INITIAL_REGIONS: dict[InitialRegion, Callable[[Region], Region]] = {
    "axis_aligned": axis_aligned,
    "same_area": same_area,
}


def prepare(
    runner: Contestant,
    sequences: list[VotSequence],
    options: Options,
    *,
    folder: str,
    experiment: str,
    profile: VotProfile,
    initial: InitialRegion,
    repetitions: int,
) -> Callable[[], Results[VotRun]]:
    """Make sure that an experiment's results can be kept.

    Returns:
      A call that runs it where no result is on disk yet, and gives all results, and why some are
      missing. A repetition of all sequences follows the other, as long as any asks for one more.

    Raises:
      ResultError, StorageError: the folder of results will not do.
    """
    sequences = anchored(sequences)
    settings = {**runner.identity, "initial": initial}
    if experiment != "unsupervised":
        settings["failures"] = {"overlap": profile.rule, "inner_bounds": profile.inner_bounds}
    place = Place(options.out.absolute() / folder, runner.name, experiment, settings)
    store = VotStore(place, sequences)
    once = experiment in ("unsupervised", "realtime")
    # Only one frame at a time has seconds that mean something to the clock.
    live = experiment == "realtime"

    def run() -> Results[VotRun]:
        failures: list[Failure] = []
        for repetition in range(1 if once else repetitions):
            wanted = [
                sequence
                for sequence in sequences
                if _wanted(
                    store.runs.get(sequence.name, ()), repetition, sequence, profile, experiment
                )
            ]
            failures += carry_out(
                [_job(sequence, experiment, repetition, profile, initial) for sequence in wanted],
                runner.live if live else runner.batch,
                store,
                frames=sum(len(sequence.frames) for sequence in wanted),
                description=f"{runner.name}, {experiment} {repetition + 1}",
                warm_up=_warm_up(wanted) if live else (),
            )
        results = without_failed(store.results(), failures)
        _export(results, runner.name, options, folder, experiment)
        return results

    return run


def _warm_up(sequences: list[VotSequence]) -> list[Job[VotRun]]:
    """Three frames of every size, so that the clock does not count compilation."""
    shortest = {
        sequence.size: sequence._replace(frames=sequence.frames[:3], truth=sequence.truth[:3])
        for sequence in sequences
    }
    return [job(sequence, partial(unsupervised, sequence), 0) for sequence in shortest.values()]


def _wanted(
    runs: tuple[VotRun, ...],
    repetition: int,
    sequence: VotSequence,
    profile: VotProfile,
    experiment: str,
) -> bool:
    if len(runs) != repetition:
        return False
    if experiment == "region_noise":
        return True
    return another_repetition(runs, partial(profile.overlap_in, sequence.size))


def _job(
    sequence: VotSequence,
    experiment: str,
    repetition: int,
    profile: VotProfile,
    initial: InitialRegion,
) -> Job[VotRun]:
    first = INITIAL_REGIONS[initial]
    overlap: Overlap = partial(profile.overlap_in, sequence.size)
    protocols: dict[str, Callable[[], Protocol[VotRun]]] = {
        "baseline": partial(supervised, sequence, overlap, initial_region=first),
        "realtime": partial(realtime, sequence, overlap, initial_region=first),
        "unsupervised": partial(unsupervised, sequence, initial_region=first),
        "region_noise": partial(_noisy, sequence, overlap, repetition, first),
    }
    return job(sequence, protocols[experiment], repetition)


def _noisy(
    sequence: VotSequence,
    overlap: Overlap,
    repetition: int,
    first: Callable[[Region], Region],
) -> Protocol[VotRun]:
    random = noise_of(sequence.name, repetition)
    return supervised(
        sequence, overlap, initial_region=lambda region: first(region_noise(region, random))
    )


def _export(
    results: Results[VotRun], name: str, options: Options, folder: str, experiment: str
) -> None:
    for kind in options.export:
        for sequence, runs in results.runs.items():
            write_vot_sequence(
                options.out / "export" / folder / kind,
                name,
                sequence,
                runs,
                experiment=experiment,
                binary=kind == "vot-binary",
            )
