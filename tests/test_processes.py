import os
import subprocess
import sys
import time
from contextlib import closing

import pytest
from pair_worlds import ROOT

from data_prep.storage.processes import WorkerError, in_processes


def square(number):
    if number == 7:
        raise ValueError("seven")
    return number * number


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def test_results_come_in_order_and_errors_in_their_place():
    with closing(in_processes(square, range(10), workers=1)) as results:
        assert [next(results) for _ in range(7)] == [number**2 for number in range(7)]
        with pytest.raises(ValueError, match="seven"):
            next(results)


def test_jobs_are_taken_only_a_little_ahead():
    taken = []

    def jobs():
        for number in range(1000):
            taken.append(number)
            yield -1 - number

    with closing(in_processes(square, jobs(), workers=1)) as results:
        next(results)
        assert len(taken) < 10


def test_a_killed_worker_is_told_in_one_line():
    with pytest.raises(WorkerError, match="run the same command again"):
        list(in_processes(os._exit, [1], workers=1))


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="looks processes up in /proc")
def test_workers_die_with_their_parent(tmp_path):
    code = (
        "from tests_worker import write_pid_and_sleep\n"
        "from data_prep.storage.processes import in_processes\n"
        "list(in_processes(write_pid_and_sleep, ['pid'], workers=1))\n"
    )
    (tmp_path / "tests_worker.py").write_text(
        "import os, time\n"
        "def write_pid_and_sleep(name):\n"
        "    with open(name + '.new', 'w') as file:\n"
        "        file.write(str(os.getpid()))\n"
        "    os.rename(name + '.new', name)\n"
        "    time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    while not (tmp_path / "pid").exists():
        assert parent.poll() is None
        time.sleep(0.01)
    worker = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(worker)


@pytest.mark.parametrize("module", ["data_prep.make_crops", "data_prep.make_shards"])
def test_workers_do_not_import_jax(module):
    code = f"import sys, {module}; sys.exit('jax' in sys.modules or 'tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
