"""Strict numerics for every test: no silent broadcasting of ranks or promotion of types.

Eight devices stand on the CPU for the tests of data parallelism; all others use the first."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import pytest
from hypothesis import settings

# The first example of a property compiles; that is no reason to fail.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# What one test compiles, others find: also other processes, which inherit the variable.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    cache = tempfile.mkdtemp(prefix="siamfc_jax_tests_")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = cache
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)

# A test runs a few times what it compiles: most of the compiler's work does not pay. XLA ends the
# process when it does not know an option, and each version may drop one.
if jax.__version_info__[:2] == (0, 10) and "XLA_FLAGS" not in os.environ:
    os.environ["XLA_FLAGS"] = (
        "--xla_backend_optimization_level=1 --xla_cpu_use_fusion_emitters=false"
    )

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_num_cpu_devices", 8)


def pytest_configure(config: pytest.Config) -> None:
    # In the order of their names: by the number of tests, some that take longest would come last.
    config.option.loadscopereorder = False


SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real sequences and weights, where a checkout has one beside it."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs real data in ../shared/data, which is not part of the project")
    return SHARED / "data"


@pytest.fixture(scope="session")
def shared_golden() -> Path:
    """Folder of published raw results, where a checkout has one beside it."""
    if not (SHARED / "golden").is_dir():
        pytest.skip("needs published results in ../shared/golden, not part of the project")
    return SHARED / "golden"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Chromium without a window, driven by selenium, where both are there."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("needs the programs chromium and chromedriver on the PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()
