"""What DVM adds to xDSL's tools: the entry point through which `xdsl-opt` and `xdsl-gui` find it."""

from xdsl.universe import Universe

from dvm_dialects import get_all_dialects
from passes import get_all_passes, get_all_targets

DVM_UNIVERSE = Universe(
    all_dialects=get_all_dialects(),
    all_passes=get_all_passes(),
    all_targets=get_all_targets(),
)
