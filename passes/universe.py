"""What DVM adds to xDSL's tools: the entry point through which `xdsl-opt` and `xdsl-gui` find it.

The target dvm-bytecode is not among it, because these tools write only text: it is for `dvm-opt`.
"""

from xdsl.universe import Universe

from dvm_dialects import get_all_dialects
from passes import get_all_passes, get_all_targets

DVM_UNIVERSE = Universe(
    all_dialects=get_all_dialects(),
    all_passes=get_all_passes(),
    all_targets={name: target for name, target in get_all_targets().items() if name != "dvm-bytecode"},
)
