"""Verification of one kernel's domain, operands and scalars; its words are for `vm/verify_words.py`."""

import math

from vm.isa import FIELD_LIMIT, MAX_AXES, ElementType
from vm.program import Axis, DimOp, Index, Kernel, Operand, Program, Scalar
from vm.verification_error import VerificationError
from vm.verify_words import Access, Domain, verify_words

_F32_OVERFLOW = (2 - 2**-24) * 2.0**127
"""The least magnitude that would be rounded to infinity."""


def verify_kernel(program: Program, number: int) -> None:
    """Verify kernel `number` of a program whose dims and tensors are verified; raises VerificationError (a BytecodeError)."""
    kernel = program.kernels[number]
    _verify_head(program, kernel, number)
    accesses = [_access(program, kernel, number, position) for position in range(len(kernel.operands))]
    verify_words(kernel, number, accesses, _domain(program, kernel))


def _verify_head(program: Program, kernel: Kernel, number: int) -> None:
    limits = (
        ("axes", len(kernel.axes), MAX_AXES),
        ("slots", kernel.slots, FIELD_LIMIT),
        ("operands", len(kernel.operands), FIELD_LIMIT),
        ("scalars", len(kernel.scalars), FIELD_LIMIT),
    )
    for what, count, limit in limits:
        if not 0 <= count <= limit:
            raise VerificationError(f"kernel {kernel.name!r}: {count} {what}, {limit} at most", "kernels", number)
    for position, axis in enumerate(kernel.axes):
        if not 0 <= axis.extent < len(program.dims):
            raise VerificationError(
                f"kernel {kernel.name!r}, axis {position}: no dim {axis.extent}", "axes", position, number
            )
    for position, scalar in enumerate(kernel.scalars):
        fault = _scalar_fault(program, scalar)
        if fault:
            raise VerificationError(f"kernel {kernel.name!r}, scalar {position}: {fault}", "scalars", position, number)


def _domain(program: Program, kernel: Kernel) -> Domain:
    reductions = constant_one = 0
    for bit, axis in enumerate(kernel.axes):
        reductions |= axis.reduction << bit
        constant_one |= _is_constant(program, axis.extent, 1) << bit
    return Domain(tuple(program.dims[axis.extent] for axis in kernel.axes), reductions, constant_one)


def _access(program: Program, kernel: Kernel, number: int, position: int) -> Access:
    operand = kernel.operands[position]
    fault = _operand_fault(program, kernel.axes, operand)
    if fault:
        raise VerificationError(f"kernel {kernel.name!r}, operand {position}: {fault}", "operands", position, number)
    tensor = program.tensors[operand.tensor]
    axes = 0
    for index in operand.indices:
        for axis, _ in index.terms:
            axes |= 1 << axis
    extents = tuple(program.dims[dim] for dim in tensor.dims)
    return Access(tensor.type, axes, operand.writes, operand.guarded, operand.free_dim, extents)


def _scalar_fault(program: Program, scalar: Scalar) -> str:
    value, element = scalar.value, scalar.type
    if element is not element.compute:
        return f"type {element.text} is no type to compute in"
    if scalar.dim != -1:
        if not 0 <= scalar.dim < len(program.dims):
            return f"no dim {scalar.dim}"
        if element is ElementType.I1 or value != 0:
            return "a dim's value is a number, and stored as 0"
        return ""
    if element is ElementType.I1:
        return "" if isinstance(value, bool) else f"{value} is no truth value"
    if element is ElementType.F32:
        overflows = abs(value) >= _F32_OVERFLOW and abs(value) != math.inf
        return f"{value} is no f32" if overflows or isinstance(value, bool) else ""
    limit = 1 << (8 * element.bytes - 1)
    if not isinstance(value, int) or isinstance(value, bool) or not -limit <= value < limit:
        return f"{value} is no {element.text}"
    return ""


def _operand_fault(program: Program, axes: tuple[Axis, ...], operand: Operand) -> str:
    if not 0 <= operand.tensor < len(program.tensors):
        return f"no tensor {operand.tensor}"
    dims = program.tensors[operand.tensor].dims
    if len(operand.indices) != len(dims):
        return f"{len(operand.indices)} indices into a tensor of {len(dims)} dims"
    if not -1 <= operand.free_dim < len(dims):
        return f"no dim {operand.free_dim} to be free"
    if operand.writes + operand.guarded + (operand.free_dim >= 0) > 1:
        return "written, guarded and a free dim exclude one another"
    for position, index in enumerate(operand.indices):
        fault = _index_fault(program, axes, index)
        if fault:
            return f"index {position}: {fault}"
    if operand.writes or operand.guarded or operand.free_dim >= 0:
        return _whole_axes_fault(program, axes, operand)
    return ""


def _index_fault(program: Program, axes: tuple[Axis, ...], index: Index) -> str:
    previous = -1
    for axis, coefficient in index.terms:
        if not previous < axis < len(axes):
            return f"axis {axis} is not there or not ascending"
        if not 0 <= coefficient < len(program.dims):
            return f"no dim {coefficient}"
        previous = axis
    return "" if 0 <= index.offset < len(program.dims) else f"no dim {index.offset}"


def _whole_axes_fault(program: Program, axes: tuple[Axis, ...], operand: Operand) -> str:
    """What keeps each dim from following one axis step by step, as is required where elements are written or tested.

    A guarded index may be shifted. A dim of constant extent 1 needs no axis, except beside a free dim.
    """
    dims = program.tensors[operand.tensor].dims
    seen: set[int] = set()
    for position, (index, dim) in enumerate(zip(operand.indices, dims, strict=True)):
        if position == operand.free_dim:
            if index.terms:
                return f"index {position}: a free dim follows no axis"
            continue
        if not index.terms:
            if operand.free_dim >= 0 or not _is_constant(program, dim, 1) or not _is_constant(program, index.offset, 0):
                return f"index {position}: it must follow an axis"
            continue
        ((axis, coefficient),) = index.terms[:1]
        if len(index.terms) > 1 or not _is_constant(program, coefficient, 1):
            return f"index {position}: it must be one axis, with coefficient 1"
        if axis in seen:
            return f"index {position}: axis {axis} is used twice"
        seen.add(axis)
        if operand.guarded:
            continue
        if not _is_constant(program, index.offset, 0):
            return f"index {position}: its offset must be 0"
        if _provably_differ(program, dim, axes[axis].extent):
            return f"index {position}: axis {axis} has another extent than the dim"
    if operand.writes:
        for number, axis in enumerate(axes):
            if not (number in seen or axis.reduction or _is_constant(program, axis.extent, 1)):
                return f"it lacks parallel axis {number}, so each element would be written many times, or never"
    return ""


def _is_constant(program: Program, dim: int, value: int) -> bool:
    entry = program.dims[dim]
    return entry.op is DimOp.CONSTANT and entry.a == value


def _provably_differ(program: Program, left: int, right: int) -> bool:
    a, b = program.dims[left], program.dims[right]
    return a.op is DimOp.CONSTANT and b.op is DimOp.CONSTANT and a.a != b.a
