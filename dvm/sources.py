"""Where the text of an operator graph comes from. The compiler is not imported for that: a cached program needs none."""

import os
from pathlib import Path

from vm.errors import CompileError, DvmError


def read_text(source: str | os.PathLike[str]) -> tuple[str, str]:
    """The name and the text of a source: of a path, or of text itself (told by its braces or line ends).

    Raises DvmError where a file cannot be read, CompileError where there is nothing.
    """
    if isinstance(source, str):
        if not source.strip():
            raise CompileError("the source is empty: give the path of a file, or the text of a graph")
        if "{" in source or "\n" in source:
            return "<text>", source
    name = os.fspath(source)
    try:
        return name, Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise DvmError(f"cannot read '{name}': {reason}") from error
