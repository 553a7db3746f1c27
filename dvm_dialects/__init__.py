"""The dialects: `dvm` the operator graph, `vk` the fused kernels, `visa` the virtual instructions, `host` what launches."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.ir import Dialect


def get_all_dialects() -> "dict[str, Callable[[], Dialect]]":
    """The dialects by name, each imported when its factory is called."""

    def get_dvm():
        from dvm_dialects.dvm import Dvm

        return Dvm

    def get_vk():
        from dvm_dialects.vk import VK

        return VK

    def get_visa():
        from dvm_dialects.visa import VISA

        return VISA

    def get_host():
        from dvm_dialects.host import HOST

        return HOST

    return {"dvm": get_dvm, "vk": get_vk, "visa": get_visa, "host": get_host}
