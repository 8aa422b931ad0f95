"""Tracks with what `experiments.export --format=stablehlo` wrote; needs jax, numpy and av alone.

python run_stablehlo.py FOLDER VIDEO X,Y,W,H [X,Y,W,H ...]     prints frame,target,x,y,w,h,score
"""

import json
import sys
from pathlib import Path

import av
import jax
import numpy as np
from jax import export

folder, video, *boxes = sys.argv[1:]
manifest = json.loads((Path(folder) / "stablehlo.json").read_text())
options = manifest["compiler_options"].get(jax.default_backend(), {})


functions = {}
for name, function in manifest["functions"].items():
    exported = export.deserialize(bytearray((Path(folder) / function["file"]).read_bytes()))
    # The options only make it faster; leave them out where another version of XLA refuses them.
    functions[name] = jax.jit(exported.call, compiler_options=options)

state = None
for number, decoded in enumerate(av.open(video).decode(video=0)):
    frame = decoded.to_ndarray(format="rgb24")
    if state is None:
        start = np.asarray([box.split(",") for box in boxes], np.float32)
        state, prediction = functions["init"](frame, start)
    else:
        state, prediction = functions["step"](state, frame)
    for target, box in enumerate(np.asarray(prediction["box"])):
        score = float(prediction["score"][target])
        print(number, target, *(f"{value:.3f}" for value in box), f"{score:.4f}", sep=",")
