"""Tensor types of the operator graph as the rest of the compiler sees them: an element type and symbolic dims.

Here are the attributes that carry symbols (`#dvm.sym`, `#dvm.fact`), the way from MLIR types to `ElementType` and
`Dim` and back, and `ShapeRules`, the questions that the shape rule of an operation asks about dims. A rule is written
once (`DvmOp.infer_dims`); the verifier and `dvm-deduce-shapes` answer its questions differently.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import ClassVar, TypeVar, cast

from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    AnyTensorType,
    ArrayAttr,
    BFloat16Type,
    Float16Type,
    Float32Type,
    IntegerType,
    NoneAttr,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import DiagnosticException, VerifyException

from dvm_dialects.dims import Dim, broadcast, parse_dim
from vm.isa import ElementType
from vm.program import FactKind

Shape = tuple[Dim, ...]

MAX_RANK = 8
"""The most dims that a tensor of the operator graph has."""

GRAPH_TYPE_NAMES = {
    "Bool": ElementType.I1,
    "Float16": ElementType.F16,
    "BFloat16": ElementType.BF16,
    "Float32": ElementType.F32,
    "Int32": ElementType.I32,
    "Int64": ElementType.I64,
}
"""The element types as `dvm.cast` and `dvm.broadcast_scalar` spell them."""

GRAPH_NAME_OF = {element: name for name, element in GRAPH_TYPE_NAMES.items()}

_MLIR_TYPES: dict[ElementType, Attribute] = {
    ElementType.I1: IntegerType(1),
    ElementType.F16: Float16Type(),
    ElementType.BF16: BFloat16Type(),
    ElementType.F32: Float32Type(),
    ElementType.I32: IntegerType(32),
    ElementType.I64: IntegerType(64),
}
_ELEMENT_TYPES = {mlir: element for element, mlir in _MLIR_TYPES.items()}

_RESERVED = "__"
"""Symbols that begin so stand for dims that no type names; `#dvm.sym` may not use them."""

UNNAMED_RESULT = 1 << 20
"""The operand number that `shape_of` takes for the result of an operation."""


@irdl_attr_definition
class SymAttr(ParametrizedAttribute):
    """The encoding of a tensor type whose dynamic dims are named: `#dvm.sym<["s0", "1024"]>`, one text per dim."""

    name = "dvm.sym"
    dims: ArrayAttr[StringAttr]

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Texts are brought into canonical form, so that equal dims make equal types."""
        with parser.in_angle_brackets():
            texts = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_str_literal)
        try:
            return (ArrayAttr([StringAttr(parse_dim(text).text) for text in texts]),)
        except ValueError as error:
            parser.raise_error(str(error))

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_attribute(self.dims)

    def verify(self) -> None:
        for text in self.dims:
            try:
                dim = parse_dim(text.data)
            except ValueError as error:
                raise VerifyException(f"#dvm.sym: {error}") from None
            if any(symbol.startswith(_RESERVED) for symbol in dim.symbols):
                raise VerifyException(
                    f"#dvm.sym: '{dim}' uses a name that begins with '{_RESERVED}', which is reserved"
                )


@irdl_attr_definition
class FactAttr(ParametrizedAttribute):
    """A condition on dims that bind checks, and why: `#dvm.fact<at_least, "s0", "1", "dvm.reduce Max at a.mlir:3">`."""

    name = "dvm.fact"
    kind: StringAttr
    left: StringAttr
    right: StringAttr
    reason: StringAttr

    KINDS: ClassVar[tuple[str, ...]] = tuple(kind.name.lower() for kind in FactKind)

    @classmethod
    def of(cls, kind: FactKind, left: Dim, right: Dim, reason: str) -> "FactAttr":
        return cls(StringAttr(kind.name.lower()), StringAttr(left.text), StringAttr(right.text), StringAttr(reason))

    @property
    def fact(self) -> tuple[FactKind, Dim, Dim, str]:
        """The kind, the dims left and right, and the reason."""
        kind = FactKind[self.kind.data.upper()]
        return kind, parse_dim(self.left.data), parse_dim(self.right.data), self.reason.data

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            values = [parser.parse_identifier()]
            for _ in range(3):
                parser.parse_punctuation(",")
                values.append(parser.parse_str_literal())
        return [StringAttr(value) for value in values]

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(f"{self.kind.data}, ")
            printer.print_list((self.left, self.right, self.reason), printer.print_attribute)

    def verify(self) -> None:
        if self.kind.data not in self.KINDS:
            raise VerifyException(f"#dvm.fact: '{self.kind.data}' is not one of {', '.join(self.KINDS)}")
        for text in (self.left, self.right):
            try:
                parse_dim(text.data)
            except ValueError as error:
                raise VerifyException(f"#dvm.fact: {error}") from None


_Result = TypeVar("_Result")

_KNOWN_LIMIT = 4096


def _by_identity(function: Callable[[Attribute], _Result]) -> Callable[[Attribute], _Result]:
    """Remembers what a function says of a type, by the type's identity: hashing a tensor type takes as long as the answer.

    An entry keeps its type alive, so that no other can have its identity.
    """
    known: dict[int, tuple[Attribute, _Result]] = {}

    @wraps(function)
    def remembered(type: Attribute) -> _Result:
        entry = known.get(id(type))
        if entry is None:
            if len(known) >= _KNOWN_LIMIT:
                known.clear()
            entry = known[id(type)] = type, function(type)
        return entry[1]

    return remembered


@_by_identity
def element_of(type: Attribute) -> ElementType:
    """The element type that an MLIR scalar type or tensor type stands for; raises VerifyException for any other."""
    scalar = cast(AnyTensorType, type).element_type if isinstance(type, TensorType) else type
    element = _ELEMENT_TYPES.get(scalar)
    if element is None:
        names = ", ".join(known.text for known in ElementType)
        where = "" if scalar is type else f"{type}: "
        raise VerifyException(f"{where}{scalar} is not an element type of dvm ({names})")
    return element


def mlir_type(element: ElementType) -> Attribute:
    """The MLIR scalar type of an element type."""
    return _MLIR_TYPES[element]


@lru_cache(maxsize=4096)
def tensor_of(element: ElementType, dims: Shape) -> TensorType:
    """The tensor type of the dims; its encoding names them if one is not a constant, unless one has no name."""
    sizes = [DYNAMIC_INDEX if dim.value is None else dim.value for dim in dims]
    if DYNAMIC_INDEX in sizes and all(is_known(dim) for dim in dims):
        return TensorType(mlir_type(element), sizes, SymAttr(ArrayAttr([StringAttr(dim.text) for dim in dims])))
    return TensorType(mlir_type(element), sizes)


def regroups_ones(a: Shape, b: Shape) -> bool:
    """Whether the shapes differ by dims of 1 only, which one of them has and the other has not."""
    return [dim for dim in a if dim.value != 1] == [dim for dim in b if dim.value != 1]


@_by_identity
def dims_of(type: Attribute) -> Shape:
    """The dims of a tensor type; raises VerifyException where a dim is `?` and no encoding names it."""
    dims = shape_of(type)
    if not all(is_known(dim) for dim in dims):
        raise VerifyException(f"{type} has a dim that no #dvm.sym names")
    return dims


def is_known(dim: Dim) -> bool:
    """Whether the dim depends on nothing that a type leaves unnamed (a `?` without an encoding)."""
    return dim.value is not None or not any(symbol.startswith(_RESERVED) for symbol in dim.symbols)


@lru_cache(maxsize=4096)
def shape_of(type: Attribute, operand: int = UNNAMED_RESULT) -> Shape:
    """The dims of a tensor type, an unnamed one as a reserved symbol that is its own for each operand number.

    Raises VerifyException if this is not a tensor that the operator graph allows: element type, rank, encoding.
    """
    if not isinstance(type, TensorType):
        raise VerifyException(f"{type} is not a ranked tensor")
    tensor = cast(AnyTensorType, type)
    element_of(tensor)
    sizes = tensor.get_shape()
    if len(sizes) > MAX_RANK:
        raise VerifyException(f"{type} has rank {len(sizes)}, more than {MAX_RANK}")
    if any(size < 0 and size != DYNAMIC_INDEX for size in sizes):
        raise VerifyException(f"{type} has a negative size; a dynamic one is DYNAMIC_INDEX")
    encoding = tensor.encoding
    if isinstance(encoding, NoneAttr):
        return tuple(
            Dim.symbol(f"{_RESERVED}{operand}_{axis}") if size == DYNAMIC_INDEX else Dim.constant(size)
            for axis, size in enumerate(sizes)
        )
    if not isinstance(encoding, SymAttr):
        raise VerifyException(f"{type}: the encoding of a tensor must be #dvm.sym, not {encoding}")
    dims = tuple(parse_dim(text.data) for text in encoding.dims)
    if len(dims) != len(sizes):
        raise VerifyException(f"{type}: the encoding names {len(dims)} dims, but the tensor has {len(sizes)}")
    for axis, (dim, size) in enumerate(zip(dims, sizes, strict=True)):
        if dim.value != (None if size == DYNAMIC_INDEX else size):
            raise VerifyException(
                f"{type}: dim {axis} is '{dim}' in the encoding, but {'?' if size == DYNAMIC_INDEX else size} in the type"
            )
    return dims


class ShapeConflict(DiagnosticException):
    """Dims can never fit; the message says which and why, but not yet in which operation."""


class ShapeRules(ABC):
    """The questions that a shape rule asks. `what` names the dims for messages, such as "dim 1 of 'lhs' and 'rhs'".

    Each raises `ShapeConflict` where the answer is provably no.
    """

    @abstractmethod
    def equal(self, a: Dim, b: Dim, what: str) -> Dim:
        """Require a = b; gives the better known of the two."""

    @abstractmethod
    def broadcast(self, a: Dim, b: Dim, what: str) -> Dim:
        """Require that a and b broadcast; gives the extent they broadcast to."""

    @abstractmethod
    def at_least(self, a: Dim, bound: Dim, what: str) -> None:
        """Require a >= bound."""

    @abstractmethod
    def quotient(self, a: Dim, b: Dim, what: str) -> Dim:
        """Require b > 0 and a to be a multiple of b; gives a / b."""

    def broadcast_to(self, a: Dim, target: Dim, what: str) -> None:
        """Require that a is the target or 1."""
        if a != target and a.value != 1:
            self.equal(self.broadcast(a, target, what), target, what)


@dataclass(frozen=True)
class PermissiveRules(ShapeRules):
    """The answers of the verifier: only what is wrong for all sizes is refused."""

    def equal(self, a: Dim, b: Dim, what: str) -> Dim:
        if a == b:
            return a
        if (a - b).is_never_zero():
            raise never(what, a, b, "are never equal")
        return a if a.value is not None or (b.value is None and is_known(a)) else b

    def broadcast(self, a: Dim, b: Dim, what: str) -> Dim:
        result = broadcast(a, b)
        if result is None:
            raise never(what, a, b, "do not broadcast")
        return result

    def at_least(self, a: Dim, bound: Dim, what: str) -> None:
        excess = (a - bound).value
        if excess is not None and excess < 0:
            raise ShapeConflict(f"{what} is {a}, which is less than {bound}")

    def quotient(self, a: Dim, b: Dim, what: str) -> Dim:
        if b.value == 0:
            raise ShapeConflict(f"{what}: {name_of(a)} cannot be divided by 0")
        if a.value is not None and b.value is not None and a.value % b.value:
            raise ShapeConflict(f"{what}: {a} is not a multiple of {b}")
        return a.floordiv(b)


def never(what: str, a: Dim, b: Dim, why: str) -> ShapeConflict:
    """The conflict of two dims, such as "dim 0 of 'lhs' and 'rhs': 3 and 4 do not broadcast"."""
    return ShapeConflict(f"{what}: {name_of(a)} and {name_of(b)} {why}")


def name_of(dim: Dim) -> str:
    """The text of a dim for messages: `?` if it has no name."""
    return dim.text if is_known(dim) else "?"


PERMISSIVE = PermissiveRules()
