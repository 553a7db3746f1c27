"""Values nested in tuples, named tuples, lists and dicts: taken apart into leaves and a structure, and put together again."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

Structure = tuple[Any, ...] | None
"""None for a leaf; else the type, the keys of a dict, and the structure of each item. It can be hashed."""


def flatten(value: Any, leaves: list[Any]) -> Structure:
    """The structure of a value; appends its leaves, those of a dict in the order of the sorted keys."""
    kind: Any = cast(object, type(value))
    if kind in (tuple, list) or (isinstance(value, tuple) and hasattr(kind, "_fields")):
        return kind, None, *[flatten(item, leaves) for item in cast("Sequence[Any]", value)]
    if kind is dict:
        items = cast("dict[Any, Any]", value)
        keys = tuple(sorted(items, key=lambda key: (type(key).__name__, key)))
        return dict, keys, *[flatten(items[key], leaves) for key in keys]
    leaves.append(value)
    return None


def unflatten(structure: Structure, leaves: Iterable[Any]) -> Any:
    """The value of a structure and its leaves."""
    return _put_together(structure, iter(leaves))


def _put_together(structure: Structure, leaves: Iterator[Any]) -> Any:
    if structure is None:
        return next(leaves)
    kind, keys, *parts = structure
    items = [_put_together(part, leaves) for part in parts]
    if kind is dict:
        return dict(zip(keys, items, strict=True))
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def paths(structure: Structure, name: str) -> list[str]:
    """A name for each leaf, such as `weights_0` for the first item of `weights`."""
    if structure is None:
        return [name]
    kind, keys, *parts = structure
    places: Sequence[Any] = keys if keys is not None else getattr(kind, "_fields", range(len(parts)))
    return [path for place, part in zip(places, parts, strict=True) for path in paths(part, f"{name}_{place}")]
