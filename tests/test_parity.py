"""The released tracker with published weights, on real sequences: python -m pytest -m slow."""

import numpy as np
import pytest

import siamfc_jax
from data_prep.import_weights import weight_file_config
from data_prep.weights.reading import import_file
from siamfc_jax.evaluation.benchmarks.otb import read_otb
from siamfc_jax.evaluation.metrics.one_run import success_auc
from siamfc_jax.evaluation.protocols.one_pass import one_pass
from siamfc_jax.evaluation.running.drive import drive
from siamfc_jax.tracking.config import SIAMFC_3S_RELEASE
from siamfc_jax.weights import save_weights


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Couple", "Crossing", "Deer"])
def test_the_published_score_of_siamfc_3s_is_reproduced(shared_data, shared_golden, tmp_path, name):
    imported = import_file(shared_data / "weights/siamfc3s_color_dequant.npz")
    imported.params["head"]["bias"] = np.float32(-1)
    file = tmp_path / "published.safetensors"
    save_weights(file, imported.params, weight_file_config(imported.config))
    (sequence,) = (s for s in read_otb(shared_data / "otb") if s.name == name)
    tracker = siamfc_jax.load(file, SIAMFC_3S_RELEASE)
    run = drive(tracker, sequence.frames, one_pass(sequence))
    results = np.load(shared_golden / "otb/SiamFC-3s_TRE.npz")
    published = results[next(key for key in results.files if key.startswith(f"{name}/00/"))]
    expected = success_auc(published, sequence.truth)
    assert success_auc(run.boxes, sequence.truth) == pytest.approx(expected, abs=0.035)
