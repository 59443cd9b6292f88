"""Values made of arrays, laid out flat and put together again: for files and for caches."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    Arrays = Mapping[str, NDArray[Any]]

T = TypeVar("T")

# What the hint NDArray[...] is of: until numpy 2.4 it is np.ndarray itself, since 2.5 an alias.
_ARRAYS = (np.ndarray, NDArray)


def to_arrays(value: object) -> dict[str, NDArray[Any]]:
    """Lay out a dataclass, a tuple or a mapping of arrays, numbers and such values.

    Returns
    -------
    dict of str to ndarray
        By path: names of fields and numbers in tuples, with dots between. A number is an array
        without axes; what is None is left out.

    Raises
    ------
    TypeError
        If something else is in it.
    """
    if isinstance(value, np.ndarray):
        return {"": value}
    if isinstance(value, int | float):
        return {"": np.array(float(value))}
    if value is None:
        return {}
    if isinstance(value, tuple):
        parts = {str(number): part for number, part in enumerate(value)}
    elif isinstance(value, dict):
        parts = value
    elif is_dataclass(value):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
    else:
        raise TypeError(f"Cannot lay out a {type(value).__name__}.")
    return {
        f"{name}.{rest}" if rest else name: array
        for name, part in parts.items()
        for rest, array in to_arrays(part).items()
    }


def from_arrays(kind: type[T], arrays: Arrays, **others: object) -> T:
    """Put together a dataclass that `to_arrays` laid out.

    Parameters
    ----------
    kind : type
        A dataclass; the types of its fields say what they are made of.
    arrays : mapping of str to ndarray
        From `to_arrays`.
    **others : object
        Fields that are not made of arrays.

    Raises
    ------
    KeyError
        If an array is missing.
    """
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind) if f.name not in others]  # type: ignore[arg-type]
    made = {name: _made(hints[name], arrays_below(arrays, name)) for name in names}
    return kind(**made, **others)


def _made(hint: Any, arrays: Arrays) -> Any:
    if hint is float:
        return float(arrays[""])
    if get_origin(hint) in _ARRAYS:
        return arrays[""]
    if get_origin(hint) is tuple:
        each, count = get_args(hint)[0], len({name.partition(".")[0] for name in arrays})
        return tuple(_made(each, arrays_below(arrays, str(number))) for number in range(count))
    if NoneType in get_args(hint):
        return _made(get_args(hint)[0], arrays) if arrays else None
    return from_arrays(hint, arrays)


def arrays_below(arrays: Arrays, name: str) -> Arrays:
    """Return the arrays of one part, by the rest of their paths."""
    parts = ((path.partition("."), array) for path, array in arrays.items())
    return {rest: array for (first, _, rest), array in parts if first == name}
