"""Symbol deduction: what the operations of a graph prove about its symbols, and what only bind can decide.

Each question of a shape rule is answered by proof where that is possible, else by eliminating a symbol (an equation
determines it), else by recording a fact for bind to check. Eliminated symbols and facts keep the reason, the
operation they came from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from dvm_dialects.dims import Dim, broadcast
from dvm_dialects.shapes import ShapeConflict, ShapeRules, never
from vm.program import FactKind

_ONE = Dim.constant(1)


@dataclass(frozen=True)
class Fact:
    """A condition that bind checks, and the operation that needs it."""

    kind: FactKind
    left: Dim
    right: Dim
    reason: str


@dataclass(frozen=True)
class _Elimination:
    """What an eliminated symbol was found to be, and why."""

    value: Dim
    reason: str


@dataclass
class Solver(ShapeRules):
    """Answers the questions of shape rules, and remembers what follows from them.

    `order` ranks the symbols: of two that are proved equal the one of lower rank stays. Symbols without a rank are
    names that only results use; they go first.
    """

    order: Mapping[str, int]
    lower_bounds: dict[str, int] = field(default_factory=dict[str, int])
    reason: Callable[[], str] = str
    """Names the operation whose rule is asking."""
    _eliminated: dict[str, _Elimination] = field(default_factory=dict[str, _Elimination])
    _facts: dict[tuple[FactKind, Dim, Dim], Fact] = field(default_factory=dict[tuple[FactKind, Dim, Dim], Fact])

    # --- what is known ---

    def resolve(self, dim: Dim) -> Dim:
        """The dim in terms of the symbols that are left; raises ShapeConflict if what is known contradicts it."""
        if dim.value is not None or not self._eliminated:
            return dim
        while dim.value is None:
            values = {name: self._eliminated[name].value for name in dim.symbols if name in self._eliminated}
            if not values:
                break
            try:
                dim = dim.substitute(values)
            except ValueError as error:
                raise ShapeConflict(str(error)) from None
        return dim

    def reasons(self, dim: Dim) -> list[tuple[str, Dim, str]]:
        """Why a dim resolves to what it does, or to nothing: each eliminated symbol in it, what that is, and the reason."""
        found: dict[str, tuple[str, Dim, str]] = {}
        pending = [dim]
        while pending:
            for name in sorted(pending.pop().symbols):
                if name in self._eliminated and name not in found:
                    elimination = self._eliminated[name]
                    try:
                        value = self.resolve(elimination.value)
                    except ShapeConflict:
                        value = elimination.value
                    found[name] = (name, value, elimination.reason)
                    pending.append(elimination.value)
        return list(found.values())

    def why(self, dims: Sequence[Dim]) -> str:
        """What is known of dims, to be appended to a message: "; s1 is s0 by dvm.binary Add at model.mlir:7"."""
        parts = [f"; {name} is {value} by {reason}" for dim in dims for name, value, reason in self.reasons(dim)]
        for name in sorted({name for dim in dims for name in dim.symbols}):
            if least := self.lower_bounds.get(name):
                parts.append(f"; {name} is at least {least}")
        return "".join(dict.fromkeys(parts))

    def bound(self, name: str, least: int) -> None:
        """Take note that a symbol is at least so much."""
        self.lower_bounds[name] = max(least, self.lower_bounds.get(name, 0))

    def is_at_least(self, dim: Dim, least: Dim | int) -> bool:
        """Whether the dim is provably that much or more."""
        bound = (dim - least).lower_bound(self.lower_bounds)
        return bound is not None and bound >= 0

    # --- the questions of shape rules ---

    def equal(self, a: Dim, b: Dim, what: str) -> Dim:
        a, b = self.resolve(a), self.resolve(b)
        if a == b:
            return a
        difference = a - b
        if difference.is_never_zero() or self.is_at_least(difference, 1) or self.is_at_least(-difference, 1):
            raise never(what, a, b, _NEVER[FactKind.EQUAL])
        if solutions := difference.solutions():
            name, value = max(solutions, key=lambda solution: self.order.get(solution[0], inf))
            self._eliminate(name, value)
            return self.resolve(a)
        self._record(FactKind.EQUAL, a, b)
        return b if a.value is None else a

    def broadcast(self, a: Dim, b: Dim, what: str) -> Dim:
        a, b = self.resolve(a), self.resolve(b)
        result = broadcast(a, b)
        if result is None:
            raise never(what, a, b, _NEVER[FactKind.BROADCASTABLE])
        if result in (a, b) and (a == b or _ONE in (a, b) or (a.value is None and b.value is None)):
            return result
        stretched = [dim for dim in (a, b) if self.is_at_least(dim, 2)]
        if len(stretched) == 2:
            return self.equal(a, b, what)
        self._record(FactKind.BROADCASTABLE, a, b)
        return stretched[0] if stretched else result

    def at_least(self, a: Dim, bound: Dim, what: str) -> None:
        a, bound = self.resolve(a), self.resolve(bound)
        if self.is_at_least(a, bound):
            return
        if self.is_at_least(bound, a + 1):
            raise never(what, a, bound, _NEVER[FactKind.AT_LEAST])
        if bound.value is not None:
            a, bound = a - a.constant_term, bound - a.constant_term
        self._record(FactKind.AT_LEAST, a, bound)
        if a.is_symbol and bound.value is not None:
            self.bound(a.text, bound.value)

    def quotient(self, a: Dim, b: Dim, what: str) -> Dim:
        a, b = self.resolve(a), self.resolve(b)
        if _fails(FactKind.DIVISIBLE, a, b):
            raise never(what, a, b, _NEVER[FactKind.DIVISIBLE])
        if not _holds(FactKind.DIVISIBLE, a, b):
            self._record(FactKind.DIVISIBLE, a, b)
        return a.floordiv(b)

    # --- the end ---

    def add(self, fact: Fact) -> None:
        """Take over a fact that was found earlier."""
        self._facts.setdefault((fact.kind, fact.left, fact.right), fact)
        if fact.kind is FactKind.AT_LEAST and fact.left.is_symbol and fact.right.value is not None:
            self.bound(fact.left.text, fact.right.value)

    def facts(self) -> list[Fact]:
        """What is left for bind to check, in terms of the symbols that are left, none of it following from the rest.

        Raises ShapeConflict, beginning with the reason, where a fact turned out to be false.
        """
        kept: dict[tuple[FactKind, Dim, Dim], Fact] = {}
        for fact in self._facts.values():
            try:
                left, right = self.resolve(fact.left), self.resolve(fact.right)
            except ShapeConflict as conflict:
                raise ShapeConflict(f"{fact.reason}: {conflict}{self.why((fact.left, fact.right))}") from None
            if _holds(fact.kind, left, right):
                continue
            if _fails(fact.kind, left, right):
                why = self.why((fact.left, fact.right))
                raise ShapeConflict(f"{fact.reason}: {left} and {right} {_NEVER[fact.kind]}{why}")
            kept.setdefault((fact.kind, left, right), Fact(fact.kind, left, right, fact.reason))
        return [fact for fact in kept.values() if not self._follows(fact)]

    def _follows(self, fact: Fact) -> bool:
        """Whether a fact is implied by a larger lower bound of the same symbol, or by bounds of its parts."""
        if fact.kind is not FactKind.AT_LEAST:
            return False
        if fact.left.is_symbol and fact.right.value is not None:
            return self.lower_bounds.get(fact.left.text, 0) > fact.right.value
        return self.is_at_least(fact.left, fact.right)

    def _eliminate(self, name: str, value: Dim) -> None:
        self._eliminated[name] = _Elimination(value, self.reason())
        least = self.lower_bounds.pop(name, 0)
        if least:
            self.at_least(value, Dim.constant(least), name)

    def _record(self, kind: FactKind, left: Dim, right: Dim) -> None:
        if kind is not FactKind.AT_LEAST and kind is not FactKind.DIVISIBLE and right.text < left.text:
            left, right = right, left
        if (kind, left, right) not in self._facts:
            self._facts[kind, left, right] = Fact(kind, left, right, self.reason())


_NEVER = {
    FactKind.EQUAL: "are never equal",
    FactKind.AT_LEAST: "never fit: the first must be at least the second",
    FactKind.BROADCASTABLE: "do not broadcast",
    FactKind.DIVISIBLE: "never fit: the first must be a multiple of the second",
}
"""How a fact that is false for all sizes reads after its two dims."""


def _holds(kind: FactKind, left: Dim, right: Dim) -> bool:
    """Whether a fact is true for all sizes."""
    difference = left - right
    match kind:
        case FactKind.EQUAL:
            return difference.value == 0
        case FactKind.AT_LEAST:
            bound = difference.lower_bound({})
            return bound is not None and bound >= 0
        case FactKind.BROADCASTABLE:
            return difference.value == 0 or _ONE in (left, right)
        case FactKind.DIVISIBLE:
            return right.value != 0 and _rest(left, right).value == 0


def _fails(kind: FactKind, left: Dim, right: Dim) -> bool:
    """Whether a fact is false for all sizes."""
    difference = left - right
    match kind:
        case FactKind.EQUAL:
            return difference.is_never_zero()
        case FactKind.AT_LEAST:
            return difference.value is not None and difference.value < 0
        case FactKind.BROADCASTABLE:
            return broadcast(left, right) is None
        case FactKind.DIVISIBLE:
            return right.value == 0 or (right.value is not None and (_rest(left, right).value or 0) != 0)


def _rest(left: Dim, right: Dim) -> Dim:
    """What dividing leaves, where that is known."""
    return left - left.floordiv(right) * right
