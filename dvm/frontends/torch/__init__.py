"""PyTorch: `backend` is that of `torch.compile`, `lazy` is run-time fusion in eager mode, `explanation` tells what DVM takes."""

from dvm.frontends.torch.tile_functions import LIBRARY
from dvm.program import default_device

if LIBRARY is not None:
    default_device().use(LIBRARY)
