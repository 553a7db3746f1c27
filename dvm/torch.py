"""DVM for PyTorch: `torch.compile(model, backend="dvm")`, which needs no import, `dvm.torch.lazy()`, `dvm.torch.explain`."""

from dvm.frontends.torch import *  # noqa: F403 - what it exports is listed there
