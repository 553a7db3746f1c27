"""Bind: from the shapes of the inputs to a launch plan. This is the run-time half of the compiler, and no IR is in it.

Checks the facts of the program, evaluates its dims, lays out tensors and workspace, merges axes, decides tiles, and
finds which values can live in tensors. A plan holds no data and is shared by all threads.
"""

from math import prod
from typing import NamedTuple

from vm.errors import BytecodeError, ShapeError
from vm.facts import evaluate_and_check, holds
from vm.isa import ElementType
from vm.layout import Domain, TensorLayout, View, lay_out
from vm.plan import KernelPlan, LaunchPlan, Shape, Strides
from vm.prepare import PreparedKernel
from vm.prepare_program import PreparedProgram
from vm.program import Kernel, Scalar
from vm.target import Target
from vm.tile_axes import check_tiles, tile_masks
from vm.tiling import choose_tiling, fits
from vm.workspace import Placement, Placements

MAXIMUM_BYTES = 1 << 46
"""A tensor or workspace above this is refused: no machine has it, and sums of such sizes stay far from overflow."""

PLANS_OF_KERNEL = 64
"""Plans that a kernel keeps; where it needs more, it forgets them all."""

LAST_LIMIT = 16
"""Variants, layouts of inputs and unified buffers for which a program keeps what bind made last."""


def bind(
    prepared: PreparedProgram,
    shapes: tuple[Shape, ...],
    strides: tuple[Strides | None, ...],
    target: Target,
) -> LaunchPlan:
    """The launch plan for inputs of these shapes.

    `strides` are in bytes, None for a contiguous input. Raises ShapeError, naming the inputs, where shapes do not
    fit, and BytecodeError where the program would reach outside of a tensor.
    """
    program = prepared.program
    dims = evaluate_and_check(prepared, shapes)
    number, variant = next(
        (number, variant)
        for number, variant in enumerate(program.variants)
        if all(holds(condition, dims) for condition in variant.conditions)
    )
    key = (number, strides, target)
    last: _Last | None = prepared.last.get(key)
    changed = frozenset(_differing(dims, last.dims)) if last is not None else frozenset(range(len(dims)))
    tensors = _lay_out_tensors(prepared, prepared.placements[number], dims, strides, changed, last)
    known = last.plans if last is not None and last.tensors.placement is tensors.placement else {}
    found: dict[int, KernelPlan | None] = {}
    stages: list[tuple[KernelPlan, ...]] = []
    for stage in variant.stages:
        for kernel in stage:
            if kernel in known and prepared.kernel_dims[kernel].isdisjoint(changed):
                found[kernel] = known[kernel]
            else:
                found[kernel] = _plan_of_kernel(prepared, kernel, dims, tensors, target)
        stages.append(tuple([plan for kernel in stage if (plan := found[kernel]) is not None]))
    if len(prepared.last) >= LAST_LIMIT:
        prepared.last.clear()
    prepared.last[key] = _Last(dims, tensors, found)
    output_shapes = tuple([tensors.forms[prepared.form_of[output]][0] for output in program.outputs])
    multiplies = any(kernel.prepared.factors for stage in stages for kernel in stage)
    return LaunchPlan(
        number,
        tuple(stages),
        output_shapes,
        multiplies,
        tensors.placement.workspace_bytes,
        tensors.placement.separate_bytes,
        tuple(dims),
        target,
    )


class _Tensors(NamedTuple):
    """The shape, strides and size of each form of tensor, where those of the workspace lie, and the strides in bytes of the inputs that
    are not contiguous, by tensor.
    """

    forms: list[tuple[Shape, Strides, int]]
    placement: Placement
    given: dict[int, Strides]


class _Last(NamedTuple):
    """What bind made last of a variant: the values of the dims, the tensors, and the plan of each kernel.

    Where sizes change from call to call most mostly stay what they are; what follows from those alone is not made again.
    """

    dims: list[int]
    tensors: _Tensors
    plans: dict[int, KernelPlan | None]


def _differing(dims: list[int], before: list[int]) -> list[int]:
    return [number for number, (value, old) in enumerate(zip(dims, before, strict=True)) if value != old]


def _lay_out_tensors(
    prepared: PreparedProgram,
    placements: Placements,
    dims: list[int],
    strides: tuple[Strides | None, ...],
    changed: frozenset[int],
    last: _Last | None,
) -> _Tensors:
    """The tensors, of which only the dims in `changed` are not what they were last; raises ShapeError for impossible ones."""
    forms = [_EMPTY] * len(prepared.tensor_forms) if last is None else last.tensors.forms.copy()
    for number, (form, element_bytes) in enumerate(prepared.tensor_forms):
        if last is None or not changed.isdisjoint(form):
            shape, _, size = forms[number] = _row_major([dims[dim] for dim in form], element_bytes)
            if size > MAXIMUM_BYTES or (shape and min(shape) < 0):
                raise _impossible(prepared.program.tensors[prepared.form_of.index(number)].name, shape, size)
    for (form, viewed_form), number in prepared.views.items():
        shape, viewed = forms[form][0], forms[viewed_form][0]
        if prod(shape) != prod(viewed):
            name = prepared.program.tensors[number].name
            raise ShapeError(f"tensor '{name}' of shape {shape} cannot view one of {viewed}")
    sizes = [forms[form][2] for form in prepared.form_of]
    placement = placements.of(sizes)
    if placement.workspace_bytes > MAXIMUM_BYTES:
        raise ShapeError(f"the workspace would take {placement.workspace_bytes} bytes")
    given = {
        parameter.tensor: steps
        for parameter, steps in zip(prepared.program.inputs, strides, strict=True)
        if steps is not None
    }
    return _Tensors(forms, placement, given)


_EMPTY: tuple[Shape, Strides, int] = ((), (), 0)


def _row_major(shape: list[int], element_bytes: int) -> tuple[Shape, Strides, int]:
    """The shape, the strides and the size in bytes of a tensor whose rows follow one another."""
    step = element_bytes
    steps = [0] * len(shape)
    for position in range(len(shape) - 1, -1, -1):
        steps[position] = step
        step *= shape[position] or 1
    return tuple(shape), tuple(steps), 0 if 0 in shape else step


def _impossible(name: str, shape: Shape, size: int) -> ShapeError:
    """The error of a tensor with a negative dim, or one too large."""
    for position, extent in enumerate(shape):
        if extent < 0:
            return ShapeError(f"dim {position} of tensor '{name}' would be {extent}")
    return ShapeError(f"tensor '{name}' would take {size} bytes")


class _Bound(NamedTuple):
    """A plan that a kernel keeps, None where there is nothing to write, and the placement and the places of its operands for it."""

    plan: KernelPlan | None
    placement: Placement
    places: tuple[tuple[int, int], ...]


def _plan_of_kernel(
    prepared: PreparedProgram, number: int, dims: list[int], tensors: _Tensors, target: Target
) -> KernelPlan | None:
    """The plan of a kernel, or None where it has nothing to write.

    When shapes change, many kernels mostly see none of it (in the step of a decoder, those of one token): their plans are kept,
    and at most have their operands elsewhere.
    """
    kernel = prepared.kernels[number]
    given = tensors.given
    strides = tuple([given.get(operand.tensor) for operand in kernel.kernel.operands]) if given else ()
    key = (tuple([dims[dim] for dim in prepared.read_dims[number]]), strides, target)
    found: _Bound | None = kernel.plans.get(key)
    if found is not None and found.placement is tensors.placement:
        return found.plan
    roots, places = prepared.roots, tensors.placement.places
    owners = [roots[operand.tensor] for operand in kernel.kernel.operands]
    where = tuple([places.get(root, (root, 0)) for root in owners])
    if found is not None:
        plan = found.plan
        if plan is not None and found.places != where:
            plan = plan.moved(found.places, where)
    elif (model := prepared.kernels[prepared.models[number]].plans.get(key)) is not None:
        plan = model.plan
        if plan is not None:
            form = kernel if plan.prepared.is_resident == kernel.is_resident else prepared.resident[number]
            assert form is not None
            plan = plan.for_other(form, model.places, where)
    else:
        layouts: list[TensorLayout] = []
        for operand, (root, offset) in zip(kernel.kernel.operands, where, strict=True):
            shape, steps, _ = tensors.forms[prepared.form_of[operand.tensor]]
            layouts.append(TensorLayout(shape, given.get(operand.tensor, steps), root, offset))
        plan = _bind_kernel(kernel, prepared.resident[number], dims, layouts, target)
    if found is None and len(kernel.plans) >= PLANS_OF_KERNEL:
        kernel.plans.clear()
    kernel.plans[key] = _Bound(plan, tensors.placement, where)
    return plan


def _bind_kernel(
    prepared: PreparedKernel,
    resident: PreparedKernel | None,
    dims: list[int],
    layouts: list[TensorLayout],
    target: Target,
) -> KernelPlan | None:
    """The plan of a kernel, or None where it has nothing to write. `resident` is its form for short reductions, `layouts` are those of its
    operands' tensors.
    """
    kernel = prepared.kernel
    extents = [dims[axis.extent] for axis in kernel.axes]
    for extent in extents:
        if extent < 0:
            raise ShapeError(f"an axis of kernel '{kernel.name}' would have extent {extent}")
    _check_written_whole(kernel, extents, layouts)
    if 0 in extents and any(not (extent or axis.reduction) for axis, extent in zip(kernel.axes, extents, strict=True)):
        return None
    domain, views = lay_out(prepared, extents, dims, layouts)
    form = resident or prepared
    masks, tiles, homes = _bind_values(form, domain, views)
    if form is resident and not fits(form, domain, tiles, homes, target):
        form = prepared
        masks, tiles, homes = _bind_values(form, domain, views)
    tiling = choose_tiling(form, domain, tiles, homes, target)
    stored_accumulators = [value for value, _ in form.storable if homes[value] >= 0 and form.values[value].accumulates]
    if tiling.chunks > 1 and stored_accumulators:
        # each chunk needs an accumulator of its own, in its slot
        for value in stored_accumulators:
            homes[value] = -1
        tiling = choose_tiling(form, domain, tiles, homes, target)
    scalars = tuple([scalar.value if scalar.dim < 0 else _sized(scalar, dims) for scalar in kernel.scalars])
    return KernelPlan(form, domain, tuple(views), tuple(masks), tuple(homes), tiling, scalars, tiling.counts(domain))


def _check_written_whole(kernel: Kernel, extents: list[int], layouts: list[TensorLayout]) -> None:
    """An output is written whole: each of its dims has the extent of its axis, or 1."""
    for operand, layout in zip(kernel.operands, layouts, strict=True):
        if not operand.writes:
            continue
        for index, extent in zip(operand.indices, layout.shape, strict=True):
            covered = extents[index.terms[0][0]] if index.terms else 1
            if extent != covered and not (extent == 1 and covered > 0):
                raise BytecodeError(f"kernel '{kernel.name}' would write {covered} elements along a dim of {extent}")


def _bind_values(prepared: PreparedKernel, domain: Domain, views: list[View]) -> tuple[list[int], list[int], list[int]]:
    """The axes of each value, those of each entry of `prepared.tile_axes`, and for each value the operand that it is
    read from or computed into, or -1 where it needs its slot.
    """
    tiles = tile_masks(prepared, domain, views)
    masks = [tiles[number] for number in prepared.value_axes]
    check_tiles(prepared, masks, domain, views)
    homes = list(prepared.loaded)
    for value, operand in prepared.storable:
        if views[operand].mask == masks[value] and not views[operand].dim_axes:
            homes[value] = operand
    return masks, tiles, homes


def _sized(scalar: Scalar, dims: list[int]) -> int:
    """The value of a scalar constant that is a dim."""
    value = dims[scalar.dim]
    if scalar.type is ElementType.I32 and not -(1 << 31) <= value < 1 << 31:
        raise ShapeError(f"a dim of {value} does not fit an i32")
    return value
