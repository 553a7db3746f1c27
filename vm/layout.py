"""The concrete form of a kernel's domain and operands: strides, merged axes, bounds. Used by bind; all in bytes.

Every operand becomes a strided view over the domain. Adjacent axes that all operands step through alike are merged
into one, axes of extent 1 go away, so that most kernels run over one or two axes whatever the rank of their tensors.
"""

from math import prod
from typing import Any, NamedTuple

from vm.errors import BytecodeError
from vm.prepare import PreparedKernel
from vm.program import Kernel, Operand


class TensorLayout(NamedTuple):
    """A bound tensor: its extents, the step in bytes along each dim, and where its first element is.

    `root` is the tensor that owns the memory, `offset` the byte offset in it.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    root: int
    offset: int


class Guard(NamedTuple):
    """Along domain axis `axis`, index `axis + shift` of an operand is inside when it is in [0, extent)."""

    axis: int
    shift: int
    extent: int


class View(NamedTuple):
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


class Domain(NamedTuple):
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
    prepared: PreparedKernel, extents: list[int], dims: list[int], layouts: list[TensorLayout]
) -> tuple[Domain, list[View]]:
    """Merge the axes of a kernel's domain and make a `View` of each operand.

    `extents` are those of the kernel's axes, `dims` the evaluated table of dims, `layouts` those of the operands' tensors. Raises
    BytecodeError where an access map reaches outside of its tensor.
    """
    kernel = prepared.kernel
    # operands of one access map over tensors of one layout step through the domain alike
    walks: list[_Walk] = []
    known: dict[Any, int] = {}
    walk_of: list[int] = []
    for number, (access, layout) in enumerate(zip(prepared.accesses, layouts, strict=True)):
        if access < 0:
            walk_of.append(-1)
            continue
        position = known.setdefault((access, layout.shape, layout.strides), len(walks))
        if position == len(walks):
            walks.append(_walk(kernel, number, layout, extents, dims))
        walk_of.append(position)
    domain = _merge(prepared, extents, walks)
    plain = [_view(walk, domain) for walk in walks]
    views: list[View] = []
    for operand, layout, position in zip(kernel.operands, layouts, walk_of, strict=True):
        if position >= 0:
            shape, strides, mask = plain[position]
            views.append(View(layout.root, layout.offset + walks[position].start, shape, strides, mask))
        elif operand.free_dim >= 0:
            views.append(_free_view(operand, layout, extents, domain, dims, kernel.name))
        else:
            views.append(_guarded_view(operand, layout, domain, dims, kernel.name))
    return domain, views


class _Walk(NamedTuple):
    """How an operand goes through its tensor: bytes per step along each axis, the mask of axes along which it is more than
    one element, and the byte offset of the point 0.
    """

    strides: list[int]
    followed: int
    start: int


def _walk(kernel: Kernel, number: int, layout: TensorLayout, extents: list[int], dims: list[int]) -> _Walk:
    """The walk of an operand; checks that the whole domain stays inside.

    A step may be 0 where the caller's array repeats its elements. An operand that follows an empty (reduction) axis is never read.
    """
    strides = [0] * len(extents)
    followed = 0
    start = 0
    never_read = False
    for index, extent, stride in zip(kernel.operands[number].indices, layout.shape, layout.strides, strict=True):
        if extent == 1:
            for axis, _ in index.terms:  # what is cut down to nothing is not stretched
                followed |= (extents[axis] == 0) << axis
            continue
        low = high = dims[index.offset]
        start += low * stride
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
            outside = low if low < 0 else high
            raise BytecodeError(
                f"operand {number} of kernel '{kernel.name}' would reach index {outside} of a dim of extent {extent}"
            )
    return _Walk(strides, followed, start)


def _merge(prepared: PreparedKernel, extents: list[int], walks: list[_Walk]) -> Domain:
    merged: list[int] = []
    reductions = 0
    new_axis = [-1] * len(extents)
    pinned = prepared.pinned
    previous = -1
    group = 0  # the mask of the axes merged into the last one
    axes = prepared.kernel.axes
    for axis, extent in enumerate(extents):
        is_pinned = pinned >> axis & 1
        if extent == 1 and not is_pinned:
            continue
        if (
            previous >= 0
            and (not is_pinned or (prepared.rows >> axis & 1 and _alike(walks, group, axis)))
            and not pinned >> previous & 1
            and axes[axis].reduction == axes[previous].reduction
            and all(walk.strides[previous] == walk.strides[axis] * extent for walk in walks)
            and all(mask >> axis & 1 == mask >> previous & 1 for mask in prepared.fill_masks)
        ):
            merged[-1] *= extent
            group |= 1 << axis
        else:
            if axes[axis].reduction:
                reductions |= 1 << len(merged)
            merged.append(extent)
            group = 1 << axis
        new_axis[axis] = len(merged) - 1
        previous = axis
    return Domain(tuple(merged), reductions, tuple(new_axis))


def _alike(walks: list[_Walk], group: int, axis: int) -> bool:
    """Whether each operand that is more than one element along an axis is so along some of a group, and the other way round."""
    return all((walk.followed >> axis & 1) == (walk.followed & group != 0) for walk in walks)


def _view(walk: _Walk, domain: Domain) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """The shape, strides and mask of the view that a walk comes to in the merged domain."""
    rank = len(domain.extents)
    shape = [1] * rank
    steps = [0] * rank
    mask = 0
    # the last of the merged axes gives the step; it is visited last
    for axis, target in enumerate(domain.new_axis):
        if target >= 0:
            if walk.followed >> axis & 1:
                steps[target] = walk.strides[axis]
                shape[target] = domain.extents[target]
                mask |= 1 << target
            else:
                steps[target] = 0
    return tuple(shape), tuple(steps), mask


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
