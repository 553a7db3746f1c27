"""One-line messages, with the place where there is one, for what xDSL raises about an operator graph."""

from xdsl.dialects.builtin import FileLineColLoc, ModuleOp
from xdsl.ir import Operation
from xdsl.utils.exceptions import DiagnosticException, ParseError, VerifyException


def explain(error: ParseError | DiagnosticException, module: ModuleOp | None = None) -> str:
    """The message of an error of parsing, verifying or a pass, such as "model.mlir:7:3: dvm.binary Add: ...".

    `module` is the one that does not verify: the error itself does not know the operation it is about.
    """
    if isinstance(error, ParseError):
        return f"{error.span.get_location()}: {error.msg}"
    culprit = _culprit(module) if module is not None and isinstance(error, VerifyException) else None
    return f"{_place(culprit)}{error}" if culprit is not None else str(error)


def _culprit(module: ModuleOp) -> Operation | None:
    """The first operation that does not verify by itself."""
    for op in module.walk():
        try:
            op.verify(verify_nested_ops=False)
        except VerifyException:
            return op
    return None


def _place(op: Operation) -> str:
    match op.location:
        case FileLineColLoc(filename=file, line=line, column=column):
            return f"{file.data}:{line.data}:{column.data}: "
        case _:
            return ""
