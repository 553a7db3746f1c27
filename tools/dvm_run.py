"""dvm-run: run an operator graph or a bytecode file on arrays from files or on random ones.

It prints a line for each output, or writes them to a file; `--check` compares them with an independent evaluation of
the graph in NumPy, `--profile` shows where the time goes and `--trace` when each core did what.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tools.arrays import (
    DEFAULT_DIM,
    Array,
    check_output_path,
    complete_sizes,
    parse_sizes,
    random_array,
    read_inputs,
    write_outputs,
)
from tools.command import run
from vm.errors import DvmError
from vm.files import replacing

if TYPE_CHECKING:
    from dvm import Parameter, Program

EPILOG = """\
inputs:
  --input x=a.npy    the array for input x
  --input x=a.npz    the array named x of an archive, or its only one
  --input a.npz      the arrays of an archive, by their names
  --input a.npy      the array for the first input that no other option gives
  --random 1         all other inputs: normal floats, integers from 0 to 7, truth values
bf16 arrays are stored as NumPy stores ml_dtypes.bfloat16: as elements of two bytes.

examples:
  dvm-run examples/softmax.mlir --random 1 --dims rows=37,columns=1000 --check
  dvm-run examples/attention.mlir --random 1 --profile
  dvm-run examples/gelu_chain.mlir --random 1 --dims s0=4000 --trace trace.json
  dvm-run softmax.dvmb --input logits.npy --output probabilities.npy
"""


def main(args: Sequence[str] | None = None) -> int:
    """The tool; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="dvm-run",
        description="Run an operator graph (.mlir) or a bytecode file (.dvmb) on arrays.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("program", help="an .mlir or .dvmb file")
    parser.add_argument("--input", action="append", default=[], metavar="[NAME=]FILE", help="an .npy or .npz file")
    parser.add_argument(
        "--output", metavar="FILE", help="write the outputs to an .npz file, or .npy where there is one"
    )
    parser.add_argument("--random", type=int, metavar="SEED", help="make the inputs that are not given")
    parser.add_argument(
        "--dims",
        action="append",
        default=[],
        metavar="NAME=SIZE[,...]",
        help=f"sizes of dynamic dims for --random (else {DEFAULT_DIM})",
    )
    parser.add_argument("--check", action="store_true", help="compare with NumPy in float64; needs the .mlir file")
    parser.add_argument(
        "--profile", action="store_true", help="run once more, on one core, and show the time by opcode"
    )
    parser.add_argument(
        "--trace",
        metavar="FILE",
        help="run once more and write what each core did when, as JSON for chrome://tracing or Perfetto",
    )
    options = parser.parse_args(args)
    if options.dims and options.random is None:
        parser.error("--dims sets the sizes of random inputs: it needs --random")
    if options.random is not None and options.random < 0:
        parser.error("--random needs a seed that is not negative")
    return run("dvm-run", lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    import dvm

    path = Path(options.program)
    is_bytecode = path.suffix == ".dvmb"
    if options.check and is_bytecode:
        raise DvmError(f"--check needs the operator graph: {path} is bytecode, give the .mlir file")
    program = dvm.load(path) if is_bytecode else dvm.compile(path)
    output = Path(options.output) if options.output else None
    if output is not None:
        check_output_path(output, len(program.outputs))
    arrays = _inputs(program, options)
    results = program(*arrays)
    outputs: Sequence[Array] = (results,) if len(program.outputs) == 1 else results
    if options.check:
        check(path, program, arrays, outputs, print)
    if options.profile:
        _print_profile(program, arrays)
    if options.trace is not None:
        _write_trace(Path(options.trace), program, arrays)
    if output is not None:
        names = [parameter.name for parameter in program.outputs]
        write_outputs(output, dict(zip(names, outputs, strict=True)))
        return
    for parameter, array in zip(program.outputs, outputs, strict=True):
        print(_summary(parameter, array))


def _inputs(program: "Program", options: argparse.Namespace) -> list[Array]:
    """The arrays of all inputs; raises DvmError naming one that is neither given nor made at random."""
    given = read_inputs(options.input, program.inputs)
    if options.random is None:
        for parameter in program.inputs:
            if parameter.name not in given:
                raise DvmError(f"input {parameter} is missing: give --input {parameter.name}=FILE or --random SEED")
        return [given[parameter.name] for parameter in program.inputs]
    sizes, assumed = complete_sizes(parse_sizes(options.dims, program.inputs), given, program.inputs)
    if assumed:
        settings = ",".join(f"{symbol}={sizes[symbol]}" for symbol in assumed)
        print(f"dvm-run: running with --dims {settings}", file=sys.stderr)
    generator = np.random.default_rng(options.random)
    return [
        given[parameter.name] if parameter.name in given else random_array(parameter, shape, generator)
        for parameter, shape in zip(program.inputs, program.input_shapes(sizes), strict=True)
    ]


def check(
    path: Path, program: "Program", arrays: Sequence[Array], outputs: Sequence[Array], report: Callable[[str], None]
) -> None:
    """Compare outputs with the NumPy evaluation of the graph in `path`, reporting a line for each that is right.

    Raises DvmError for the first that is not.
    """
    from dvm.compiler import new_context, read_module
    from dvm.reference import compare, evaluate

    expected = evaluate(read_module(path, new_context()), arrays)
    for parameter, got, wanted in zip(program.outputs, outputs, expected, strict=True):
        result = compare(got, wanted, parameter.element_type)
        if not result:
            raise DvmError(
                f"output '{parameter.name}' is wrong: {result.wrong} of {result.elements} elements differ from NumPy, "
                f"the most at {list(result.worst)}: {got[result.worst]} instead of {wanted[result.worst]}"
            )
        report(f"{parameter.name}: agrees with NumPy, greatest error {result.greatest:.1e} of {result.tolerance:.0e}")


def _print_profile(program: "Program", arrays: Sequence[Array]) -> None:
    rows = program.profile(*arrays)
    total = sum(row.seconds for row in rows)
    print(f"{'opcode':<8}{'calls':>10}{'elements':>14}{'ms':>10}{'share':>8}")
    for row in rows:
        share = row.seconds / total if total else 0.0
        print(f"{row.mnemonic:<8}{row.calls:>10,}{row.elements:>14,}{row.seconds * 1e3:>10.3f}{share:>8.1%}")
    print(f"{'total':<8}{sum(row.calls for row in rows):>10,}{'':>14}{total * 1e3:>10.3f}")


def _write_trace(path: Path, program: "Program", arrays: Sequence[Array]) -> None:
    text = json.dumps(program.trace(*arrays))
    with replacing(path) as file:
        file.write(text.encode())


def _summary(parameter: "Parameter", array: Array) -> str:
    """An output in one line: name, type, shape, and what its elements are like."""
    head = f"{parameter.name}: {parameter.element_type.text} {list(array.shape)}"
    if not array.size:
        return f"{head}  empty"
    values: Any = array.astype(np.float64)
    with np.errstate(all="ignore"):
        return f"{head}  min {values.min():.6g}  mean {values.mean():.6g}  max {values.max():.6g}"


if __name__ == "__main__":
    raise SystemExit(main())
