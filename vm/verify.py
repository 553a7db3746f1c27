"""The bytecode verifier: everything that execution relies on and that can be known before the inputs are.

A program that `verify` accepts
- refers only to entries that exist: dims to earlier dims, tensors to dims and constants, words to slots, operands,
  scalars and axes;
- has words that decode, with types that agree from load to store, and reads no slot that holds nothing, nor one whose
  type or axes depend on how many tiles a reduction has;
- has variants of which the last is unconditional; each writes every output, and what it reads of the workspace, in one
  kernel, whole, each element by one tile, before a later stage reads it;
- has no two inputs of one name, nor outputs, nor symbols;
- ends: the words of a kernel run in order, at most once for each tile of its domain, and kernels stage by stage.

What depends on the extents is for bind to check, before anything runs:
- dims are not negative, and the facts hold; the table of dims evaluates (`vm.dims`);
- each access map stays inside of its tensor over the whole domain: its least and greatest index, by dim, unless the
  operand is guarded, and but for its free dim; an index into a dim of extent 1 is 0 whatever the map says;
- a dim that is written, or lies beside a free dim, has the extent of the axis that it follows;
- a view has as many elements as its source;
- both factors of a matrix product span k, or its extent is 1;
- the memory that all of it takes can be had.

What depends on the data is for the engine to check, by tile: the indices of gather, the ends of groups.
"""

from collections.abc import Sequence, Set

from vm.dims import MAGNITUDE_LIMIT
from vm.isa import ElementType
from vm.program import Condition, Dim, DimOp, Program, Storage, Tensor, Variant
from vm.verification_error import MAX_RANK, VerificationError
from vm.verify_kernel import verify_kernel

_WRITTEN = (Storage.WORKSPACE, Storage.OUTPUT)


def verify(program: Program) -> None:
    """Raise BytecodeError, naming the culprit, unless `program` is all that the module's text says."""
    _verify_dims(program)
    for number, tensor in enumerate(program.tensors):
        fault = _tensor_fault(program, number, tensor)
        if fault:
            raise VerificationError(f"tensor {number} ({tensor.name!r}): {fault}", "tensors", number)
    _verify_inputs(program)
    _verify_outputs(program)
    _verify_facts(program)
    for number in range(len(program.kernels)):
        verify_kernel(program, number)
    _verify_variants(program)


def _verify_dims(program: Program) -> None:
    for number, dim in enumerate(program.dims):
        if dim.op is DimOp.CONSTANT:
            good = -MAGNITUDE_LIMIT < dim.a < MAGNITUDE_LIMIT and dim.b == 0
        elif dim.op is DimOp.SYMBOL:
            good = 0 <= dim.a < len(program.symbols) and dim.b == 0
        else:
            good = 0 <= dim.a < number and 0 <= dim.b < number
        if not good:
            raise VerificationError(
                f"dim {number}: {dim.op.name.lower()} of {dim.a} and {dim.b} is not allowed here", "dims", number
            )


def _tensor_fault(program: Program, number: int, tensor: Tensor) -> str:
    if len(tensor.dims) > MAX_RANK:
        return f"{len(tensor.dims)} dims, {MAX_RANK} at most"
    for dim in tensor.dims:
        if not 0 <= dim < len(program.dims):
            return f"no dim {dim}"
    if tensor.storage is Storage.CONSTANT:
        return _constant_fault(program, tensor)
    if tensor.storage is Storage.VIEW:
        return _view_fault(program, number, tensor)
    return "" if tensor.source == 0 else f"source {tensor.source} without a use for it"


def _static_elements(program: Program, tensor: Tensor) -> int | None:
    """The number of elements where all dims are constant."""
    elements = 1
    for dim in tensor.dims:
        entry = program.dims[dim]
        if entry.op is not DimOp.CONSTANT:
            return None
        elements *= entry.a
    return elements


def _constant_fault(program: Program, tensor: Tensor) -> str:
    if not 0 <= tensor.source < len(program.constants):
        return f"no constant {tensor.source}"
    elements = _static_elements(program, tensor)
    if elements is None or any(program.dims[dim].a < 0 for dim in tensor.dims):
        return "the dims of a constant are constant, and not negative"
    content = program.constants[tensor.source]
    if len(content) != elements * tensor.type.bytes:
        return f"{elements} elements of {tensor.type.text}, but constant {tensor.source} has {len(content)} bytes"
    # deleting the bytes that are allowed is the quickest way to find others
    if tensor.type is ElementType.I1 and content.translate(None, b"\x00\x01"):
        return f"constant {tensor.source} has truth values other than 0 and 1"
    return ""


def _view_fault(program: Program, number: int, tensor: Tensor) -> str:
    if not 0 <= tensor.source < number:
        return f"tensor {tensor.source} does not come before this view of it"
    source = program.tensors[tensor.source]
    if tensor.type is not source.type:
        return f"a view as {tensor.type.text} of tensor {tensor.source}, which is {source.type.text}"
    elements, available = _static_elements(program, tensor), _static_elements(program, source)
    if elements is not None and available is not None and elements != available:
        return f"a view of {elements} elements on tensor {tensor.source} of {available}"
    return ""


def _verify_inputs(program: Program) -> None:
    seen: set[int] = set()
    defined: set[Dim] = set()
    for number, parameter in enumerate(program.inputs):
        if not 0 <= parameter.tensor < len(program.tensors) or parameter.tensor in seen:
            raise VerificationError(
                f"input {number}: tensor {parameter.tensor} is not there or twice", "inputs", number
            )
        tensor = program.tensors[parameter.tensor]
        if tensor.storage is not Storage.INPUT:
            raise VerificationError(f"input {number}: tensor {parameter.tensor} is no input tensor", "inputs", number)
        if len(parameter.reasons) != len(tensor.dims):
            reasons = f"{len(parameter.reasons)} reasons for {len(tensor.dims)} dims"
            raise VerificationError(f"input {number} ({tensor.name!r}): {reasons}", "inputs", number)
        seen.add(parameter.tensor)
        defined.update(program.dims[dim] for dim in tensor.dims)
    _verify_names(program, "input", [parameter.tensor for parameter in program.inputs])
    for number, tensor in enumerate(program.tensors):
        if tensor.storage is Storage.INPUT and number not in seen:
            raise VerificationError(f"tensor {number} ({tensor.name!r}): no input gives it", "tensors", number)
    names: set[str] = set()
    for number, symbol in enumerate(program.symbols):
        if Dim(DimOp.SYMBOL, number) not in defined:
            raise VerificationError(f"symbol {number} ({symbol!r}): it is no whole dim of an input", "symbols", number)
        if symbol in names:
            raise VerificationError(f"symbol {number} ({symbol!r}): another has the same name", "symbols", number)
        if not symbol.isidentifier():
            raise VerificationError(f"symbol {number} ({symbol!r}): it is no identifier", "symbols", number)
        names.add(symbol)


def _verify_outputs(program: Program) -> None:
    seen: set[int] = set()
    for number, output in enumerate(program.outputs):
        if not 0 <= output < len(program.tensors) or output in seen:
            raise VerificationError(f"output {number}: tensor {output} is not there or twice", "outputs", number)
        if program.tensors[output].storage is not Storage.OUTPUT:
            raise VerificationError(f"output {number}: tensor {output} is no output tensor", "outputs", number)
        seen.add(output)
    _verify_names(program, "output", program.outputs)
    for number, tensor in enumerate(program.tensors):
        if tensor.storage is Storage.OUTPUT and number not in seen:
            raise VerificationError(f"tensor {number} ({tensor.name!r}): no output is it", "tensors", number)


def _verify_names(program: Program, what: str, tensors: Sequence[int]) -> None:
    """Callers tell inputs apart by name, and outputs."""
    names: set[str] = set()
    for number, tensor in enumerate(tensors):
        name = program.tensors[tensor].name
        if name in names:
            raise VerificationError(f"{what} {number} ({name!r}): another has the same name", f"{what}s", number)
        names.add(name)


def _verify_facts(program: Program) -> None:
    for number, fact in enumerate(program.facts):
        _verify_condition(program, fact, f"fact {number}", "facts", number)


def _verify_condition(program: Program, condition: Condition, what: str, table: str, number: int) -> None:
    for dim in (condition.left, condition.right):
        if not 0 <= dim < len(program.dims):
            raise VerificationError(f"{what}: no dim {dim}", table, number)


def _verify_variants(program: Program) -> None:
    """Each variant is right by itself, each but the last has conditions, and each kernel is in one at least."""
    if not program.variants:
        raise VerificationError("there is no variant to run", "variants", 0)
    roots: list[int] = []
    for number, tensor in enumerate(program.tensors):
        roots.append(roots[tensor.source] if tensor.storage is Storage.VIEW else number)
    unused = set(range(len(program.kernels)))
    written: set[int] = set()
    first_condition = first_stage = 0
    for number, variant in enumerate(program.variants):
        for position, condition in enumerate(variant.conditions, first_condition):
            _verify_condition(program, condition, f"variant {number}, condition {position}", "conditions", position)
        if bool(variant.conditions) is (number == len(program.variants) - 1):
            wrong = "the last has conditions" if variant.conditions else "only the last has no conditions"
            raise VerificationError(f"variant {number}: {wrong}", "variants", number)
        stage_of_kernel = _verify_stages(program, variant, number, first_stage)
        written |= _verify_flow(program, stage_of_kernel, roots, number)
        unused -= stage_of_kernel.keys()
        first_condition += len(variant.conditions)
        first_stage += len(variant.stages)
    if unused:
        number = min(unused)
        raise VerificationError(f"kernel {program.kernels[number].name!r}: no stage runs it", "kernels", number)
    for number, tensor in enumerate(program.tensors):
        if tensor.storage in _WRITTEN and number not in written:
            raise VerificationError(f"tensor {number} ({tensor.name!r}): no kernel writes it", "tensors", number)


def _verify_stages(program: Program, variant: Variant, variant_number: int, first: int) -> dict[int, int]:
    """The stage of each kernel of a variant; `first` is the number of its first stage in the table of stages."""
    stages: dict[int, int] = {}
    for number, stage in enumerate(variant.stages):
        name = f"variant {variant_number}, stage {number}"
        if not stage:
            raise VerificationError(f"{name}: it has no kernels", "stages", first + number)
        for kernel in stage:
            if not 0 <= kernel < len(program.kernels) or kernel in stages:
                raise VerificationError(f"{name}: kernel {kernel} is not there or runs twice", "stages", first + number)
            stages[kernel] = number
    return stages


def _verify_flow(program: Program, stage_of_kernel: dict[int, int], roots: list[int], variant: int) -> Set[int]:
    """Each output is written, each tensor once at most, and read in later stages only. That also makes stages parallel.

    `roots` has the tensor that owns the memory of each. Returns the tensors that are written.
    """
    written_in: dict[int, int] = {}
    for number, stage in stage_of_kernel.items():
        for position, operand in enumerate(program.kernels[number].operands):
            if not operand.writes:
                continue
            root = roots[operand.tensor]
            if program.tensors[root].storage not in _WRITTEN or root in written_in:
                fault = "is written a second time" if root in written_in else "may not be written"
                raise _operand_error(program, number, position, root, variant, fault)
            written_in[root] = stage
    for output in program.outputs:
        if output not in written_in:
            name = program.tensors[output].name
            raise VerificationError(
                f"tensor {output} ({name!r}): variant {variant} does not write it", "tensors", output
            )
    for number, stage in stage_of_kernel.items():
        for position, operand in enumerate(program.kernels[number].operands):
            root = roots[operand.tensor]
            if operand.writes or program.tensors[root].storage not in _WRITTEN:
                continue
            if written_in.get(root, stage) >= stage:
                fault = "is read before the stage after it is written"
                raise _operand_error(program, number, position, root, variant, fault)
    return written_in.keys()


def _operand_error(
    program: Program, kernel: int, position: int, root: int, variant: int, fault: str
) -> VerificationError:
    name = (
        f"kernel {program.kernels[kernel].name!r}, operand {position}: tensor {root} ({program.tensors[root].name!r})"
    )
    return VerificationError(f"{name} {fault} in variant {variant}", "operands", position, kernel)
