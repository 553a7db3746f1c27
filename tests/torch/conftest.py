"""What the tests of the PyTorch front end share."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Nothing compiled before; PyTorch's warnings about itself are not the tests' concern."""
    torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()
