"""Values made of arrays, laid out flat for the cache and put together again."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

_TUPLE = "tuple"
_LEAF = "value"


def pack(value: object) -> dict[str, NDArray[Any]]:
    """Lay out a dataclass, or a tuple, of arrays, numbers and such values.

    The name of an entry is its path: ``Class.field/Class.field/value``.
    """
    if isinstance(value, np.ndarray):
        return {_LEAF: value}
    if isinstance(value, int | float):
        return {_LEAF: np.array(float(value))}
    if isinstance(value, tuple):
        parts = {f"{_TUPLE}.{number}": part for number, part in enumerate(value)}
    elif is_dataclass(value):
        kind = type(value).__name__
        parts = {f"{kind}.{field.name}": getattr(value, field.name) for field in fields(value)}
    else:
        raise TypeError(f"Cannot lay out a {type(value).__name__}.")
    return {
        f"{name}/{rest}": array
        for name, part in parts.items()
        for rest, array in pack(part).items()
    }


def unpack(arrays: Arrays, classes: Mapping[str, type]) -> Any:
    """Put together what `pack` laid out.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        From `pack`.
    classes : mapping of str to type
        The dataclasses that may be in it, by name.

    Raises
    ------
    KeyError
        If there is another one.
    """
    if _LEAF in arrays:
        array = arrays[_LEAF]
        return array if array.shape else float(array)
    parts: dict[str, dict[str, NDArray[Any]]] = {}
    for path, array in arrays.items():
        name, _, rest = path.partition("/")
        parts.setdefault(name, {})[rest] = array
    made = {name.partition(".")[2]: unpack(part, classes) for name, part in parts.items()}
    kind = next(iter(parts)).partition(".")[0]
    if kind == _TUPLE:
        return tuple(made[str(number)] for number in range(len(made)))
    return classes[kind](**made)
