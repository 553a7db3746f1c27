"""The errors DVM raises for bad input.

Every one derives from `DvmError`, whose text is one message that names the culprit; the tools print it and exit
with code 1. A fault in DVM itself is never reported as one of these.
"""


class DvmError(Exception):
    """Something the caller gave is wrong; the message names what and where."""


class CompileError(DvmError):
    """An operator graph cannot be compiled: it does not parse, verify, or its shapes can never fit."""


class BytecodeError(DvmError):
    """A `.dvmb` file is damaged, of another version, or not allowed; the message names the byte offset."""


class ShapeError(DvmError, ValueError):
    """The shapes, element types or number of the arrays given do not fit the program."""


class ExecutionError(DvmError):
    """The data given does not fit the program, such as a gather index out of range."""


class IndexOutOfRange(ExecutionError, IndexError):
    """An index of a gather is past the dim that it selects from."""
