"""The concrete form of a kernel's domain and operands: strides, merged axes, bounds. Used by bind; all in bytes.

Every operand becomes a strided view over the domain. Adjacent axes that all operands step through alike are merged
into one, axes of extent 1 go away, so that most kernels run over one or two axes whatever the rank of their tensors.
"""

from dataclasses import dataclass
from math import prod

from vm.errors import BytecodeError
from vm.prepare import PreparedKernel
from vm.program import Operand


@dataclass(frozen=True)
class TensorLayout:
    """A bound tensor: its extents, the step in bytes along each dim, and where its first element is.

    `root` is the tensor that owns the memory, `offset` the byte offset in it.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    root: int
    offset: int


@dataclass(frozen=True)
class Guard:
    """Along domain axis `axis`, index `axis + shift` of an operand is inside when it is in [0, extent)."""

    axis: int
    shift: int
    extent: int


@dataclass(frozen=True)
class View:
    """An operand as an array over the domain (or, with a free dim, over its own dims).

    `mask` has the domain axes that the array spans; elsewhere its extent is 1. `dim_axes` is for operands with a free
    dim: the domain axis of each dim, -1 for the free one.
    """

    root: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    mask: int
    guards: tuple[Guard, ...] = ()
    dim_axes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Domain:
    """A domain after merging: extents, the mask of reduction axes, and which axis each original one became (or -1)."""

    extents: tuple[int, ...]
    reductions: int
    new_axis: tuple[int, ...]

    @property
    def points(self) -> int:
        return prod(self.extents)

    @property
    def parallel_mask(self) -> int:
        return ((1 << len(self.extents)) - 1) & ~self.reductions


def lay_out(
    prepared: PreparedKernel, extents: list[int], dims: list[int], tensors: list[TensorLayout]
) -> tuple[Domain, list[View]]:
    """Merge the axes of a kernel's domain and make a `View` of each operand.

    `extents` are those of the kernel's axes, `dims` the evaluated table of dims. Raises BytecodeError where an access
    map reaches outside of its tensor.
    """
    kernel = prepared.kernel
    steps: list[list[int]] = []
    followed: list[int] = []
    offsets: list[int] = []
    for number, operand in enumerate(kernel.operands):
        layout = tensors[operand.tensor]
        if operand.free_dim >= 0 or operand.guarded:
            steps.append([])
            followed.append(0)
            offsets.append(layout.offset)
            continue
        strides, axes, offset = _walk(operand, layout, extents, dims, f"operand {number} of kernel '{kernel.name}'")
        steps.append(strides)
        followed.append(axes)
        offsets.append(offset)
    domain = _merge(prepared, extents, [strides for strides in steps if strides])
    views: list[View] = []
    for operand, strides, axes, offset in zip(kernel.operands, steps, followed, offsets, strict=True):
        layout = tensors[operand.tensor]
        if operand.free_dim >= 0:
            views.append(_free_view(operand, layout, extents, domain, dims, kernel.name))
        elif operand.guarded:
            views.append(_guarded_view(operand, layout, domain, dims, kernel.name))
        else:
            views.append(_view(layout.root, offset, strides, axes, domain))
    return domain, views


def _walk(
    operand: Operand, layout: TensorLayout, extents: list[int], dims: list[int], culprit: str
) -> tuple[list[int], int, int]:
    """Bytes per step along each axis, the mask of axes along which the operand is more than one element, and the offset
    of the point 0; checks that the whole domain stays inside.

    A step may be 0 where the caller's array repeats its elements. An operand that follows an empty (reduction) axis is never read.
    """
    strides = [0] * len(extents)
    followed = 0
    offset = layout.offset
    never_read = False
    for index, extent, stride in zip(operand.indices, layout.shape, layout.strides, strict=True):
        if extent == 1:
            continue
        low = high = dims[index.offset]
        offset += low * stride
        for axis, coefficient in index.terms:
            step = dims[coefficient]
            strides[axis] += step * stride
            followed |= (extents[axis] != 1) << axis
            reach = step * (extents[axis] - 1)
            never_read |= extents[axis] == 0
            if reach > 0:
                high += reach
            else:
                low += reach
        if (low < 0 or high >= extent) and not never_read:
            raise BytecodeError(f"{culprit} would reach index {low if low < 0 else high} of a dim of extent {extent}")
    return strides, followed, offset


def _merge(prepared: PreparedKernel, extents: list[int], steps: list[list[int]]) -> Domain:
    merged: list[int] = []
    reductions = 0
    new_axis = [-1] * len(extents)
    pinned = prepared.pinned
    previous = -1
    axes = prepared.kernel.axes
    for axis, extent in enumerate(extents):
        is_pinned = pinned >> axis & 1
        if extent == 1 and not is_pinned:
            continue
        if (
            previous >= 0
            and not is_pinned
            and not pinned >> previous & 1
            and axes[axis].reduction == axes[previous].reduction
            and all(strides[previous] == strides[axis] * extent for strides in steps)
            and all(mask >> axis & 1 == mask >> previous & 1 for mask in prepared.fill_masks)
        ):
            merged[-1] *= extent
        else:
            if axes[axis].reduction:
                reductions |= 1 << len(merged)
            merged.append(extent)
        new_axis[axis] = len(merged) - 1
        previous = axis
    return Domain(tuple(merged), reductions, tuple(new_axis))


def _view(root: int, offset: int, strides: list[int], followed: int, domain: Domain) -> View:
    rank = len(domain.extents)
    steps = [0] * rank
    mask = 0
    # the last of the merged axes gives the step; it is visited last
    for axis, target in enumerate(domain.new_axis):
        if target >= 0:
            follows = followed >> axis & 1
            steps[target] = strides[axis] if follows else 0
            mask |= follows << target
    shape = tuple(domain.extents[axis] if mask >> axis & 1 else 1 for axis in range(rank))
    return View(root, offset, shape, tuple(steps), mask)


def _guarded_view(operand: Operand, layout: TensorLayout, domain: Domain, dims: list[int], kernel: str) -> View:
    rank = len(domain.extents)
    shape = [1] * rank
    strides = [0] * rank
    guards: list[Guard] = []
    mask = 0
    for index, extent, stride in zip(operand.indices, layout.shape, layout.strides, strict=True):
        if not index.terms:
            if extent != 1 or dims[index.offset] != 0:
                raise BytecodeError(f"kernel '{kernel}': a guarded operand has a dim without an axis")
            continue
        (old_axis, coefficient), axis = index.terms[0], domain.new_axis[index.terms[0][0]]
        if len(index.terms) != 1 or dims[coefficient] != 1 or mask >> axis & 1 or old_axis < 0:
            raise BytecodeError(f"kernel '{kernel}': a guarded operand needs one axis of step 1 for each dim")
        mask |= 1 << axis
        shape[axis] = extent
        strides[axis] = stride
        guards.append(Guard(axis, dims[index.offset], extent))
    return View(layout.root, layout.offset, tuple(shape), tuple(strides), mask, tuple(guards))


def _free_view(
    operand: Operand, layout: TensorLayout, extents: list[int], domain: Domain, dims: list[int], kernel: str
) -> View:
    dim_axes: list[int] = []
    mask = 0
    for dim, (index, extent) in enumerate(zip(operand.indices, layout.shape, strict=True)):
        if dim == operand.free_dim:
            dim_axes.append(-1)
            continue
        if len(index.terms) != 1 or dims[index.terms[0][1]] != 1 or dims[index.offset] != 0:
            raise BytecodeError(
                f"kernel '{kernel}': an operand with a free dim needs one whole axis for each other dim"
            )
        old_axis = index.terms[0][0]
        if extents[old_axis] != extent:
            raise BytecodeError(f"kernel '{kernel}': an axis of {extents[old_axis]} meets a dim of {extent}")
        axis = domain.new_axis[old_axis]
        if mask >> axis & 1:
            raise BytecodeError(f"kernel '{kernel}': two dims of an operand follow one axis")
        mask |= 1 << axis
        dim_axes.append(axis)
    return View(layout.root, layout.offset, layout.shape, layout.strides, mask, dim_axes=tuple(dim_axes))
