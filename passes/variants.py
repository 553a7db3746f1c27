"""The variants of a program: what `vk.speculate` becomes in bytecode.

Kernels are collected as a tree of stages and choices. A variant takes one alternative for each set of conditions, the
same wherever the conditions are the same, and lists the stages that are then left. The stages of the alternatives
of one stage run beside one another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product, zip_longest

from dvm_dialects.vk import Condition
from vm.program import FactKind

VARIANT_LIMIT = 64
"""Variants of one program: they are as many as there are ways to answer all its conditions."""

Conditions = tuple[Condition, ...]
"""Those of a `vk.speculate`, one for each alternative but the last."""


@dataclass(frozen=True)
class Stage:
    """Kernels, by number, and choices that do not depend on one another."""

    kernels: list[int] = field(default_factory=list[int])
    choices: list["Choice"] = field(default_factory=list["Choice"])


@dataclass(frozen=True)
class Choice:
    """Alternatives, each a sequence of stages."""

    conditions: Conditions
    alternatives: list[list[Stage]]


@dataclass(frozen=True)
class StagedVariant:
    """The conditions under which a variant is taken, unless one before it is, and the kernels of its stages."""

    conditions: Conditions
    stages: list[list[int]]


def variants_of(stages: Sequence[Stage]) -> list[StagedVariant]:
    """All variants, in the order in which bind is to try them. Raises ValueError where there are too many."""
    choices = dict.fromkeys(_choices(stages))
    count = 1
    for conditions in choices:
        count *= len(conditions) + 1
    if count > VARIANT_LIMIT:
        raise ValueError(f"its conditions make {count} variants, {VARIANT_LIMIT} at most")
    variants: list[StagedVariant] = []
    for answers in product(*[range(len(conditions) + 1) for conditions in choices]):
        taken = dict(zip(choices, answers, strict=True))
        hold = [part for conditions, answer in taken.items() for part in conditions[answer : answer + 1]]
        variants.append(StagedVariant(tuple(hold), _kernels(stages, taken)))
    return variants


def _choices(stages: Sequence[Stage]) -> list[Conditions]:
    found: list[Conditions] = []
    for stage in stages:
        for choice in stage.choices:
            found.append(choice.conditions)
            for alternative in choice.alternatives:
                found += _choices(alternative)
    return found


def _kernels(stages: Sequence[Stage], taken: Mapping[Conditions, int]) -> list[list[int]]:
    """The kernels of each stage that are left where `taken` says which alternative each choice takes."""
    flat: list[list[int]] = []
    for stage in stages:
        beside = [_kernels(choice.alternatives[taken[choice.conditions]], taken) for choice in stage.choices]
        for step in zip_longest([stage.kernels], *beside, fillvalue=[]):
            flat.append([kernel for kernels in step for kernel in kernels])
    return [kernels for kernels in flat if kernels]


FACT_OF_COMPARISON: dict[str, tuple[FactKind, bool, int]] = {
    ">=": (FactKind.AT_LEAST, False, 0),
    ">": (FactKind.AT_LEAST, False, 1),
    "<=": (FactKind.AT_LEAST, True, 0),
    "<": (FactKind.AT_LEAST, True, 1),
    "==": (FactKind.EQUAL, False, 0),
}
"""For each comparison the kind of fact, whether the sides change places, and what is added to the right one then."""
