"""PyTorch's side of the benchmark, where it is installed."""

import os
from typing import Any

import jax

from experiments.speed.timing import Work
from siamfc_jax.models.network import Network
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.config import SiamFCTracking
from siamfc_jax.tracking.online import Model
from siamfc_jax.training.settings import TrainSettings


def torch_device() -> Any:
    """A `torch.device` of the kind that JAX computes on; None, saying why, where there is none."""
    try:
        import torch
    except ModuleNotFoundError:
        print("(no PyTorch here: pip install '.[benchmark]' for the baseline)")
        return None
    # The shapes stay the same, so it pays to let cuDNN try out its algorithms.
    torch.backends.cudnn.benchmark = True
    if jax.default_backend() == "cpu":
        torch.set_num_threads(os.cpu_count() or 1)
        return torch.device("cpu")
    if not torch.cuda.is_available():
        print("(PyTorch here cannot use this device: no baseline)")
        return None
    return torch.device("cuda")


def torch_trackers(model: Model, frame: Any, boxes: Any) -> dict[str, Any]:
    """PyTorch's trackers by what they are called, each started on a frame with boxes [T, 4]:
    objects with `update(image)`, which waits for its boxes [T, 4]. With and without
    `torch.compile`, in the model's type; none where PyTorch is missing."""
    if isinstance(model.tracking, SiamFCTracking) and model.tracking.pyramid == "exemplars":
        print("(PyTorch's loop has a search image of each scale: no baseline for this one)")
        return {}
    device = torch_device()
    if device is None:
        return {}
    from experiments.torch_baseline.layers import Execution
    from experiments.torch_baseline.siamfc import TorchSiamFC
    from experiments.torch_baseline.siamrpn import TorchSiamRPN

    kind = TorchSiamFC if isinstance(model.network, SiamFCNetwork) else TorchSiamRPN
    trackers = {}
    for name, compiled in (("PyTorch", False), ("PyTorch, compiled", True)):
        try:
            tracker = kind(model, Execution(device, model.compute, compiled))
            tracker.init(frame, boxes)
            tracker.update(frame)
        except Exception as error:
            # Its compiler needs another one, and headers, that many machines lack.
            if not compiled:
                raise
            print(f"({name}: not here: {type(error).__name__})")
            continue
        trackers[name] = tracker
    return trackers


def torch_training(network: Network, layers: Any, settings: TrainSettings, device: Any) -> Work:
    """Steps of training from `layers` on, with images that lie on the device."""
    import torch

    from experiments.torch_baseline.training import torch_train_step

    step = torch_train_step(network, layers, settings, device)
    if device.type == "cuda":
        return Work(step, lambda _: torch.cuda.synchronize())
    return Work(step)
