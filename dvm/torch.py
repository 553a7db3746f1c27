"""DVM for PyTorch: `dvm.torch.lazy()`, `dvm.torch.explain`; `torch.compile(model, backend="dvm")` needs no import."""

from typing import TYPE_CHECKING, Any

from dvm.frontends.torch.lazy import lazy

if TYPE_CHECKING:
    from dvm.frontends.torch.explanation import Explanation, explain

__all__ = ["Explanation", "explain", "lazy"]


def __getattr__(name: str) -> Any:
    """What needs Dynamo, which takes a second to import, when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'dvm.torch' has no attribute '{name}'")
    from dvm.frontends.torch import explanation

    return getattr(explanation, name)
