"""Runs in the environment of the VOT toolkit: our own protocols, a TraX client, OpenCV's tracker.

python in_vot.py protocols|client|opencv WEIGHTS SEQUENCES OUT
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import trax
from trax.client import Client

from siamfc_jax import loading
from siamfc_jax.evaluation.benchmarks.vot import read_vot
from siamfc_jax.evaluation.metrics.vot_overlap import overlap
from siamfc_jax.evaluation.protocols.supervised import supervised
from siamfc_jax.evaluation.protocols.unsupervised import unsupervised
from siamfc_jax.evaluation.running.drive import drive
from siamfc_jax.evaluation.sequences import read_frame
from siamfc_jax.harness.any_tracker import load_tracker


def protocols(weights, sequences, out):
    """Regions of our own experiments: "<experiment>/<sequence>", [n, 4], codes followed by NaN."""
    tracker = loading.load(weights)
    regions = {}
    for sequence in read_vot(sequences):
        rule = lambda a, b, size=sequence.size: overlap(a, b, size, "python")  # noqa: E731
        for name, protocol in {
            "baseline": supervised(sequence, rule),
            "unsupervised": unsupervised(sequence),
        }.items():
            regions[f"{name}/{sequence.name}"] = padded(drive(tracker, sequence.frames, protocol))
    np.savez(out, **regions)


def padded(run):
    return np.stack([np.pad(r, (0, 4 - len(r)), constant_values=np.nan) for r in run.regions])


def client(weights, sequences, out):
    """What a TraX client hears that sends every kind of image, and in the end a missing one."""
    (sequence,) = (found for found in read_vot(sequences) if found.name == "jump")
    command = [sys.executable, "-m", "experiments.vot_trax"]
    process = subprocess.Popen(
        [*command, f"--model={weights}", "--start=same_area"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    talk = Client(stream=(process.stdin.fileno(), process.stdout.fileno()), timeout=60, log=unheard)
    polygon = trax.Polygon.create([tuple(point) for point in sequence.truth[0].reshape(-1, 2)])
    talk.initialize({"color": image(sequence, 0, "path")}, [(polygon, {})], {})
    heard = []
    for frame, kind in [(1, "path"), (2, "memory"), (3, "buffer")]:
        ((region, properties),), _ = talk.frame({"color": image(sequence, frame, kind)}, {}, [])
        heard.append([*region.bounds(), float(properties["confidence"])])
    try:
        talk.frame({"color": trax.FileImage.create("/no/such.jpg")}, {}, [])
        reason = "none"
    except trax.TraxException as error:
        reason = str(error)
    _, stderr = process.communicate(timeout=60)
    np.savez(out, heard=heard, reason=reason, stderr=stderr.decode(), code=process.returncode)


def unheard(log):
    """The client needs someone to tell what passes by."""


def image(sequence, frame, kind):
    file = sequence.frames[frame]
    if kind == "path":
        return trax.FileImage.create(str(file))
    if kind == "memory":
        return trax.MemoryImage.create(read_frame(file))
    return trax.BufferImage.create(file.read_bytes())


def opencv(weights, sequences, out):
    """Boxes of one tracker of OpenCV, started twice by our unsupervised protocol."""
    (sequence,) = (found for found in read_vot(sequences) if found.name == "walk")
    make = load_tracker("cv2:TrackerMIL_create")
    tracker = make()
    runs = [padded(drive(tracker, sequence.frames, unsupervised(sequence))) for _ in range(2)]
    np.savez(out, first=runs[0], second=runs[1])


if __name__ == "__main__":
    what, weights, sequences, out = sys.argv[1:]
    {"protocols": protocols, "client": client, "opencv": opencv}[what](
        weights, Path(sequences), Path(out)
    )
