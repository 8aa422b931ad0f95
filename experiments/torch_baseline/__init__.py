"""Our networks in plain PyTorch, written for the benchmark: what a careful port would do.

Channels-last, folded batch norms, inference mode, one batch for all scales, no work repeated
between frames. Only `experiments.benchmark` imports it; PyTorch is in the extra `benchmark`.
"""
