"""Environments, and a model so small that everything is fast."""

import jax
import pytest
from environments import python_of
from tracking_worlds import NETWORK, matching_params

from siamfc_jax.loading import DEFAULT_TRACKING, model_config
from siamfc_jax.weights import save_weights


@pytest.fixture(scope="session")
def got10k_python():
    return python_of("got10k")


@pytest.fixture(scope="session")
def vot_python():
    return python_of("vot")


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A weight file whose untrained network follows `tracking_worlds.scene`."""
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(file, jax.device_get(matching_params()), model_config(NETWORK, DEFAULT_TRACKING))
    return file
