"""Trackers for others' runtimes: StableHLO, ONNX; weights in PyTorch's layout.

source = artefacts.read_source("siamfc-3s")
stablehlo.write_stablehlo(source, "exported")
onnx_files.write_onnx(source, "exported")
torch_files.write_torch("siamfc-3s", "exported/siamfc-3s_torch.safetensors")
"""
