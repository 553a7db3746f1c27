"""The types and attributes of the `visa` dialect: unified-buffer slots, scalars, tensor operands, domain axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from typing_extensions import override
from xdsl.backend.register_type import RegisterType
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, IntAttr, NoneAttr, StringAttr
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
    AffineMap,
    AffineSymExpr,
)
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.parser.affine_parser import AffineParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.mlir_lexer import MLIRToken

from dvm_dialects.dims import Dim, parse_dim
from dvm_dialects.shapes import element_of, mlir_type
from vm.isa import FIELD_LIMIT, MAX_AXES, ElementType

AXIS_KINDS = ("parallel", "reduction")

_SLOT_BY_NAME = {str(slot): slot for slot in range(FIELD_LIMIT)}


@irdl_attr_definition
class UbType(RegisterType):
    """A tile in a slot of the unified buffer: `!visa.ub` before allocation, `!visa.ub<3>` in slot 3."""

    name = "visa.ub"

    @classmethod
    @override
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        if parser.parse_optional_punctuation("<") is None:
            return (NoneAttr(),)
        slot = parser.parse_integer(allow_boolean=False, allow_negative=False)
        parser.parse_punctuation(">")
        return (IntAttr(slot),)

    @classmethod
    @override
    def index_by_name(cls) -> dict[str, int]:
        return _SLOT_BY_NAME

    @classmethod
    @override
    def infinite_register_prefix(cls) -> str:
        return "spill"

    @property
    def slot(self) -> int | None:
        """The slot, or None before allocation."""
        return self.index.data if isinstance(self.index, IntAttr) else None


UB = UbType.unallocated()


@lru_cache(maxsize=FIELD_LIMIT)
def ub_slot(slot: int) -> UbType:
    """The type of a tile in the slot; raises ValueError for a slot that no word can name."""
    return UbType.from_index(slot)


@irdl_attr_definition
class ScalarType(ParametrizedAttribute, TypeAttribute):
    """A scalar constant of the kernel, in K rather than in the unified buffer."""

    name = "visa.scalar"


SCALAR = ScalarType()


@irdl_attr_definition
class AxisAttr(ParametrizedAttribute):
    """An axis of a domain and its extent, a dim: `#visa.axis<parallel "s0">`."""

    name = "visa.axis"
    kind: StringAttr
    extent: StringAttr

    def __init__(self, kind: str, extent: Dim | str):
        super().__init__(StringAttr(kind), StringAttr(str(extent)))

    @override
    def verify(self) -> None:
        if self.kind.data not in AXIS_KINDS:
            raise VerifyException(f"axis kind '{self.kind.data}' is not one of {', '.join(AXIS_KINDS)}")
        _dim_of(self.extent.data, "the extent of an axis")

    @property
    def is_reduction(self) -> bool:
        return self.kind.data == "reduction"

    @property
    def dim(self) -> Dim:
        return parse_dim(self.extent.data)

    @classmethod
    def parse_bare(cls, parser: AttrParser) -> "AxisAttr":
        """Parse `parallel "s0"`."""
        kind = parser.parse_identifier(context_msg=" for the kind of axis")
        return cls(kind, parser.parse_str_literal(context_msg=" for the extent of the axis"))

    def print_bare(self, printer: Printer) -> None:
        printer.print_string(f"{self.kind.data} ")
        printer.print_string_literal(self.extent.data)

    @classmethod
    @override
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            return cls.parse_bare(parser).parameters

    @override
    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            self.print_bare(printer)


@dataclass(frozen=True)
class AccessIndex:
    """The index into one dim of a tensor as a function of the domain: offset + sum of coefficient * axis.

    `terms` are (axis, coefficient) pairs with the axes ascending and no coefficient zero.
    """

    terms: tuple[tuple[int, Dim], ...]
    offset: Dim

    @cached_property
    def _hash(self) -> int:
        return hash((self.terms, self.offset))

    def __hash__(self) -> int:
        return self._hash

    @staticmethod
    @lru_cache(maxsize=MAX_AXES)
    def axis(axis: int) -> "AccessIndex":
        """The index that is the axis itself."""
        return AccessIndex(((axis, Dim.constant(1)),), Dim.constant(0))

    @staticmethod
    def constant(value: int) -> "AccessIndex":
        return AccessIndex((), Dim.constant(value))


@irdl_attr_definition
class GlobalType(ParametrizedAttribute, TypeAttribute):
    """A tensor that a kernel reads or writes, and where in it each point of the domain falls (the access map).

    `!visa.global<f32, affine_map<(d0, d1)[s0] -> (d0 * s0, d1)>, ["4*s1"], guarded, free = 0>`: the map takes the
    domain axes, its symbols stand for the dims listed, and it has one result, linear in the axes, for each dim of the
    tensor. `guarded`: an index may fall outside of the tensor. `free`: the dim that data index; the map says 0 there.
    """

    name = "visa.global"
    element: Attribute
    map: AffineMapAttr
    symbols: ArrayAttr[StringAttr]
    guarded: IntAttr
    free: IntAttr

    def __init__(
        self,
        element: ElementType,
        map: AffineMap,
        symbols: Sequence[Dim | str] = (),
        *,
        guarded: bool = False,
        free: int | None = None,
    ):
        super().__init__(
            mlir_type(element),
            AffineMapAttr(map),
            ArrayAttr(StringAttr(str(symbol)) for symbol in symbols),
            IntAttr(int(guarded)),
            IntAttr(-1 if free is None else free),
        )

    @staticmethod
    def from_indices(
        element: ElementType,
        axes: int,
        indices: Sequence[AccessIndex],
        *,
        guarded: bool = False,
        free: int | None = None,
    ) -> "GlobalType":
        """The type with one index for each dim of the tensor, in a domain of `axes` axes."""
        return _global_type(element, axes, tuple(indices), guarded, free)

    @override
    def verify(self) -> None:
        _ = self.element_type
        if len(self.symbols) != self.map.data.num_symbols:
            raise VerifyException(
                f"the access map has {self.map.data.num_symbols} symbols but {len(self.symbols)} dims are listed for them"
            )
        if not -1 <= self.free.data < len(self.map.data.results):
            raise VerifyException(f"free dim {self.free.data} of a tensor of rank {len(self.map.data.results)}")
        _ = self.indices

    @property
    def element_type(self) -> ElementType:
        return element_of(self.element)

    @property
    def indices(self) -> tuple[AccessIndex, ...]:
        """One index for each dim of the tensor."""
        return _indices(self.map, self.symbols)

    @property
    def axes(self) -> frozenset[int]:
        """The domain axes along which the tile varies; the index of the free dim does not count."""
        return frozenset(
            axis for dim, index in enumerate(self.indices) if dim != self.free.data for axis, _ in index.terms
        )

    @property
    def is_guarded(self) -> bool:
        return bool(self.guarded.data)

    @property
    def free_dim(self) -> int | None:
        return None if self.free.data < 0 else self.free.data

    @classmethod
    @override
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        guarded, free = 0, -1
        symbols: list[StringAttr] = []
        with parser.in_angle_brackets():
            element = parser.parse_type()
            parser.parse_punctuation(",")
            map = _parse_affine_map(parser)
            while parser.parse_optional_punctuation(","):
                if parser.parse_optional_keyword("guarded"):
                    guarded = 1
                elif parser.parse_optional_keyword("free"):
                    parser.parse_punctuation("=")
                    free = parser.parse_integer(allow_boolean=False, allow_negative=False)
                else:
                    symbols = [StringAttr(text) for text in _parse_strings(parser)]
        return element, AffineMapAttr(map), ArrayAttr(symbols), IntAttr(guarded), IntAttr(free)

    @override
    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_attribute(self.element)
            printer.print_string(", ")
            printer.print_attribute(self.map)
            if self.symbols.data:
                printer.print_string(", ")
                printer.print_attribute(self.symbols)
            if self.is_guarded:
                printer.print_string(", guarded")
            if self.free_dim is not None:
                printer.print_string(f", free = {self.free_dim}")


@lru_cache(maxsize=1024)
def _global_type(
    element: ElementType, axes: int, indices: tuple[AccessIndex, ...], guarded: bool, free: int | None
) -> GlobalType:
    symbols: dict[Dim, AffineExpr] = {}

    def expression(dim: Dim) -> AffineExpr:
        if dim.value is not None:
            return AffineExpr.constant(dim.value)
        return symbols.setdefault(dim, AffineExpr.symbol(len(symbols)))

    results: list[AffineExpr] = []
    for index in indices:
        result = expression(index.offset)
        for axis, coefficient in reversed(index.terms):
            result = _multiply(AffineExpr.dimension(axis), expression(coefficient)) + result
        results.append(result)
    map = AffineMap(axes, len(symbols), tuple(results))
    return GlobalType(element, map, tuple(symbols), guarded=guarded, free=free)


class _SemiAffineParser(AffineParser):
    """Also reads the product of an axis and a symbol, the stride of a tensor of dynamic shape."""

    @override
    def _create_binop_expr(self, lhs: AffineExpr, rhs: AffineExpr, binop: MLIRToken) -> AffineExpr:
        return _multiply(lhs, rhs) if binop.text == "*" else super()._create_binop_expr(lhs, rhs, binop)


def _parse_affine_map(parser: AttrParser) -> AffineMap:
    parser.parse_keyword("affine_map")
    with parser.in_angle_brackets():
        # xDSL's parser of maps is reached with the state of the parser around it, as its own methods do.
        state = parser._parser_state  # pyright: ignore[reportPrivateUsage]
        return _SemiAffineParser(state).parse_affine_map()


def _parse_strings(parser: AttrParser) -> list[str]:
    return parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_str_literal)


def _multiply(left: AffineExpr, right: AffineExpr) -> AffineExpr:
    """The product, which xDSL's `*` refuses where neither is constant."""
    if isinstance(left, AffineConstantExpr) or isinstance(right, AffineConstantExpr):
        return left * right
    return AffineBinaryOpExpr(AffineBinaryOpKind.Mul, left, right)


@lru_cache(maxsize=1024)
def _indices(map: AffineMapAttr, symbols: ArrayAttr[StringAttr]) -> tuple[AccessIndex, ...]:
    values = [_dim_of(symbol.data, "a symbol of an access map") for symbol in symbols]
    found: list[AccessIndex] = []
    for result in map.data.results:
        terms, offset = _linear(result, values)
        found.append(AccessIndex(tuple(sorted((a, c) for a, c in terms.items() if c.value != 0)), offset))
    return tuple(found)


def _linear(expression: AffineExpr, symbols: Sequence[Dim]) -> tuple[dict[int, Dim], Dim]:
    """The coefficients by axis and the offset of an expression that is linear in the axes."""
    match expression:
        case AffineConstantExpr():
            return {}, Dim.constant(expression.value)
        case AffineDimExpr():
            return {expression.position: Dim.constant(1)}, Dim.constant(0)
        case AffineSymExpr():
            return {}, symbols[expression.position]
        case AffineBinaryOpExpr():
            left, left_offset = _linear(expression.lhs, symbols)
            right, right_offset = _linear(expression.rhs, symbols)
            if expression.kind is AffineBinaryOpKind.Add:
                for axis, coefficient in right.items():
                    left[axis] = left[axis] + coefficient if axis in left else coefficient
                return left, left_offset + right_offset
            if expression.kind is AffineBinaryOpKind.Mul and not (left and right):
                factor, terms = (left_offset, right) if right else (right_offset, left)
                return {axis: c * factor for axis, c in terms.items()}, left_offset * right_offset
        case _:
            pass
    raise VerifyException(f"'{expression}' in an access map is not linear in the axes")


def _dim_of(text: str, what: str) -> Dim:
    try:
        return parse_dim(text)
    except ValueError as error:
        raise VerifyException(f"{what}: {error}") from None
