"""From a folder of crops to a dataset of training pairs."""

import json
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from data_prep.crops.index import CropIndex, open_index
from data_prep.shards.manifest import write_manifest
from data_prep.shards.plan import PlanError, save_table, split_tables
from data_prep.shards.request import ShardRequest
from data_prep.shards.writing import ShardDone, ShardJob, make_shard, shard_name, shard_ranges
from data_prep.storage.disk_space import duration, folder_bytes, gigabytes, require_space
from data_prep.storage.processes import in_processes
from siamfc_jax.data.dataset import FORMAT
from siamfc_jax.durable import remove_unfinished, sole_user, write_whole

_SHARD_BYTES = 128_000_000
_BYTES_PER_SECOND = 200e6


def make_shards(request: ShardRequest, *, show: Callable[[str], None] = print) -> Path:
    """Write the shards that are not there yet, then what describes them, `pairs.json` last.

    Args:
      show: is given lines of text: counts, estimates, results.

    Returns:
      The path of `pairs.json`.

    Raises:
      CropsError: the crops are unfinished, or one of them is corrupt.
      PlanError: such pairs cannot be drawn, or another dataset is in the folder.
      StorageError: something cannot be written, or the disk has too little space.
      WorkerError: a worker process was killed.
    """
    index = open_index(request.crops)
    with sole_user(request.out):
        tables = split_tables(index, request.split, validation="validation" in request.sizes)
        for split, table in tables.items():
            if request.draw.negatives and table.video[0] == table.video[-1]:
                raise PlanError(f"negative pairs take two videos; {split} has one only")
        unknown = sorted(set(request.draw.gaps).difference(index.sources))
        if unknown:
            raise PlanError(
                f"a gap for {unknown[0]}, but the sources are {', '.join(index.sources)}"
            )
        plan = _plan(request, index)
        _enter_plan(request.out, plan)
        remove_unfinished(request.out)
        _tell(request, index, plan, show)
        working = request.out / "plan"
        for split, table in tables.items():
            save_table(table, working, split)
        jobs = list(_jobs(request, plan))
        if request.runner == "beam":
            from data_prep.shards.beam_runner import run_beam

            run_beam(make_shard, jobs, request.beam_options)
        # What Beam wrote is found done here, and read back.
        with closing(_run(jobs, request.workers)) as finished:
            manifest = write_manifest(request.out, plan, finished)
        shutil.rmtree(working)
    show(f"{manifest}: complete")
    return manifest


def _plan(request: ShardRequest, index: CropIndex) -> dict[str, Any]:
    """All that decides the dataset's bytes, as it comes back from JSON."""
    pair_bytes = index.bytes / len(index.crops)
    shards = {
        split: min(pairs, request.shards or -(-int(pairs * pair_bytes) // _SHARD_BYTES) or 1)
        for split, pairs in request.sizes.items()
    }
    plan = {
        "format": FORMAT,
        "name": request.name,
        "exemplar_room": index.settings.exemplar_room,
        "search_room": index.settings.search_room,
        "settings": {
            "crops": index.content_hash,
            "pairs": request.sizes,
            **asdict(request.split),
            **_settings_of_draw(request),
        },
        "shards": shards,
    }
    restored: dict[str, Any] = json.loads(json.dumps(plan))
    return restored


def _settings_of_draw(request: ShardRequest) -> dict[str, Any]:
    settings = asdict(request.draw)
    if not settings["gaps"]:
        # Datasets from before sources had gaps of their own are the same without.
        del settings["gaps"]
    return settings


def _enter_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    file = folder / "plan.json"
    content = json.dumps(plan, indent=1).encode()
    try:
        same = file.read_bytes() == content
    except FileNotFoundError:
        write_whole(file, content)
        return
    if not same:
        raise PlanError(
            f"{file}: this folder holds a dataset of other settings or crops; name another --out, "
            "or delete it"
        )


def _tell(
    request: ShardRequest, index: CropIndex, plan: Mapping[str, Any], show: Callable[[str], None]
) -> None:
    wanted = int(sum(request.sizes.values()) * index.bytes / len(index.crops))
    there = folder_bytes(request.out, f"{request.name}-*.tfrecord-*")
    for split, pairs in request.sizes.items():
        show(f"{split}: {pairs:,} pairs in {plan['shards'][split]:,} shards")
    show(
        f"shards will take about {gigabytes(wanted)} ({gigabytes(there)} are there), and about "
        f"{duration(wanted / _BYTES_PER_SECOND)} where the disk writes 200 MB/s"
    )
    require_space(request.out, wanted - there, force=request.force)


def _jobs(request: ShardRequest, plan: Mapping[str, Any]) -> Iterator[ShardJob]:
    for split, shards in plan["shards"].items():
        for shard, (first, end) in enumerate(shard_ranges(request.sizes[split], shards)):
            file = request.out / shard_name(request.name, split, shard, shards)
            tables = request.out / "plan"
            yield ShardJob(file, request.crops, tables, split, first, end, request.draw)


def _run(jobs: Sequence[ShardJob], workers: int) -> Generator[ShardDone, None, None]:
    written = 0
    pairs = sum(job.end - job.first for job in jobs)
    with (
        closing(in_processes(make_shard, jobs, workers=min(workers, len(jobs)))) as results,
        tqdm(desc="writing shards", total=pairs, unit="pair", unit_scale=True, delay=0.5) as bar,
    ):
        for done in results:
            written += done.bytes
            rate = written / 1e6 / bar.format_dict["elapsed"]
            # Shown at once, before its delay is over, a bar would not end its line.
            bar.set_postfix_str(f"{rate:.0f} MB/s", refresh=False)
            bar.update(len(done.offsets))
            yield done
