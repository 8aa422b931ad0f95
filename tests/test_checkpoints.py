import os
import random
import signal
import subprocess
import sys
import textwrap
from typing import NamedTuple

import numpy as np
import pytest

from siamfc_jax.training.checkpoints import CheckpointError, Checkpoints


class State(NamedTuple):
    step: np.ndarray
    params: dict


def state_of(value):
    kernel = np.full((30, 40), value, np.float32)
    return State(np.asarray(value, np.int32), {"conv": {"kernel": kernel, "bias": kernel[0]}})


def save(folder, *values, keep=3):
    checkpoints = Checkpoints(folder, keep=keep)
    for value in values:
        checkpoints.save(value, state_of(value), {"step": value, "skipped": 0})
    return checkpoints


def test_the_newest_checkpoint_comes_back_as_it_was(tmp_path):
    save(tmp_path / "c", 1, 2)
    restored = Checkpoints(tmp_path / "c").restore(state_of(0))
    assert isinstance(restored.state, State)
    np.testing.assert_array_equal(restored.state.params["conv"]["kernel"], np.full((30, 40), 2))
    assert restored.data == {"step": 2, "skipped": 0} and not restored.damaged


def test_none_is_restored_where_none_was_saved(tmp_path):
    assert Checkpoints(tmp_path / "new").restore(state_of(0)) is None


def test_only_the_newest_are_kept(tmp_path):
    assert save(tmp_path, 1, 2, 3, 4, keep=2).steps() == [3, 4]
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["00000003", "00000004"]


def files_of(folder):
    return sorted(file for file in folder.rglob("*") if file.is_file())


def test_every_flipped_bit_is_detected_and_the_older_checkpoint_taken(tmp_path):
    save(tmp_path, 1, 2)
    generator = random.Random(0)
    newest = [*files_of(tmp_path / "00000002"), tmp_path / "00000002.json"]
    for _ in range(60):
        file = generator.choice(newest)
        content = file.read_bytes()
        if not content:
            continue
        damaged = bytearray(content)
        damaged[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        file.write_bytes(damaged)
        restored = Checkpoints(tmp_path).restore(state_of(0))
        assert restored.data["step"] == 1
        assert "00000002: is damaged" in restored.damaged[0]
        file.write_bytes(content)
    assert Checkpoints(tmp_path).restore(state_of(0)).data["step"] == 2


@pytest.mark.parametrize("lost", ["manifest.ocdbt", "_METADATA"])
def test_a_missing_or_truncated_file_is_detected(tmp_path, lost):
    save(tmp_path, 1, 2)
    file = tmp_path / "00000002" / lost
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    assert Checkpoints(tmp_path).restore(state_of(0)).data["step"] == 1
    file.unlink()
    assert Checkpoints(tmp_path).restore(state_of(0)).data["step"] == 1


def test_when_all_are_damaged_training_does_not_silently_start_anew(tmp_path):
    save(tmp_path, 1)
    (tmp_path / "00000001/_METADATA").unlink()
    with pytest.raises(CheckpointError, match=r"00000001: is damaged .* delete .* to start anew"):
        Checkpoints(tmp_path).restore(state_of(0))


def test_a_half_written_checkpoint_is_removed(tmp_path):
    save(tmp_path, 1, 2)
    (tmp_path / "00000002.json").unlink()
    (tmp_path / "00000003.orbax-checkpoint-tmp-7").mkdir()
    assert Checkpoints(tmp_path).restore(state_of(0)).data["step"] == 1
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == ["00000001"]


def test_what_others_keep_in_the_folder_stays(tmp_path):
    (tmp_path / "my_models").mkdir()
    (tmp_path / "notes.json").write_text("{}")
    assert save(tmp_path, 1).steps() == [1]
    Checkpoints(tmp_path)
    assert (tmp_path / "my_models").is_dir() and (tmp_path / "notes.json").exists()


def test_a_finished_checkpoint_is_not_written_again(tmp_path):
    checkpoints = save(tmp_path, 1)
    before = (tmp_path / "00000001.json").stat().st_mtime_ns
    checkpoints.save(1, state_of(5), {})
    assert (tmp_path / "00000001.json").stat().st_mtime_ns == before


def test_another_network_is_refused(tmp_path):
    save(tmp_path, 1)
    other = State(np.zeros((), np.int32), {"fc": np.zeros(3, np.float32)})
    with pytest.raises(CheckpointError, match="does not fit this network"):
        Checkpoints(tmp_path).restore(other)


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path):
    code = textwrap.dedent(f"""
        import resource, sys
        from pathlib import Path
        from tests.test_checkpoints import save, state_of
        from siamfc_jax.training.checkpoints import CheckpointError
        import numpy as np
        checkpoints = save(Path({str(tmp_path)!r}), 1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        noise = np.random.default_rng(0).normal(size=(300, 400)).astype(np.float32)
        try:
            checkpoints.save(2, state_of(2)._replace(params=noise), {{}})
        except CheckpointError as error:
            assert "00000002: cannot be written" in str(error), error
            sys.exit(7)
    """)
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 7
    assert Checkpoints(tmp_path).restore(state_of(0)).data == {"step": 1, "skipped": 0}


def test_a_kill_while_saving_leaves_a_whole_checkpoint(tmp_path):
    code = textwrap.dedent(f"""
        from pathlib import Path
        from tests.test_checkpoints import save
        save(Path({str(tmp_path)!r}), 1)
        print("saved", flush=True)
        save(Path({str(tmp_path)!r}), *range(2, 10_000))
    """)
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    process = subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE)
    process.stdout.readline()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=random.Random(0).uniform(0.2, 0.6))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    restored = Checkpoints(tmp_path).restore(state_of(0))
    assert not restored.damaged
    assert int(restored.state.step) == restored.data["step"] >= 1
