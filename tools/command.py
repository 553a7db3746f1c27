"""What the command lines share: an error of the input becomes one message on standard error, and an exit code."""

import os
import sys
from collections.abc import Callable

from vm.errors import DvmError


def run(tool: str, body: Callable[[], None]) -> int:
    """Run `body` and return the exit code: 0 done, 1 the input is wrong.

    Wrong input is a DvmError, a file that cannot be read or written, or arrays too large for the memory; one message is
    printed for it. Anything else is a fault of DVM and keeps its traceback.
    """
    try:
        body()
        # Here and not at exit, where a reader that went away could not be told from a fault.
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except DvmError as error:
        message = str(error)
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename is not None else str(error)
    except MemoryError as error:
        message = str(error) or "out of memory"
    else:
        return 0
    print(f"{tool}: {message}", file=sys.stderr)
    return 1
