"""What is said of operations that stay in PyTorch."""

import logging
from typing import Any

LOG = logging.getLogger("dvm.torch")

_said: set[tuple[str, str]] = set()


def left_to_torch(operation: Any, reason: object) -> None:
    """Say once, in the debug log, that PyTorch does an operation, and why."""
    said = str(operation), str(reason)
    if said not in _said:
        _said.add(said)
        LOG.debug("PyTorch does %s: %s", *said)
