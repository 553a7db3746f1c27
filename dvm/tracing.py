"""What `dvm.jit` and `dvm.kernel` share: the table of what a function became when it was traced, and the names of arguments."""

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar

from dvm.nesting import Structure, paths
from vm.errors import DvmError

TRACE_LIMIT = 256
"""Traces that a function keeps; the oldest go first."""

Made = TypeVar("Made")


class TraceTable(Generic[Made]):
    """What a function became, by the kind of its arguments. Any number of threads may ask at once: one of them traces."""

    def __init__(self, label: str) -> None:
        """`label` names the function in messages: "jit: an argument of 'softmax'"."""
        self._label = label
        self._made: dict[Any, Made] = {}
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._made)

    def values(self) -> tuple[Made, ...]:
        """All that is kept."""
        return tuple(self._made.values())

    def find(self, key: Any, trace: Callable[[], Made]) -> Made:
        """What is there for a kind of arguments, or what `trace` gives now. Raises DvmError where the kind cannot be hashed."""
        try:
            found = self._made.get(key)
        except TypeError as error:
            raise DvmError(f"{self._label} is neither an array nor a number, and not hashable") from error
        if found is None:
            with self._lock:
                found = self._made.get(key)
                if found is None:
                    found = trace()
                    if len(self._made) >= TRACE_LIMIT:
                        del self._made[next(iter(self._made))]
                    self._made[key] = found
        return found


def argument_names(structure: Structure, name_of: Callable[[int], str]) -> list[str]:
    """Names for the leaves of positional arguments, of which `name_of` gives the name, and of named ones."""
    assert structure is not None
    _, _, of_arguments, of_options = structure
    names = [path for at, part in enumerate(of_arguments[2:]) for path in paths(part, name_of(at))]
    return names + [
        path for name, part in zip(of_options[1], of_options[2:], strict=True) for path in paths(part, name)
    ]
