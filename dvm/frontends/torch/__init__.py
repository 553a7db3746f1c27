"""PyTorch: `backend` is that of `torch.compile`, `lazy` is run-time fusion in eager mode, `explanation` tells what DVM takes."""

from dvm.frontends.torch.openmp import OPENMP
from dvm.program import default_device

if default_device().engine == "native":
    from vm.native_engine import share_threads

    share_threads(OPENMP)
else:
    from dvm.frontends.torch.tile_functions import LIBRARY

    if LIBRARY is not None:
        default_device().use(LIBRARY)
