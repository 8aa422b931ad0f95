"""PyTorch's side of the benchmark, where it is installed."""

import os
from typing import Any

import jax

from experiments.speed.timing import Work
from siamfc_jax.models.alexnet import AlexNetConfig
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.tracking.online import Model


def torch_tracker(model: Model) -> Any:
    """A `torch_baseline.TorchSiamFC` on a device of the kind that JAX computes on, or None."""
    network = model.network
    if not (isinstance(network, SiamFCNetwork) and isinstance(network.backbone, AlexNetConfig)):
        print("(no baseline: only SiamFC with an AlexNet is written in PyTorch here)")
        return None
    try:
        import torch
    except ModuleNotFoundError:
        print("(no PyTorch here: pip install '.[benchmark]' for the baseline)")
        return None
    from experiments.torch_baseline import TorchSiamFC

    if jax.default_backend() == "cpu":
        torch.set_num_threads(os.cpu_count() or 1)
        return TorchSiamFC(model, "cpu")
    if not torch.cuda.is_available():
        print("(PyTorch here cannot use this device: no baseline)")
        return None
    return TorchSiamFC(model, "cuda")


def torch_training(baseline: Any, batch: int, search_size: int, compute: str) -> Work:
    """A step of training in PyTorch on images that lie on its device."""
    import torch

    from experiments.torch_baseline import torch_train_step

    step = torch_train_step(baseline, batch, search_size, compute)
    if baseline.device.type == "cuda":
        return Work(step, lambda _: torch.cuda.synchronize())
    return Work(step)
