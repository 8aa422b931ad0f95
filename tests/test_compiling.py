"""How tracking is compiled: options where they exist, and without them where not."""

import jax
import jax.numpy as jnp
import pytest

from siamfc_jax.tracking import compiling
from siamfc_jax.tracking.compiling import jit_for_tracking


@pytest.fixture(autouse=True)
def asked_anew():
    compiling._options.cache_clear()
    yield
    compiling._options.cache_clear()


def test_results_and_arguments_are_those_of_jit():
    scaled = jit_for_tracking(lambda x, factor: factor * x, static_argnums=1)
    assert scaled(jnp.float32(2.0), 3) == 6.0


def test_cpus_are_told_to_leave_ynnpack_out(monkeypatch):
    told = []
    monkeypatch.setattr(jax, "jit", lambda function, **arguments: told.append(arguments))
    monkeypatch.setattr(compiling, "_options", lambda: compiling.CPU_OPTIONS)
    jit_for_tracking(lambda x: x, static_argnums=0)
    ynnpack = {"xla_cpu_experimental_ynn_fusion_type": ""}
    assert told == [{"compiler_options": ynnpack, "static_argnums": 0}]


@pytest.mark.skipif(jax.__version__ != "0.10.2", reason="an experimental option of this version")
def test_xla_knows_the_option():
    assert compiling._options() == compiling.CPU_OPTIONS


def test_an_option_that_xla_does_not_know_is_left_out(monkeypatch):
    monkeypatch.setattr(compiling, "CPU_OPTIONS", {"xla_cpu_no_such_option": ""})
    assert compiling._options() == {}
    assert jit_for_tracking(lambda x: x + 1)(jnp.float32(1.0)) == 2.0


def test_accelerators_are_given_none(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert compiling._options() == {}
