"""Tracks with what `experiments.export --format=onnx` wrote; needs onnxruntime, numpy and av alone.

python run_onnx.py FOLDER VIDEO X,Y,W,H [X,Y,W,H ...]          prints frame,target,x,y,w,h,score
"""

import sys
from pathlib import Path

import av
import numpy as np
import onnxruntime

folder, video, *boxes = sys.argv[1:]
sessions = {
    name: onnxruntime.InferenceSession(Path(folder) / f"{name}.onnx") for name in ("init", "step")
}


STATE = [value.name for value in sessions["step"].get_inputs() if value.name != "frame"]
prediction: dict[str, np.ndarray] = {}
for number, decoded in enumerate(av.open(video).decode(video=0)):
    frame = decoded.to_ndarray(format="rgb24")
    if number == 0:
        name, inputs = "init", {"boxes": np.asarray([b.split(",") for b in boxes], np.float32)}
    else:
        name, inputs = "step", {value: prediction[f"new_{value}"] for value in STATE}
    outputs = [output.name for output in sessions[name].get_outputs()]
    results = sessions[name].run(outputs, {"frame": frame, **inputs})
    prediction = dict(zip(outputs, results, strict=True))
    for target, box in enumerate(prediction["box"]):
        score = prediction["score"][target]
        print(number, target, *(f"{value:.3f}" for value in box), f"{score:.4f}", sep=",")
