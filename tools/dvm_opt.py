"""dvm-opt: xDSL's optimizer driver with the dialects, passes and targets of DVM.

It differs from `xdsl-opt` in that wrong input gives one message and no traceback, with the line of the operation it is
about; that an output file is written whole or not at all; and that `-t dvm-bytecode` writes bytes.
"""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from typing import IO, Self, TextIO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.frontend.mlir import MLIRFrontend
from xdsl.passes import PassPipeline
from xdsl.utils.arg_spec import ArgSpec, parse_spec
from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, ParseError
from xdsl.xdsl_opt_main import xDSLOptMain

from dvm_dialects import get_all_dialects
from dvm_dialects.diagnostics import explain
from dvm_dialects.source import parse_module
from passes import PIPELINE, get_all_passes, get_all_targets
from passes.dvm_compile import DvmCompilePass
from tools.command import run
from vm.errors import CompileError, DvmError
from vm.files import replacing

BINARY_TARGET = "dvm-bytecode"

EPILOG = f"""\
the passes of DVM, in their order:
  {", ".join(PIPELINE)};
  dvm-compile runs them all

examples:
  dvm-opt examples/softmax.mlir -p dvm-simplify,dvm-decompose,dvm-deduce-shapes,dvm-fuse
  dvm-opt examples/softmax.mlir -p dvm-compile --print-between-passes
  dvm-opt examples/softmax.mlir -p dvm-compile -t dvm-asm
  dvm-opt examples/softmax.mlir -p dvm-compile -t dvm-bytecode -o softmax.dvmb
"""


def main(args: Sequence[str] | None = None) -> int:
    """The tool; returns its exit code."""
    return run("dvm-opt", lambda: _run(args))


def _run(args: Sequence[str] | None) -> None:
    try:
        driver = DvmOptMain(args)
    except ArgSpecParseError as error:  # of -t or -f; that of -p is met below
        raise DvmError(str(error).strip()) from None
    try:
        driver.run()
    except (ParseError, DiagnosticException) as error:
        raise CompileError(explain(error, driver.module)) from None
    except UnicodeDecodeError as error:
        raise CompileError(f"{driver.get_input_name()}: no UTF-8 text: {error.reason}, byte {error.start}") from None


@dataclass(frozen=True)
class LocatedMLIRFrontend(MLIRFrontend):
    """Reads `.mlir` so that every operation knows where it was written."""

    @classmethod
    def from_spec(cls, spec: ArgSpec) -> Self:
        try:
            return super().from_spec(spec)
        except ValueError as error:
            raise DvmError(f"-f: {error}") from None

    def parse(self, ctx: Context, input: IO[bytes], input_name: str = "input") -> ModuleOp:
        if self.no_implicit_module:
            return super().parse(ctx, input, input_name)
        return parse_module(ctx, input.read(), input_name)


class DvmOptMain(xDSLOptMain):
    """The driver."""

    version_format = "dvm-opt, built with xDSL {xdsl_version}"

    def __init__(self, args: Sequence[str] | None = None) -> None:
        self._content = _KeptBytes()
        self._stream: TextIO = sys.stdout
        self.module: ModuleOp | None = None
        super().__init__("Run passes of DVM and xDSL over an operator graph, and print the result.", args)

    def register_all_arguments(self, arg_parser: ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        arg_parser.epilog = EPILOG
        arg_parser.formatter_class = RawDescriptionHelpFormatter

    def register_all_dialects(self) -> None:
        """Ours even where the entry point of the package is not installed."""
        super().register_all_dialects()
        for name, factory in get_all_dialects().items():
            if name not in self.ctx.registered_dialect_names:
                self.ctx.register_dialect(name, factory)

    def register_all_passes(self) -> None:
        super().register_all_passes()
        self.available_passes |= get_all_passes()

    def register_all_targets(self) -> None:
        super().register_all_targets()
        self.available_targets |= get_all_targets()

    def register_all_frontends(self) -> None:
        super().register_all_frontends()
        self.available_frontends["mlir"] = lambda: LocatedMLIRFrontend

    def setup_pipeline(self) -> None:
        """As in xDSL, but dvm-compile becomes the passes it stands for, so that each is verified, printed and timed."""
        try:
            super().setup_pipeline()
        except (ValueError, ArgSpecParseError) as error:
            raise DvmError(f"-p: {str(error).strip()}") from None
        parts = (
            part
            for each in self.pipeline.passes
            for part in (each.passes() if isinstance(each, DvmCompilePass) else (each,))
        )
        self.pipeline = PassPipeline(tuple(parts), self.pipeline.callback)

    def get_input_stream(self) -> tuple[IO[bytes], str]:
        """The input and its extension; `-f` stands in for that, which xDSL would refuse before it looks at `-f`."""
        stream, extension = super().get_input_stream()
        return stream, parse_spec(self.args.frontend).name if self.args.frontend else extension

    def prepare_input(self) -> tuple[list[tuple[IO[bytes], int]], str]:
        try:
            return super().prepare_input()
        except ValueError as error:
            raise DvmError(f"{self.get_input_name()}: {error}; -f mlir reads it all the same") from None

    def prepare_output(self) -> TextIO:
        """Standard output, or memory, whose content `run` writes to the output file in the end."""
        if self.args.output_file is not None:
            self._stream = TextIOWrapper(self._content, encoding="utf-8")
        elif self._writes_bytes() and sys.stdout.isatty():
            raise DvmError(f"-t {BINARY_TARGET} does not write to a terminal: give -o FILE")
        return self._stream

    def parse_chunk(self, chunk: IO[bytes], file_extension: str, start_offset: int = 0) -> ModuleOp | None:
        self.module = super().parse_chunk(chunk, file_extension, start_offset)
        return self.module

    def output_resulting_program(self, prog: ModuleOp) -> str:
        """The text of the program; bytes go past xDSL's driver, which writes text only."""
        if not self._writes_bytes():
            return super().output_resulting_program(prog)
        from passes.targets import DvmBytecodeTarget

        self._stream.buffer.write(DvmBytecodeTarget.from_spec(parse_spec(self.args.target)).payload(prog))
        return ""

    def run(self) -> None:
        super().run()
        if self.args.output_file is not None:
            with replacing(self.args.output_file) as file:
                file.write(self._content.kept)

    def _writes_bytes(self) -> bool:
        return parse_spec(self.args.target).name == BINARY_TARGET


class _KeptBytes(BytesIO):
    """Keeps its content when it is closed, which xDSL's driver does in the end."""

    kept = b""

    def close(self) -> None:
        self.kept = self.getvalue()
        super().close()


if __name__ == "__main__":
    raise SystemExit(main())
