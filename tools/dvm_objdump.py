"""dvm-objdump: print what a bytecode file holds, with a comment in plain words for each instruction."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tools.arrays import DEFAULT_DIM, complete_sizes, parse_sizes
from tools.command import run

if TYPE_CHECKING:
    from dvm import Program


def main(args: Sequence[str] | None = None) -> int:
    """The tool; returns its exit code."""
    parser = argparse.ArgumentParser(prog="dvm-objdump", description="Print the disassembly of a DVM bytecode file.")
    parser.add_argument("program", help="a .dvmb file")
    parser.add_argument("--stats", action="store_true", help="print what a launch takes instead")
    parser.add_argument(
        "--dims",
        action="append",
        default=[],
        metavar="NAME=SIZE[,...]",
        help=f"sizes of dynamic dims for --stats (else {DEFAULT_DIM})",
    )
    options = parser.parse_args(args)
    if options.dims and not options.stats:
        parser.error("--dims sets the sizes of a launch: it needs --stats")

    def dump() -> None:
        import dvm

        program = dvm.load(options.program)
        if options.stats:
            _print_stats(program, options.dims)
        else:
            print(program.disassemble().rstrip("\n"))

    return run("dvm-objdump", dump)


def _print_stats(program: "Program", dims: Sequence[str]) -> None:
    sizes, assumed = complete_sizes(parse_sizes(dims, program.inputs), {}, program.inputs)
    if assumed:
        settings = ",".join(f"{symbol}={sizes[symbol]}" for symbol in assumed)
        print(f"dvm-objdump: for --dims {settings}", file=sys.stderr)
    costs = program.costs(*program.input_shapes(sizes))
    variants = program.stats["variants"]
    rows = (
        ("variant", f"{costs.variant} of {variants}" if variants > 1 else "the only one"),
        ("launches", f"{costs.launches:,}"),
        ("stages", f"{costs.stages:,}"),
        ("kernels", f"{costs.kernels:,}"),
        ("instructions", f"{costs.instructions:,}"),
        ("UB slots", f"{costs.slots:,}"),
        ("UB bytes", f"{costs.unified_buffer_bytes:,}"),
        ("bytes read", f"{costs.bytes_read:,}"),
        ("bytes written", f"{costs.bytes_written:,}"),
        ("bytes moved for an output element", f"{costs.bytes_per_output_element:.1f}"),
        ("workspace bytes", f"{costs.workspace_bytes:,}"),
        ("workspace bytes without reuse", f"{costs.separate_workspace_bytes:,}"),
    )
    for name, value in rows:
        print(f"{name:<34}{value:>16}")


if __name__ == "__main__":
    raise SystemExit(main())
