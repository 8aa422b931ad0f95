"""Reads the pickles inside PyTorch files as data: no import, no call, no object construction.

`pickletools.genops` decodes the opcodes; this small stack machine interprets the few that a
state dict needs. A global is only a name here, and the four that matter are interpreted by this
file (an ordered dict becomes a dict, a rebuilt tensor a `Tensor` record). Anything else is refused.
"""

import math
import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

from siamfc_jax.weights import WeightsError

_REMEDY = (
    "nothing was executed; in the program that made the file, "
    "torch.save(model.state_dict(), ...) gives one that can be imported"
)
_STORAGES = {
    f"{kind}Storage"
    for kind in ("Float", "Double", "Half", "BFloat16")
    + ("Long", "Int", "Short", "Char", "Byte", "Bool")
}
_MARK = object()


class Global(NamedTuple):
    """A name in a pickle; never looked up."""

    module: str
    name: str


class Storage(NamedTuple):
    """Flat memory kept elsewhere in the file: `numel` elements of `kind`, found under `key`."""

    kind: str
    key: str
    numel: int
    view_offset: int = 0


class Tensor(NamedTuple):
    """A strided view of a storage, within its bounds; offset and strides count elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_pickle(stream: BinaryIO) -> Any:
    """The value of the next pickle in `stream`, which is left just behind it.

    Values are None, bool, int, float, str, tuple, list, dict, Global, Storage and Tensor.

    Raises:
      WeightsError: the pickle is damaged, or asks for anything a state dict has no need of.
    """
    try:
        return _interpret(stream)
    except WeightsError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, MemoryError) as error:
        raise WeightsError(f"holds a damaged pickle ({error!r})") from error


def _interpret(stream: BinaryIO) -> Any:
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for opcode, argument, _ in pickletools.genops(stream):
        name = opcode.name
        if name == "STOP":
            return stack.pop()
        if name in ("PROTO", "FRAME"):
            pass
        elif name in _LITERALS:
            stack.append(_LITERALS[name](argument))
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in _STACK_OPERATIONS:
            _STACK_OPERATIONS[name](stack)
        else:
            raise WeightsError(
                f"holds the pickle opcode {name}, which no state dict has; {_REMEDY}"
            )
    raise ValueError("no STOP")


_LITERALS: dict[str, Callable[[Any], Any]] = {
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"), lambda a: a),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE"), lambda a: a),
    # Strings of Python 2.
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING"), lambda a: a),
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_LIST": lambda _: [],
    "EMPTY_DICT": lambda _: {},
    "MARK": lambda _: _MARK,
    "GLOBAL": lambda a: _global(*a.split(" ", 1)),
}


def _pop_to_mark(stack: list[Any]) -> list[Any]:
    items = []
    while (item := stack.pop()) is not _MARK:
        items.append(item)
    return items[::-1]


def _tuple(stack: list[Any], length: int) -> None:
    items = [stack.pop() for _ in range(length)]
    stack.append(tuple(items[::-1]))


def _append(stack: list[Any], items: list[Any]) -> None:
    if not isinstance(stack[-1], list):
        raise ValueError("append to something that is not a list")
    stack[-1].extend(items)


def _set_items(stack: list[Any], items: list[Any]) -> None:
    if not isinstance(stack[-1], dict):
        raise ValueError("items for something that is not a dict")
    for key, value in zip(items[::2], items[1::2], strict=True):
        stack[-1][_key(key)] = value


def _key(key: Any) -> str | int:
    # Also keeps hostile keys out, such as nested tuples that take forever to hash.
    if not isinstance(key, str | int):
        raise ValueError(f"dict key of type {type(key).__name__}")
    return key


def _stack_global(stack: list[Any]) -> None:
    name, module = stack.pop(), stack.pop()
    stack.append(_global(module, name))


def _global(module: str, name: str) -> Global:
    found = Global(module, name)
    if found not in _REBUILDERS and not (module == "torch" and name in _STORAGES):
        raise WeightsError(
            f"holds the Python object {module}.{name}, which no state dict has; {_REMEDY}"
        )
    return found


def _persistent_id(stack: list[Any]) -> None:
    tag, storage_type, key, _, numel, *view = stack.pop()
    if tag != "storage" or not isinstance(storage_type, Global) or not isinstance(key, str):
        raise ValueError("persistent id that is not a storage")
    offset = 0
    if view and view[0] is not None:  # (key, offset, size) of a part; PyTorch before 1.6
        _, offset, _ = view[0]
    stack.append(Storage(storage_type.name, key, _count(numel), _count(offset)))


def _reduce(stack: list[Any]) -> None:
    arguments, function = stack.pop(), stack.pop()
    if not isinstance(arguments, tuple):
        raise ValueError("call without an argument tuple")
    if not isinstance(function, Global) or function not in _REBUILDERS:
        what = ".".join(function) if isinstance(function, Global) else type(function).__name__
        raise WeightsError(f"holds a call of {what}, which no state dict has; {_REMEDY}")
    stack.append(_REBUILDERS[function](*arguments))


def _build(stack: list[Any]) -> None:
    stack.pop()  # attributes of an ordered dict: `_metadata` with module versions
    if not isinstance(stack[-1], dict):
        raise WeightsError(f"sets attributes of a {type(stack[-1]).__name__}; {_REMEDY}")


_STACK_OPERATIONS: dict[str, Callable[[list[Any]], None]] = {
    "TUPLE": lambda stack: stack.append(tuple(_pop_to_mark(stack))),
    "TUPLE1": lambda stack: _tuple(stack, 1),
    "TUPLE2": lambda stack: _tuple(stack, 2),
    "TUPLE3": lambda stack: _tuple(stack, 3),
    "APPEND": lambda stack: _append(stack, [stack.pop()]),
    "APPENDS": lambda stack: _append(stack, _pop_to_mark(stack)),
    "SETITEM": lambda stack: _set_items(stack, [stack.pop(-2), stack.pop()]),
    "SETITEMS": lambda stack: _set_items(stack, _pop_to_mark(stack)),
    "STACK_GLOBAL": _stack_global,
    "BINPERSID": _persistent_id,
    "REDUCE": _reduce,
    "BUILD": _build,
}


def _ordered_dict(pairs: Any = ()) -> dict[Any, Any]:
    return {_key(key): value for key, value in pairs}


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    if not isinstance(storage, Storage) or len(size) != len(stride):
        raise ValueError("tensor without a storage, or with unequal size and stride")
    size, stride = tuple(map(_count, size)), tuple(map(_count, stride))
    start = _count(offset) + storage.view_offset
    elements = math.prod(size)
    last = start + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    # The first condition bounds memory (a stride of 0 could repeat one element for ever).
    if elements > storage.numel or (elements and last >= storage.numel):
        raise ValueError("tensor reaches beyond its storage")
    return Tensor(storage, start, size, stride)


def _parameter(data: Any, *_: Any) -> Tensor:
    if not isinstance(data, Tensor):
        raise ValueError("parameter without a tensor")
    return data


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("a count is negative or not an int")
    return value


_REBUILDERS: dict[Global, Callable[..., Any]] = {
    Global("collections", "OrderedDict"): _ordered_dict,
    Global("torch._utils", "_rebuild_tensor"): _tensor,
    Global("torch._utils", "_rebuild_tensor_v2"): _tensor,
    Global("torch._utils", "_rebuild_parameter"): _parameter,
}
