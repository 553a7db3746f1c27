"""The error of verification, and the limits of its own that the instruction set does not give."""

from vm.errors import BytecodeError

MAX_RANK = 8
"""The most dims that a tensor has."""


class VerificationError(BytecodeError):
    """A fault of a program, with the record it lies in: `number` in the field `table` of the program or of its `kernel`.

    `graph` is the number of the program in a file that holds several, the signature of a host program being 0. The
    container turns the record into a byte offset.
    """

    def __init__(self, message: str, table: str, number: int, kernel: int = -1, graph: int = 0) -> None:
        super().__init__(message)
        self.table = table
        self.number = number
        self.kernel = kernel
        self.graph = graph
