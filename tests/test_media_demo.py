import json

import numpy as np
import pytest

from siamfc_jax.media import demo
from siamfc_jax.media.errors import MediaError


def test_the_demo_is_a_clip_and_a_box(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_ASSETS", tmp_path)
    (tmp_path / "demo.mp4").write_bytes(b"a video")
    (tmp_path / "demo.json").write_text(json.dumps({"init": [1, 2.5, 3, 4]}))
    clip, box = demo.demo_clip()
    assert clip == tmp_path / "demo.mp4"
    np.testing.assert_array_equal(box, np.float32([1, 2.5, 3, 4]))


@pytest.mark.parametrize("notes", [None, "not json", "{}", '{"init": [1, 2, 3]}'])
def test_a_missing_or_damaged_demo_is_one_line(tmp_path, monkeypatch, notes):
    monkeypatch.setattr(demo, "_ASSETS", tmp_path)
    (tmp_path / "demo.mp4").write_bytes(b"a video")
    if notes is not None:
        (tmp_path / "demo.json").write_text(notes)
    with pytest.raises(MediaError, match=r"demo\.mp4: the demo is missing"):
        demo.demo_clip()
