"""Steps of training in PyTorch: forward, loss, backward, SGD, on images that stay the same."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from experiments.torch_baseline.layers import Layers, to_device
from experiments.torch_baseline.objectives import SiamFCLoss, SiamRPNLoss
from siamfc_jax.models.network import Network
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.training.settings import TrainSettings, learning_rate


def torch_train_step(
    network: Network, layers: Layers, settings: TrainSettings, device: torch.device
) -> Callable[[], Tensor]:
    """A closure that does one SGD step of `settings`, without augmentation, from `layers` on.

    It returns the loss, on CUDA before the device is done. To compute in "bfloat16" is autocast.
    """
    if isinstance(network, SiamFCNetwork):
        objective: Any = SiamFCLoss(network, layers, settings)
    else:
        objective = SiamRPNLoss(network, layers, settings)
    to_device(objective, device).train()
    optimiser = torch_optimiser(objective, settings)

    def images(size: int) -> Tensor:
        pixels = torch.rand(settings.batch, 3, size, size, device=device) * 255
        return pixels.contiguous(memory_format=torch.channels_last)

    exemplar, search = images(settings.exemplar_size), images(settings.search_size)

    def step() -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.compute == "bfloat16"):
            answer = objective(exemplar, search)
        loss = objective.loss(answer)
        loss.backward()
        if settings.clip_norm:
            nn.utils.clip_grad_norm_(objective.parameters(), settings.clip_norm)
        optimiser.step()
        return loss.detach()

    return step


def torch_optimiser(module: nn.Module, settings: TrainSettings) -> Any:
    """Weight decay on kernels only, double rate for biases and norms."""
    rate = float(learning_rate(settings)(0))
    kernels = [leaf for leaf in module.parameters() if leaf.ndim > 1]
    others = [leaf for leaf in module.parameters() if leaf.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": settings.weight_decay},
        {"params": others, "lr": 2 * rate},
    ]
    return torch.optim.SGD(groups, rate, momentum=settings.momentum, fused=True)
