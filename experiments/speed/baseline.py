"""PyTorch's side of the benchmark, where it is installed."""

import os
from typing import Any

import jax

from experiments.speed.timing import Work
from siamfc_jax.models.network import Network
from siamfc_jax.models.siamfc import SiamFCNetwork
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


def torch_tracker(model: Model, device: Any) -> Any:
    """An object with `init(image, box)` and `update(image)`, which waits for its box."""
    from experiments.torch_baseline.siamfc import TorchSiamFC
    from experiments.torch_baseline.siamrpn import TorchSiamRPN

    tracker = TorchSiamFC if isinstance(model.network, SiamFCNetwork) else TorchSiamRPN
    return tracker(model, device)


def torch_training(network: Network, layers: Any, settings: TrainSettings, device: Any) -> Work:
    """Steps of training from `layers` on, with images that lie on the device."""
    import torch

    from experiments.torch_baseline.training import torch_train_step

    step = torch_train_step(network, layers, settings, device)
    if device.type == "cuda":
        return Work(step, lambda _: torch.cuda.synchronize())
    return Work(step)
