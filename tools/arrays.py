"""Arrays for a program: read from `.npy` and `.npz` files, made at random, written to files.

bf16 arrays are stored as NumPy stores `ml_dtypes.bfloat16`, as elements of two bytes without a type.
"""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast

import numpy as np
import numpy.typing as npt

from vm.errors import DvmError
from vm.files import replacing
from vm.isa import ElementType
from vm.tiles import DTYPES

if TYPE_CHECKING:
    from dvm import Parameter

Array: TypeAlias = npt.NDArray[Any]

DEFAULT_DIM = 64
"""The size of a symbol that nothing else decides."""

RANDOM_INTEGERS = 8
"""Random integers are from 0 up to this, so that they serve as indices into any table that is not tiny."""


def read_inputs(specs: Sequence[str], parameters: Sequence["Parameter"]) -> dict[str, Array]:
    """The arrays that the `--input` options give, by input; inputs may be missing.

    An option is `NAME=FILE` or `FILE`: the arrays of an archive go by their names, that of an `.npy` file is for the
    first input that no other option gives. Raises DvmError where a file is no array file or names no input.
    """
    names = [parameter.name for parameter in parameters]
    arrays: dict[str, Array] = {}
    unnamed: list[tuple[str, Array]] = []
    for spec in specs:
        name, separator, path = spec.partition("=")
        if not (path if separator else spec):
            raise DvmError(f"--input {spec}: no file is named, expected NAME=FILE or FILE")
        if separator and name in names:
            given = {name: _only(path, _read(path), name)}
        elif separator and not Path(spec).exists():
            raise DvmError(f"--input {spec}: there is no input '{name}', the inputs are {', '.join(names)}")
        else:
            content = _read(spec)
            if not isinstance(content, dict):
                unnamed.append((spec, content))
                continue
            given = content
        for name, array in given.items():
            if name not in names:
                raise DvmError(f"{spec}: there is no input '{name}', the inputs are {', '.join(names)}")
            if name in arrays:
                raise DvmError(f"--input {spec}: input '{name}' is given twice")
            arrays[name] = array
    for spec, array in unnamed:
        name = next((name for name in names if name not in arrays), None)
        if name is None:
            raise DvmError(f"--input {spec}: every input is given already ({', '.join(names)})")
        arrays[name] = array
    types = {parameter.name: parameter.element_type for parameter in parameters}
    return {name: _typed(array, types[name]) for name, array in arrays.items()}


def _read(path: str) -> Array | dict[str, Array]:
    """The array of an `.npy` file, or the arrays of an archive by name."""
    try:
        # Opened here because np.load leaves a file open that is no archive though it begins like one.
        with open(path, "rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return cast(Array, content)
            return {name: content[name] for name in content.files}
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile):
        raise DvmError(f"{path}: not an .npy or .npz file of plain arrays") from None


def _only(path: str, content: Array | dict[str, Array], name: str) -> Array:
    """The array for an input: the one of that name where the file is an archive of several."""
    if not isinstance(content, dict):
        return content
    array = content.get(name) if len(content) != 1 else next(iter(content.values()))
    if array is None:
        raise DvmError(f"{path}: there is no array '{name}', only {', '.join(content) or 'nothing'}")
    return array


def _typed(array: Array, element: ElementType) -> Array:
    return array.view(DTYPES[element]) if element is ElementType.BF16 and array.dtype == np.dtype("V2") else array


def parse_sizes(options: Iterable[str], parameters: Sequence["Parameter"]) -> dict[str, int]:
    """The sizes of symbols that the `--dims` options give, as `s0=37` or `s0=37,s1=4`; raises DvmError."""
    known = symbols_of(parameters)
    sizes: dict[str, int] = {}
    for option in options:
        for part in option.split(","):
            name, _, size = part.partition("=")
            if not size.isdecimal():
                raise DvmError(f"--dims {option}: '{part}' is not of the form NAME=SIZE")
            if name not in known:
                raise DvmError(f"--dims {option}: there is no dim '{name}', {_listed(known)}")
            if name in sizes:
                raise DvmError(f"--dims {option}: dim '{name}' is given twice")
            sizes[name] = int(size)
    return sizes


def _listed(symbols: Sequence[str]) -> str:
    return f"the dims are {', '.join(symbols)}" if symbols else "the program has no dynamic dims"


def symbols_of(parameters: Iterable["Parameter"]) -> list[str]:
    """The symbols of the inputs of a program, each of which is a whole dim of one, in the order of their appearance."""
    return list(dict.fromkeys(dim for parameter in parameters for dim in parameter.dims if _is_symbol(dim)))


def _is_symbol(dim: int | str) -> TypeGuard[str]:
    """Whether it is a bare symbol, and no number or expression."""
    return isinstance(dim, str) and dim.isidentifier()


def complete_sizes(
    sizes: Mapping[str, int], arrays: Mapping[str, Array], parameters: Sequence["Parameter"]
) -> tuple[dict[str, int], list[str]]:
    """The size of every symbol: as given, else by an array that has it as a dim, else the default.

    The second result names the symbols that got the default.
    """
    complete = dict(sizes)
    for parameter in parameters:
        shape = arrays[parameter.name].shape if parameter.name in arrays else ()
        for dim, size in zip(parameter.dims, shape, strict=False):
            if _is_symbol(dim):
                complete.setdefault(dim, size)
    assumed = [symbol for symbol in symbols_of(parameters) if symbol not in complete]
    return complete | dict.fromkeys(assumed, DEFAULT_DIM), assumed


def random_array(parameter: "Parameter", shape: Sequence[int], generator: np.random.Generator) -> Array:
    """A random array for an input: normal floats, integers from 0 to 7, truth values.

    Raises DvmError where there is no array of such a shape.
    """
    dtype = DTYPES[parameter.element_type]
    try:
        if parameter.element_type.is_float:
            return generator.standard_normal(shape, np.float32).astype(dtype)
        high = 2 if parameter.element_type is ElementType.I1 else RANDOM_INTEGERS
        return generator.integers(0, high, shape).astype(dtype)
    except (ValueError, ArithmeticError) as error:
        raise DvmError(f"input {parameter} cannot be made of shape {list(shape)}: {error}") from None


def check_output_path(path: Path, count: int) -> None:
    """Raise DvmError unless `count` outputs can be written to the file: `.npz`, or `.npy` for one."""
    if path.suffix not in (".npy", ".npz"):
        raise DvmError(f"--output {path}: the file must be .npy or .npz")
    if path.suffix == ".npy" and count != 1:
        raise DvmError(f"--output {path}: an .npy file holds one array, but there are {count} outputs; use .npz")


def write_outputs(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write outputs to an `.npy` or `.npz` file, which is replaced only once the new one is whole."""
    with replacing(path) as file:
        if path.suffix == ".npy":
            (array,) = arrays.values()
            np.lib.format.write_array(file, array, allow_pickle=False)
            return
        # Not np.savez, whose own parameters an output may be named like.
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
