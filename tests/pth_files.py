"""Weight files as PyTorch writes them, made without PyTorch."""

import io
import pickle
import zipfile
from collections import OrderedDict

import numpy as np

WIDTHS, GROUPS = (8, 16, 12, 12, 8), (1, 2, 1, 2, 2)
KERNELS, STRIDES = (11, 5, 3, 3, 3), (2, 1, 1, 1, 1)


def state_dict(conv="features.{0}", bn="features.{1}", norms=4, **more):
    """A SiamFC port's arrays, named by `conv` and `bn` from the layer number (from 1)."""
    rng = np.random.default_rng(0)
    at = [(0, 1), (4, 5), (8, 9), (11, 12), (14, 15)]
    arrays, channels = OrderedDict(), 3
    for n in range(5):
        name = conv.format(*at[n], n=n + 1)
        shape = (WIDTHS[n], channels // GROUPS[n], KERNELS[n], KERNELS[n])
        arrays[f"{name}.weight"] = rng.normal(size=shape).astype(np.float32)
        arrays[f"{name}.bias"] = rng.normal(size=WIDTHS[n]).astype(np.float32)
        channels = WIDTHS[n]
        if n < norms:
            name = bn.format(*at[n], n=n + 1)
            for kind in ("weight", "bias", "running_mean", "running_var"):
                arrays[f"{name}.{kind}"] = rng.uniform(0.5, 2, channels).astype(np.float32)
            arrays[f"{name}.num_batches_tracked"] = np.array(7, np.int64)
    return OrderedDict(arrays, **more)


class Name:
    """Pickled as a global that need not exist."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self):
        raise AssertionError("never called")


class FakeStorage:
    def __init__(self, array, kind):
        self.array, self.kind = array, kind


class TorchPickler(pickle._Pickler):
    def __init__(self, file, legacy):
        super().__init__(file, protocol=2)
        self.legacy, self.storages = legacy, []

    def persistent_id(self, obj):
        if not isinstance(obj, FakeStorage):
            return None
        self.storages.append(obj.array)
        key = str(len(self.storages) - 1)
        described = ("storage", Name("torch", obj.kind), key, "cuda:0", obj.array.size)
        return (*described, None) if self.legacy else described

    def save_name(self, obj):
        self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())

    def save_array(self, array):
        kind = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long"}[array.dtype.str[1:]]
        strides = tuple(s // array.itemsize for s in array.strides)
        # Ravelled in memory order, so that a transposed array is stored as a strided view.
        storage = FakeStorage(array.ravel("K"), f"{kind}Storage")
        arguments = (storage, 0, array.shape, strides, False, OrderedDict())
        self.save_reduce(Name("torch._utils", "_rebuild_tensor_v2"), arguments, obj=array)

    dispatch = dict(pickle._Pickler.dispatch)
    dispatch[Name] = save_name
    dispatch[np.ndarray] = save_array


def pickled(value, legacy):
    stream = io.BytesIO()
    pickler = TorchPickler(stream, legacy)
    pickler.dump(value)
    return stream.getvalue(), pickler.storages


def zip_file(value, byteorder="little"):
    pickle_bytes, storages = pickled(value, legacy=False)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("net/data.pkl", pickle_bytes)
        archive.writestr("net/byteorder", byteorder)
        for key, array in enumerate(storages):
            order = "<" if byteorder == "little" else ">"
            archive.writestr(f"net/data/{key}", array.astype(array.dtype.newbyteorder(order)).data)
        archive.writestr("net/version", "3\n")
    return stream.getvalue()


def legacy_file(value):
    body, storages = pickled(value, legacy=True)
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    header = [pickle.dumps(v, 2) for v in (0x1950A86A20F9469CFC6C, 1001, system)]
    keys = pickle.dumps([str(key) for key in range(len(storages))], 2)
    raw = [array.size.to_bytes(8, "little") + array.tobytes() for array in storages]
    return b"".join([*header, body, keys, *raw])
