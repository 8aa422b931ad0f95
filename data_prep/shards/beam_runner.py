"""Jobs on Apache Beam: on this machine by its DirectRunner, or on a cluster."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Job = TypeVar("Job")


class BeamError(ValueError):
    """Beam is not there, or cannot do the work; one line says which."""


def run_beam(function: Callable[[Job], Any], jobs: Sequence[Job], options: Sequence[str]) -> None:
    """Call function(job) for each job on Beam's workers, and wait for them.

    What the workers write must lie on a file system that they share with this machine under the
    same path; what `function` returns is thrown away.

    Args:
      options: Beam's own, such as "--runner=FlinkRunner"; by default the DirectRunner runs here.

    Raises:
      BeamError: Beam is not installed, or a job failed for good.
    """
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError:
        raise BeamError(
            "Apache Beam is not installed; pip install 'siamfc-jax[beam]', or take --runner=local"
        ) from None

    def work(job: Job) -> None:
        function(job)

    try:
        with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
            (
                pipeline
                | "jobs" >> beam.Create(list(jobs))
                # Without it, a runner may fuse all jobs into one worker's.
                | "spread" >> beam.Reshuffle()
                | "run" >> beam.Map(work)
            )
    except Exception as error:  # each runner has its own classes of errors
        reason = (str(error).strip() or repr(error)).splitlines()[-1]
        raise BeamError(f"the Beam pipeline failed: {reason}") from error
