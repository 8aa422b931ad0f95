"""What a file that holds only arrays leaves unsaid about a SiamFC AlexNet."""

from collections.abc import Sequence


def strides_of(layer_index: int) -> int:
    """Stride of convolution `layer_index` (from 0): only the first one strides."""
    return 2 if layer_index == 0 else 1


def pool_strides_of(widths: Sequence[int]) -> list[int]:
    """Stride of the max pool after each layer, 0 where there is none.

    Total stride 8, except for the narrow embeddings (32 channels) of the CFNet baselines and the
    ports that follow them: their second pool has stride 1, total stride 4.
    """
    second = 1 if widths and widths[-1] == 32 else 2
    return [2, second, 0, 0, 0][: len(widths)]
