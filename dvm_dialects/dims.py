"""Symbolic dims: integer expressions over the sizes that are known only when a program is bound.

A `Dim` is a sum of products of atoms with integer coefficients, kept in one canonical form, so that dims which are
equal as polynomials compare equal. An atom is a symbol (`s0`), a quotient (`s0 floordiv 2`, `s0 ceildiv 2`) or
`bcast(s0, s1)`, the extent that NumPy broadcasting gives. This module knows nothing of the IR, and nothing of what a
particular program proves about its symbols: that is `dvm_dialects/shapes.py`.

Most dims are a constant or a bare symbol, and every operation has a short cut for those. A program has few others,
which come up again and again: sums, products and quotients are cached.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Atom:
    """An indivisible factor; `text` is canonical, hence the identity. `kind` is "symbol" or a key of `_FUNCTIONS`."""

    text: str
    kind: str
    arguments: tuple["Dim", ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Atom) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


Monomial = tuple[Atom, ...]
"""A product of atoms in canonical order; the empty one is 1."""


class Dim:
    """An immutable symbolic integer expression in canonical form. Made by `constant`, `symbol`, `parse_dim`, operators."""

    __slots__ = ("_terms", "is_symbol", "text", "value")

    text: str
    """The canonical text, which `parse_dim` reads back."""
    value: int | None
    """The number if this is a constant."""
    is_symbol: bool
    """Whether this is one bare symbol, whose name is then `text`."""
    _terms: dict[Monomial, int]

    def __init__(self, terms: dict[Monomial, int]) -> None:
        """Of `terms`, monomials with their coefficients: sorted, none zero (internal: `_make` normalises)."""
        self._terms = terms
        self.value = None
        self.is_symbol = False
        if not terms:
            self.value = 0
        elif len(terms) == 1:
            (monomial, coefficient), *_ = terms.items()
            if not monomial:
                self.value = coefficient
            else:
                self.is_symbol = coefficient == 1 and len(monomial) == 1 and monomial[0].kind == "symbol"
        self.text = _text(terms)

    @staticmethod
    def constant(value: int) -> "Dim":
        return _constant(value)

    @staticmethod
    def symbol(name: str) -> "Dim":
        """The symbol `name`; raises ValueError unless it is an identifier that is not a keyword of dims."""
        return _symbol(name)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Dim({self.text})"

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Dim) and self.text == other.text)

    def __hash__(self) -> int:
        return hash(self.text)

    def __add__(self, other: "Dim | int") -> "Dim":
        other = _dim(other)
        if self.value is not None and other.value is not None:
            return _constant(self.value + other.value)
        if not other._terms:
            return self
        return _add(self, other)

    def __sub__(self, other: "Dim | int") -> "Dim":
        return self + _dim(other) * -1

    def __neg__(self) -> "Dim":
        return self * -1

    def __mul__(self, other: "Dim | int") -> "Dim":
        other = _dim(other)
        if self.value is not None and other.value is not None:
            return _constant(self.value * other.value)
        if other.value == 1:
            return self
        if self.value == 1:
            return other
        return _multiply(self, other)

    def floordiv(self, divisor: "Dim | int") -> "Dim":
        """The quotient rounded down. Exact parts are divided out. Raises ValueError if the divisor is never positive."""
        return _divide(self, _dim(divisor), "floordiv")

    def ceildiv(self, divisor: "Dim | int") -> "Dim":
        """The quotient rounded up. Exact parts are divided out. Raises ValueError if the divisor is never positive."""
        return _divide(self, _dim(divisor), "ceildiv")

    @property
    def terms(self) -> Mapping[Monomial, int]:
        """The monomials of the sum with their coefficients, none of which is zero."""
        return MappingProxyType(self._terms)

    @property
    def symbols(self) -> frozenset[str]:
        """The names of all symbols in it."""
        if self.value is not None:
            return frozenset()
        if self.is_symbol:
            return frozenset((self.text,))
        found: set[str] = set()
        for monomial in self._terms:
            for atom in monomial:
                if atom.kind == "symbol":
                    found.add(atom.text)
                else:
                    found.update(*(argument.symbols for argument in atom.arguments))
        return frozenset(found)

    @property
    def constant_term(self) -> int:
        """The number that is added to the rest."""
        return self._terms.get((), 0)

    def substitute(self, values: Mapping[str, "Dim"]) -> "Dim":
        """Every symbol replaced by its value where it has one; raises ValueError where the result cannot exist."""
        if self.value is not None:
            return self
        if self.is_symbol:
            return values.get(self.text, self)
        if not any(symbol in values for symbol in self.symbols):
            return self
        return self._fold(lambda name: values.get(name) or _symbol(name))

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The number it stands for.

        Raises KeyError for a symbol without a value, ValueError where a divisor is not positive or extents do not
        broadcast.
        """
        result = self._fold(lambda name: _constant(values[name])).value
        assert result is not None  # every leaf was a constant
        return result

    def lower_bound(self, at_least: Mapping[str, int]) -> int | None:
        """A number it is never below, or None if none is known; symbols are 0 or more, or what `at_least` says."""
        if self.value is not None:
            return self.value
        if self.is_symbol:
            return max(0, at_least.get(self.text, 0))
        total = 0
        for monomial, coefficient in self._terms.items():
            product = 1
            for atom in monomial:
                bound = _atom_lower_bound(atom, at_least)
                if bound is None or bound < 0:
                    return None
                product *= bound
            if monomial and coefficient < 0:
                return None
            total += coefficient * product
        return total

    def solutions(self) -> list[tuple[str, "Dim"]]:
        """Symbols with the dim each must be for this to be zero: those of which it is exactly linear.

        That is, with a coefficient of 1 or -1 after common factors are divided out, and in no other term.
        """
        content = gcd(*self._terms.values())
        found: list[tuple[str, Dim]] = []
        for monomial, coefficient in self._terms.items():
            if len(monomial) != 1 or abs(coefficient) != content or monomial[0].kind != "symbol":
                continue
            symbol = monomial[0].text
            if self._count(symbol) == 1:
                rest = {other: -c // coefficient for other, c in self._terms.items() if other != monomial}
                found.append((symbol, _make(rest)))
        return found

    def is_never_zero(self) -> bool:
        """Whether no integers make it zero: a constant, or coefficients whose common divisor the constant lacks."""
        if self.value is not None:
            return self.value != 0
        common = gcd(*(c for monomial, c in self._terms.items() if monomial))
        return self._terms.get((), 0) % common != 0

    def _count(self, symbol: str) -> int:
        """How many terms mention the symbol."""
        return sum(
            any(a.text == symbol if a.kind == "symbol" else any(symbol in d.symbols for d in a.arguments) for a in m)
            for m in self._terms
        )

    def _fold(self, leaf: "Callable[[str], Dim]") -> "Dim":
        """The expression built again with `leaf(name)` for each symbol."""
        total = _constant(0)
        for monomial, coefficient in self._terms.items():
            product = _constant(coefficient)
            for atom in monomial:
                if atom.kind == "symbol":
                    product = product * leaf(atom.text)
                else:
                    product = product * _FUNCTIONS[atom.kind](*(d._fold(leaf) for d in atom.arguments))
            total = total + product
        return total


def broadcast(a: Dim, b: Dim) -> Dim | None:
    """The dim that NumPy broadcasting gives for `a` with `b`, or None where that is provably impossible."""
    if a == b or b.value == 1:
        return a
    if a.value == 1:
        return b
    if a.value is not None:
        return None if b.value is not None else a
    if b.value is not None:
        return b
    parts = {part.text: part for dim in (a, b) for part in _bcast_parts(dim)}
    return _of_atom("bcast", tuple(parts[text] for text in sorted(parts, key=_order)))


def product(dims: Iterable[Dim]) -> Dim:
    """The product of the dims, 1 for none: the element count of a shape."""
    result = _constant(1)
    for dim in dims:
        result = result * dim
    return result


def _dim(value: Dim | int) -> Dim:
    return _constant(value) if isinstance(value, int) else value


@lru_cache(maxsize=4096)
def _constant(value: int) -> Dim:
    return Dim({(): value} if value else {})


@lru_cache(maxsize=4096)
def _symbol(name: str) -> Dim:
    if not _IDENTIFIER.fullmatch(name) or name in _FUNCTIONS:
        raise ValueError(f"'{name}' is not the name of a symbol")
    return Dim({(Atom(name, "symbol", ()),): 1})


@lru_cache(maxsize=4096)
def _add(a: Dim, b: Dim) -> Dim:
    terms = dict(a.terms)
    for monomial, coefficient in b.terms.items():
        terms[monomial] = terms.get(monomial, 0) + coefficient
    return _make(terms)


@lru_cache(maxsize=4096)
def _multiply(a: Dim, b: Dim) -> Dim:
    terms: dict[Monomial, int] = {}
    for left, factor in a.terms.items():
        for right, other in b.terms.items():
            monomial = tuple(sorted(left + right, key=_atom_order))
            terms[monomial] = terms.get(monomial, 0) + factor * other
    return _make(terms)


def _make(terms: dict[Monomial, int]) -> Dim:
    kept = {monomial: coefficient for monomial, coefficient in terms.items() if coefficient}
    if len(kept) > 1:
        kept = dict(sorted(kept.items(), key=_term_order))
    elif not kept or () in kept:
        return _constant(kept.get((), 0))
    return Dim(kept)


def _of_atom(kind: str, arguments: tuple[Dim, ...]) -> Dim:
    if kind == "bcast":
        text = f"bcast({', '.join(d.text for d in arguments)})"
    else:
        text = f" {kind} ".join(_operand_text(d) for d in arguments)
    return Dim({(Atom(text, kind, arguments),): 1})


@lru_cache(maxsize=4096)
def _divide(a: Dim, b: Dim, kind: str) -> Dim:
    """`a` divided by `b`: the exact part divided out, what remains an atom."""
    if b.value is not None and b.value <= 0:
        raise ValueError(f"'{a}' cannot be divided by '{b}'")
    if b.value == 1:
        return a
    if b.value is None:
        exact = _exact_quotient(a, b)
        return exact if exact is not None else _of_atom(kind, (a, b))
    # With every coefficient c = b*q + r, 0 <= r < b, the sum of the q's leaves the quotient exactly.
    whole = _make({monomial: c // b.value for monomial, c in a._terms.items()})  # pyright: ignore[reportPrivateUsage]
    rest = _make({monomial: c % b.value for monomial, c in a._terms.items()})  # pyright: ignore[reportPrivateUsage]
    if rest.value is not None:
        return whole + (1 if rest.value and kind == "ceildiv" else 0)
    return whole + _divide_rest(rest, b.value, kind)


def _divide_rest(rest: Dim, divisor: int, kind: str) -> Dim:
    """`rest` (coefficients in [0, divisor), not constant) divided, after common factors are cancelled."""
    terms = rest._terms  # pyright: ignore[reportPrivateUsage]
    common = gcd(divisor, *(c for monomial, c in terms.items() if monomial))
    if common == 1:
        return _of_atom(kind, (rest, _constant(divisor)))
    round_up = common - 1 if kind == "ceildiv" else 0
    smaller = _make({monomial: (c if monomial else c + round_up) // common for monomial, c in terms.items()})
    return _divide(smaller, _constant(divisor // common), kind)


def _exact_quotient(a: Dim, b: Dim) -> Dim | None:
    """`a / b` if `b` is one term that divides every term of `a`, or `b` equals `a`."""
    if a == b:
        return _constant(1)
    a_terms, b_terms = a._terms, b._terms  # pyright: ignore[reportPrivateUsage]
    if len(b_terms) != 1:
        return None
    ((divisor, scale),) = b_terms.items()
    quotient: dict[Monomial, int] = {}
    for monomial, coefficient in a_terms.items():
        left = list(monomial)
        for atom in divisor:
            if atom not in left:
                return None
            left.remove(atom)
        if coefficient % scale:
            return None
        quotient[tuple(left)] = coefficient // scale
    return _make(quotient)


def _bcast_parts(dim: Dim) -> tuple[Dim, ...]:
    terms = dim._terms  # pyright: ignore[reportPrivateUsage]
    if len(terms) == 1:
        ((monomial, coefficient),) = terms.items()
        if coefficient == 1 and len(monomial) == 1 and monomial[0].kind == "bcast":
            return monomial[0].arguments
    return (dim,)


def _bcast(*dims: Dim) -> Dim:
    """The broadcast of all; raises ValueError where that is impossible."""
    result = _constant(1)
    for dim in dims:
        joined = broadcast(result, dim)
        if joined is None:
            raise ValueError(f"dims {result} and {dim} do not broadcast")
        result = joined
    return result


_FUNCTIONS: dict[str, Callable[..., Dim]] = {"floordiv": Dim.floordiv, "ceildiv": Dim.ceildiv, "bcast": _bcast}


def _atom_lower_bound(atom: Atom, at_least: Mapping[str, int]) -> int | None:
    if atom.kind == "symbol":
        return max(0, at_least.get(atom.text, 0))
    bounds = [argument.lower_bound(at_least) for argument in atom.arguments]
    if None in bounds:
        return None
    known = [bound for bound in bounds if bound is not None]
    if atom.kind == "bcast":
        # With no zero among them the largest wins; a zero wins over ones.
        return max(known) if min(known) >= 1 else min(known)
    divisor = atom.arguments[1].value
    if known[0] < 0:
        return None
    if divisor is not None:
        return known[0] // divisor if atom.kind == "floordiv" else -(-known[0] // divisor)
    return 1 if atom.kind == "ceildiv" and known[0] >= 1 else 0


# --- text ---

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[-+*(),])")
_NESTING_LIMIT = 64
_Order = tuple[tuple[str | int, ...], str]


@lru_cache(maxsize=4096)
def _order(text: str) -> _Order:
    """A sort key in which s2 comes before s10, and no two texts are equal."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", text)), text


def _atom_order(atom: Atom) -> _Order:
    return _order(atom.text)


def _term_order(term: tuple[Monomial, int]) -> tuple[int, list[_Order]]:
    """Constants last, else by degree (higher first) and name."""
    return -len(term[0]), [_order(atom.text) for atom in term[0]]


def _text(terms: dict[Monomial, int]) -> str:
    parts: list[str] = []
    for monomial, coefficient in terms.items():
        sign = " - " if coefficient < 0 else " + "
        parts += [sign if parts else sign.strip(" +"), _product_text(monomial, coefficient)]
    return "".join(parts) or "0"


def _product_text(monomial: Monomial, coefficient: int) -> str:
    """The text without its sign; a lone positive quotient needs no parentheses."""
    if not monomial:
        return str(abs(coefficient))
    if coefficient == 1 and len(monomial) == 1:
        return monomial[0].text
    factors = [f"({atom.text})" if atom.kind in ("floordiv", "ceildiv") else atom.text for atom in monomial]
    return "*".join([str(abs(coefficient))] * (abs(coefficient) != 1) + factors)


def _operand_text(dim: Dim) -> str:
    """The text of an operand of floordiv or ceildiv."""
    simple = dim.is_symbol or (dim.value is not None and dim.value >= 0) or len(_bcast_parts(dim)) > 1
    return dim.text if simple else f"({dim.text})"


@lru_cache(maxsize=4096)
def parse_dim(text: str) -> Dim:
    """The dim that a text such as `s0*4 + 1` or `(s0 + 1) floordiv 2` says; raises ValueError naming the text."""
    if text.isdecimal() and text.isascii() and len(text) < 19:
        return _constant(int(text))
    if text not in _FUNCTIONS and _IDENTIFIER.fullmatch(text):
        return _symbol(text)
    try:
        return _Reader(text).read()
    except ValueError as error:
        raise ValueError(f"'{text}' is not a dim: {error}") from None


class _Reader:
    """A recursive-descent reader; floordiv and ceildiv bind as tightly as `*`, all to the left."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        self.depth = 0
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                raise ValueError(f"unexpected '{text[position:].strip()[0]}'")
            self.tokens.append(match.group(1))
            position = match.end()
        self.tokens.reverse()

    def read(self) -> Dim:
        dim = self._sum()
        if self.tokens:
            raise ValueError(f"unexpected '{self.tokens[-1]}'")
        return dim

    def _peek(self) -> str:
        return self.tokens[-1] if self.tokens else ""

    def _next(self) -> str:
        if not self.tokens:
            raise ValueError("it ends too early")
        return self.tokens.pop()

    def _expect(self, token: str) -> None:
        if (found := self._next()) != token:
            raise ValueError(f"expected '{token}', found '{found}'")

    def _sum(self) -> Dim:
        result = self._product()
        while self._peek() in ("+", "-"):
            result = result + self._product() if self._next() == "+" else result - self._product()
        return result

    def _product(self) -> Dim:
        result = self._factor()
        while self._peek() in ("*", "floordiv", "ceildiv"):
            operator = self._next()
            right = self._factor()
            result = result * right if operator == "*" else _FUNCTIONS[operator](result, right)
        return result

    def _factor(self) -> Dim:
        self.depth += 1
        if self.depth > _NESTING_LIMIT:
            raise ValueError(f"it is nested more than {_NESTING_LIMIT} deep")
        token = self._next()
        if token == "-":
            result = -self._factor()
        elif token == "(":
            result = self._sum()
            self._expect(")")
        elif token == "bcast":
            result = self._call()
        elif token.isdigit():
            result = _constant(int(token))
        else:
            result = _symbol(token)
        self.depth -= 1
        return result

    def _call(self) -> Dim:
        self._expect("(")
        arguments = [self._sum()]
        while self._peek() == ",":
            self._next()
            arguments.append(self._sum())
        self._expect(")")
        return _bcast(*arguments)
