"""Runs in the environment of the GOT-10k toolkit: its experiments with our tracker, our driver with
ours and with one of the toolkit's.

python in_got10k.py run WEIGHTS FOLDER | score FOLDER
"""

import sys
from pathlib import Path

import numpy as np
from got10k.datasets import OTB
from got10k.experiments import ExperimentGOT10k, ExperimentOTB

from siamfc_jax import loading
from siamfc_jax.evaluation.benchmarks.got10k import read_got10k
from siamfc_jax.evaluation.benchmarks.otb import read_otb
from siamfc_jax.evaluation.protocols.one_pass import one_pass
from siamfc_jax.evaluation.running.drive import drive
from siamfc_jax.harness.any_tracker import load_tracker
from siamfc_jax.harness.got10k import GOT10kTracker


def experiments(folder):
    # What is not there of the benchmark would be downloaded.
    OTB._download = lambda *_: None
    results, reports = str(folder / "results"), str(folder / "reports")
    return [
        ExperimentOTB(str(folder / "otb"), "tb100", results, reports),
        ExperimentGOT10k(str(folder / "got10k"), "val", results, reports),
    ]


def run(weights, folder):
    theirs = GOT10kTracker(weights)
    for experiment in experiments(folder):
        experiment.run(theirs)
    ours = loading.load(weights)
    identity = load_tracker("got10k.trackers:IdentityTracker")()
    boxes = {}
    for sequence in [*read_otb(folder / "otb"), *read_got10k(folder / "got10k")]:
        for name, tracker in {"ours": ours, "identity": identity}.items():
            done = drive(tracker, sequence.frames, one_pass(sequence))
            boxes[f"{name}/{sequence.name}"] = done.boxes
    np.savez(folder / "driven.npz", **boxes)


def score(folder):
    for experiment in experiments(folder):
        experiment.report(["random"])


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], Path(sys.argv[3]))
    else:
        score(Path(sys.argv[2]))
