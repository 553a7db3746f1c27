"""One-line messages, with the place where there is one, for what xDSL and the passes raise about an operator graph."""

from collections.abc import Generator
from contextlib import contextmanager

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.utils.exceptions import DiagnosticException, ParseError, PassFailedException, VerifyException

from dvm_dialects.dvm_base import DvmOp
from dvm_dialects.source import place_of


def explain(error: ParseError | DiagnosticException, module: ModuleOp | None = None) -> str:
    """The message of an error of parsing, verifying or a pass, such as "model.mlir:7:3: dvm.binary Add: ...".

    `module` is the one that does not verify: the error itself does not know the operation it is about.
    """
    if isinstance(error, ParseError):
        return f"{error.span.get_location()}: {error.msg}"
    culprit = _culprit(module) if module is not None and isinstance(error, VerifyException) else None
    return f"{_place(culprit)}{error}" if culprit is not None else str(error)


def failure(op: Operation, message: str) -> PassFailedException:
    """The error of a pass about an operation, such as "model.mlir:7:3: dvm.binary Add: ...", for the pass to raise."""
    label = f"{label_of(op)}: "
    return PassFailedException(f"{_place(op)}{label}{message.removeprefix(label)}")


def remark(op: Operation, message: str) -> str:
    """A remark of a pass about an operation, such as "model.mlir:7:3: remark: dvm.binary Add: ...".

    The result stands in for a place where there is none.
    """
    place = _place(op)
    name = next((result.name_hint for result in op.results), None)
    return f"{place}remark: {label_of(op)}{f' %{name}' if name and not place else ''}: {message}"


@contextmanager
def failures_of(op: Operation) -> Generator[None]:
    """Inside of it, what is wrong with a type or property (VerifyException) is a failure about `op`."""
    try:
        yield
    except VerifyException as error:
        raise failure(op, str(error)) from None


def label_of(op: Operation) -> str:
    if isinstance(op, DvmOp):
        return op.label
    symbol = op.properties.get("sym_name")
    return f"{op.name} @{symbol.data}" if isinstance(symbol, StringAttr) else op.name


def _culprit(module: ModuleOp) -> Operation | None:
    """The first operation that does not verify by itself."""
    for op in module.walk():
        try:
            op.verify(verify_nested_ops=False)
        except VerifyException:
            return op
    return None


def _place(op: Operation) -> str:
    place = place_of(op.location)
    return f"{place.filename.data}:{place.line.data}:{place.column.data}: " if place is not None else ""
