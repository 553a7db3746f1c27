"""dvm-objdump: print what a bytecode file holds, with a comment in plain words for each instruction."""

import argparse
from collections.abc import Sequence

from tools.command import run


def main(args: Sequence[str] | None = None) -> int:
    """The tool; returns its exit code."""
    parser = argparse.ArgumentParser(prog="dvm-objdump", description="Print the disassembly of a DVM bytecode file.")
    parser.add_argument("program", help="a .dvmb file")
    options = parser.parse_args(args)

    def dump() -> None:
        import dvm

        print(dvm.load(options.program).disassemble().rstrip("\n"))

    return run("dvm-objdump", dump)


if __name__ == "__main__":
    raise SystemExit(main())
