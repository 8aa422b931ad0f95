"""A folder in which the commands of the README find what they name, each as small as can be."""

import json
import zipfile
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from siamfc_jax.evaluation.benchmarks.subsets import list_names
from siamfc_jax.loading import default_tracking, model_config
from siamfc_jax.models.folding import fold_batch_norm
from siamfc_jax.models.network import NETWORKS
from siamfc_jax.weights import save_weights
from tests.evaluation_trees import boxes, write_got10k, write_lasot, write_lasot_annos, write_otb
from tests.media_samples import noise_frames, write_video
from tests.test_import_mat import write_dag

ROOT = Path(__file__).parents[1]
TRACKER = """
class MyTracker:
    def init(self, image, box):
        self.box = box

    def update(self, image):
        return self.box
"""


def documented_world(root: Path) -> Path:
    (root / "experiments").mkdir()
    for name in ("flagfiles", "examples"):
        (root / "experiments" / name).symlink_to(ROOT / "experiments" / name)
    _videos(root)
    _raw_data(root / "DATA")
    _benchmarks(root)
    for name, network in (("mine", "tiny"), ("rpn", "siamrpn-tiny")):
        save_network(root / f"{name}.safetensors", network)
    write_dag(root / "2016-08-17.net.mat")
    for name in ("KCF", "ECO"):
        _results(root / f"{name}.zip")
    (root / "my_package").mkdir()
    (root / "my_package/my_module.py").write_text(TRACKER)
    return root


def save_network(file: Path, name: str) -> None:
    network = NETWORKS[name]
    params = fold_batch_norm(network.init(jax.random.key(0)))
    save_weights(file, params, model_config(network, default_tracking(network)))


def _results(file: Path) -> None:
    """Text files of a tracker that never moves."""
    with zipfile.ZipFile(file, "w") as archive:
        for name in list_names("OTB-2013")[:2]:
            archive.writestr(f"{name}.txt", "2,5,9,7\n" * 3)


def _videos(root: Path) -> None:
    frames = noise_frames(3, 320, 240)
    write_video(root / "clip.mp4", frames)
    (root / "frames").mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(root / f"frames/{number}.jpg")
    (root / "boxes.txt").write_text("140,60,32,48\n20,30,50,50\n")


def _raw_data(data: Path) -> None:
    for seed, name in enumerate(("dog", "goat", "cow", "horse")):
        _video_with_masks(data / "davis" / name, seed)
    annotations = []
    for number in range(4):
        picture, mask = _object(number)
        _save(data / f"stills/images/{number}.jpg", picture)
        _save(data / f"stills/masks/{number}.png", mask)
        _save(data / f"photographs/{number}.jpg", np.roll(picture, 99, 1))
        annotations.append({"id": number, "image_id": number, "category_id": 1, "bbox": BOX})
    listed = [
        {"id": number, "file_name": f"{number}.jpg", "width": 320, "height": 240}
        for number in range(4)
    ]
    content = {"images": listed, "annotations": annotations, "categories": []}
    (data / "stills/boxes.json").write_text(json.dumps(content))


BOX = [120, 80, 70, 60]


def _object(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of noise with a flat object at BOX, and the object's mask."""
    x, y, w, h = BOX
    picture = noise_frames(1, 320, 240, seed)[0]
    picture[y : y + h, x : x + w] = (40 * seed, 200, 90)
    mask = np.zeros((240, 320), np.uint8)
    mask[y : y + h, x : x + w] = 255
    return picture, mask


def _video_with_masks(folder: Path, seed: int) -> None:
    picture, mask = _object(seed)
    for number in range(1, 7):
        _save(folder / f"{number:05d}.jpg", picture)
        _save(folder / f"mask/{number:05d}.png", mask)
    (folder / "groundtruth.txt").write_text("120,80,70,60\n" * 6)


def _save(file: Path, image: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file)


def _benchmarks(root: Path) -> None:
    for name in list_names("OTB-2013")[:2]:
        write_otb(root / "OTB100", name, boxes(3))
    folder = root / "VOT2018/ants"
    write_otb(root / "VOT2018", "ants", boxes(3), file="groundtruth.txt")
    (folder / "color").symlink_to(folder / "img")
    (root / "VOT2018/list.txt").write_text("ants\n")
    (root / "VOT2015").symlink_to(root / "VOT2018")
    write_got10k(root / "GOT-10k")
    write_lasot(root / "LaSOTBenchmark")
    write_lasot_annos(root / "annos")
