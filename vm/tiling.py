"""How a bound domain is cut into tiles, and where each slot lies in the unified buffer.

The choice depends on the extents and the size of the unified buffer, never on the number of cores: that is what makes
results the same bit for bit on any number of them.
"""

from math import prod
from typing import NamedTuple

from vm.layout import Domain
from vm.prepare import PreparedKernel, Tenant
from vm.target import Target, Tuning

WANTED_TILES = 8
"""Tiles that a domain is cut into, where they stay above the minimum, so that several cores have work."""

LEAST_RUN = 256
"""Elements along the last axis below which a tile is not made narrower, while that axis has so many: short inner loops."""

WANTED_ITEMS = 16
"""Chunks that a reduction to few tiles is cut into."""

MATRIX_SLOTS = 3
"""Tiles of a matrix product that share the unified buffer: left, right and accumulator."""

LEAST_ROWS = 128
"""Rows of the result below which a block of them is made narrower instead: BLAS packs the right factor for each."""

LEAST_BLOCK = 96
"""Rows or columns below which a product is not cut into more than two blocks."""

LEAST_COMPUTED_ROWS = 16
"""Rows that are computed for a block of a product, at least: with fewer they are better stored first."""

COLUMNS_OF_STEP = 24
"""Columns that a block of a product wants for each instruction on the rows that are computed for it, again for each block: then
that takes a quarter of the time of the product. A multiplication takes some 0.025 ns, an instruction on an element 0.15 ns.
"""

_ALIGNMENT = 64


class Tiling(NamedTuple):
    """Tile extents by axis; how many chunks the reduction is cut into; slot offsets and the total, in bytes."""

    tile: tuple[int, ...]
    chunks: int
    slot_offsets: tuple[int, ...]
    unified_buffer_bytes: int
    one_core: bool = False

    def counts(self, domain: Domain) -> tuple[int, ...]:
        """Tiles along each axis."""
        return tuple(-(-extent // tile) for extent, tile in zip(domain.extents, self.tile, strict=True))


def choose_tiling(
    prepared: PreparedKernel, domain: Domain, masks: list[int], homes: list[int], target: Target
) -> Tiling:
    """The tiling of a domain without empty parallel axes.

    `masks` has the axes of each entry of `prepared.tile_axes`, `homes` for each value the operand that it lives in
    instead of the unified buffer, or -1.
    """
    tenants = _tenants(prepared, homes)
    one_core = False
    if prepared.factors:
        factors_in_memory = all(homes[value] >= 0 for value in prepared.factors)
        slots = {tenant.slot for tenant in tenants}
        if prepared.is_resident:
            tile = _computed_rows_tile(prepared, domain, masks, tenants, target)
        else:
            blocks = max(MATRIX_SLOTS, len(slots)) if prepared.computes_factors else MATRIX_SLOTS
            tile = _matrix_tile(domain, factors_in_memory, len(slots), blocks, target)
        one_core = not target.tuning.cuts_products and prod(domain.extents[-3:]) >= target.tuning.large_product
    else:
        room = min(target.unified_buffer_bytes, target.tuning.largest_tile_bytes)
        points = int(room / _point_bytes(prepared, domain, masks, tenants))
        tile = _vector_tile(prepared, domain, points, target.tuning)
    elements = [prod([extent for axis, extent in enumerate(tile) if mask >> axis & 1]) for mask in masks]
    sizes = [0] * prepared.kernel.slots
    for slot, axes, element_bytes, _ in tenants:
        size = elements[axes] * element_bytes
        if size > sizes[slot]:
            sizes[slot] = size
    offsets: list[int] = []
    total = 0
    for size in sizes:
        offsets.append(total)
        total += -(-size // _ALIGNMENT) * _ALIGNMENT
    return Tiling(tile, _chunks(prepared, domain, tile), tuple(offsets), total, one_core)


def _tenants(prepared: PreparedKernel, homes: list[int]) -> list[Tenant]:
    """What lies in the slots once it is known which values live in tensors."""
    return [tenant for tenant in prepared.tenants if tenant.value < 0 or homes[tenant.value] < 0]


def fits(prepared: PreparedKernel, domain: Domain, masks: list[int], homes: list[int], target: Target) -> bool:
    """Whether the unified buffer takes a tile that spans the reduction axes whole and has runs worth a NumPy call.

    Not where the reduction is empty. Of a product it takes some of the rows that are computed, and of the results.
    """
    if prepared.factors:
        columns = _even(domain.extents[-2], _fewest_columns(prepared, domain, masks, target.tuning))
        rows = _rows(prepared, domain, masks, _tenants(prepared, homes), columns, target.unified_buffer_bytes)
        return domain.extents[-1] > 0 and rows >= min(domain.extents[-3], LEAST_COMPUTED_ROWS)
    points = _reduction_points(domain)
    last = len(domain.extents) - 1
    if last >= 0 and not domain.reductions >> last & 1:
        points *= min(domain.extents[last], LEAST_RUN)
    return 0 < points * _point_bytes(prepared, domain, masks, _tenants(prepared, homes)) <= target.unified_buffer_bytes


def _reduction_points(domain: Domain) -> int:
    return prod([extent for axis, extent in enumerate(domain.extents) if domain.reductions >> axis & 1])


def _point_bytes(prepared: PreparedKernel, domain: Domain, masks: list[int], tenants: list[Tenant]) -> float:
    """The bytes that one point of a tile takes in all slots together."""
    whole = [0] * prepared.kernel.slots
    reduced = [0] * prepared.kernel.slots
    for slot, axes, element_bytes, _ in tenants:
        sizes = whole if masks[axes] & domain.reductions or not domain.reductions else reduced
        if element_bytes > sizes[slot]:
            sizes[slot] = element_bytes
    # a slot of reduced values has one element where the others have a row of the tile; 64 bounds the guess
    return max(sum(whole) + sum(reduced) / max(min(_reduction_points(domain), 64), 1), 8)


def _vector_tile(prepared: PreparedKernel, domain: Domain, budget: int, tuning: Tuning) -> tuple[int, ...]:
    """Tile extents of at most `budget` points, the last axes first."""
    wanted = min(_power_of_two(domain.points // tuning.minimum_tile), WANTED_TILES)
    budget = max(1, min(budget, max(tuning.minimum_tile, -(-domain.points // wanted))))
    tile = [1] * len(domain.extents)
    spread = _spread_axis(prepared, domain)
    axes = range(len(tile) - 1, -1, -1)
    if prepared.is_resident:
        # the reduction axes come first, whole: `fits` has seen to it that they do
        budget = max(1, budget // _reduction_points(domain))
        for axis in axes:
            if domain.reductions >> axis & 1:
                tile[axis] = domain.extents[axis]
        axes = [axis for axis in axes if not domain.reductions >> axis & 1]
    for axis in axes:
        extent = max(domain.extents[axis], 1)
        limit = budget if axis != spread else min(budget, max(-(-extent // WANTED_TILES), LEAST_RUN))
        tile[axis] = _even(extent, limit)
        budget //= tile[axis]
    return tuple(tile)


def _spread_axis(prepared: PreparedKernel, domain: Domain) -> int:
    """The parallel axis to cut for the cores' sake where reductions cannot be cut: the first that is long, or -1."""
    if not domain.reductions or prepared.can_split:
        return -1
    long = (axis for axis, extent in enumerate(domain.extents) if extent > 1 and not domain.reductions >> axis & 1)
    return next(long, -1)


def _even(extent: int, limit: int) -> int:
    """The largest tile of an axis not above `limit`, made smaller so that all tiles of the axis are about as large.

    Few tiles are a power of two, which any usual number of cores shares without one of them waiting for long.
    """
    if extent <= limit:
        return extent
    if limit <= 1:
        return 1
    count = -(-extent // limit)
    if count < WANTED_TILES:
        count = 1 << (count - 1).bit_length()
    size = -(-extent // count)
    rounded = -(-size // 16) * 16
    return rounded if rounded <= limit and rounded * (count - 1) < extent else size


def _power_of_two(number: int) -> int:
    """The largest power of two that is not above a number; 1 for 0."""
    return 1 << max(number.bit_length() - 1, 0)


def _blocks(extent: int, multiplications: int, tuning: Tuning) -> int:
    """How many blocks a product is cut into along a dim of its result, for the cores' sake."""
    count = min(_power_of_two(multiplications // tuning.large_block), WANTED_TILES)
    return max(min(count, _power_of_two(extent // LEAST_BLOCK)), 2)


def _matrix_tile(domain: Domain, factors_in_memory: bool, slots: int, blocks: int, target: Target) -> tuple[int, ...]:
    """Whole matrices where BLAS can read and write the tensors themselves, and then some of the batch; blocks of the
    result for the cores where they are large and few.

    Where it only reads them, blocks of the result that fit; where factors must be converted, blocks of those too. Small
    matrices share a tile in either case. `slots` of the unified buffer are needed, none if all is in tensors; `blocks` share it
    where factors must be converted.
    """
    unified_buffer_bytes, tuning = target
    *batch, m, n, k = domain.extents
    rows, columns = m, n
    if tuning.cuts_products and m * n * k >= tuning.large_product and prod(batch) < WANTED_TILES:
        # the factor that all blocks share is packed for each of them: let it be the smaller one
        if n > m:
            columns = _even(n, -(-n // _blocks(n, m * n * k, tuning)))
        else:
            rows = _even(m, -(-m // _blocks(m, m * n * k, tuning)))
    if not slots:
        block = (rows, columns, max(k, 1))
    elif factors_in_memory:
        columns = _even(columns, max(unified_buffer_bytes // (4 * LEAST_ROWS), 16))
        block = (_even(rows, max(unified_buffer_bytes // (4 * columns), 1)), columns, max(k, 1))
    else:
        side = max(int((unified_buffer_bytes / (4 * blocks)) ** 0.5) // 16 * 16, 16)
        block = (_even(m, side), _even(n, side), _even(max(k, 1), side))
    largest = m * n if factors_in_memory else max(m * n, m * k, n * k)
    fitting = unified_buffer_bytes // max(4 * slots * largest, 1) if slots else prod(batch)
    wanted = max(prod(batch) // WANTED_TILES, tuning.least_product // max(m * n * k, 1))
    budget = max(1, min(wanted, fitting)) if block == (m, n, max(k, 1)) else 1
    tile: list[int] = []
    for extent in reversed(batch):
        tile.insert(0, _even(extent, budget))
        budget //= tile[0]
    return (*tile, *block)


def _computed_rows_tile(
    prepared: PreparedKernel, domain: Domain, masks: list[int], tenants: list[Tenant], target: Target
) -> tuple[int, ...]:
    """Blocks of whole rows of the left factor, which are computed, and of the results.

    The rows are computed again for each block of columns: those stay as many as the unified buffer allows, and are cut for the
    cores' sake only where there are few rows.
    """
    *batch, m, n, k = domain.extents
    rows, columns = m, n
    unified_buffer_bytes, tuning = target
    least_columns = _fewest_columns(prepared, domain, masks, tuning)
    if tuning.cuts_products and m * n * k >= tuning.large_product and prod(batch) < WANTED_TILES:
        if m >= 2 * LEAST_BLOCK:
            rows = _even(m, -(-m // _blocks(m, m * n * k, tuning)))
        elif n >= 2 * least_columns:
            # halves, quarters or eighths, which two cores share evenly
            columns = -(-n >> min(n // least_columns, WANTED_TILES).bit_length() - 1)
        else:
            rows = _even(m, max(-(-m // 2), LEAST_BLOCK // 2))
    fitting = _rows(prepared, domain, masks, tenants, columns, unified_buffer_bytes)
    if fitting < min(rows, LEAST_BLOCK // 2):
        columns = min(columns, _even(n, least_columns))
        fitting = _rows(prepared, domain, masks, tenants, columns, unified_buffer_bytes)
    rows = _even(rows, max(fitting, 1))
    budget = 1
    if (rows, columns) == (m, n):
        wanted = max(prod(batch) // WANTED_TILES, -(-tuning.minimum_tile // max(m * k, 1)))
        budget = max(1, min(wanted, fitting // max(m, 1)))
    tile: list[int] = []
    for extent in reversed(batch):
        tile.insert(0, _even(extent, budget))
        budget //= tile[0]
    return (*tile, rows, columns, k)


def _fewest_columns(prepared: PreparedKernel, domain: Domain, masks: list[int], tuning: Tuning) -> int:
    """Columns below which a block is not made narrower, because its rows are computed again for each block."""
    across = 1 << len(domain.extents) - 2
    steps = sum([not masks[axes] & across for axes in prepared.computed_axes])
    points = max(domain.extents[-3] * domain.extents[-1], 1)
    return max(steps * (COLUMNS_OF_STEP + tuning.points_of_call // points), LEAST_BLOCK)


def _rows(
    prepared: PreparedKernel,
    domain: Domain,
    masks: list[int],
    tenants: list[Tenant],
    columns: int,
    unified_buffer_bytes: int,
) -> int:
    """How many rows of a product the unified buffer takes, with so many columns of the results and the whole contracted dim."""
    rank = len(domain.extents)
    row, across, along = (1 << rank - back for back in (3, 2, 1))
    inner = [(columns if mask & across else 1) * (domain.extents[-1] if mask & along else 1) for mask in masks]
    whole = [0] * prepared.kernel.slots
    of_row = [0] * prepared.kernel.slots
    for slot, axes, element_bytes, _ in tenants:
        sizes = of_row if masks[axes] & row else whole
        size = element_bytes * inner[axes]
        if size > sizes[slot]:
            sizes[slot] = size
    return max(unified_buffer_bytes - sum(whole), 0) // max(sum(of_row), 1)


def _chunks(prepared: PreparedKernel, domain: Domain, tile: tuple[int, ...]) -> int:
    if not domain.reductions or not prepared.can_split:
        return 1
    parallel = reduction = 1
    for axis, (extent, size) in enumerate(zip(domain.extents, tile, strict=True)):
        if domain.reductions >> axis & 1:
            reduction *= -(-extent // size)
        else:
            parallel *= -(-extent // size)
    if parallel >= WANTED_TILES or reduction < 2:
        return 1
    return min(reduction, -(-WANTED_ITEMS // parallel))
