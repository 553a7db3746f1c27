"""PyTorch: `torch.compile(model, backend="dvm")` and `dvm.torch.lazy()`."""

from dvm.frontends.torch.lazy import lazy

__all__ = ["lazy"]
