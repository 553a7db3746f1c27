"""Random operator graphs agree with NumPy at every level of the IR.

Reproducible: the examples are the same in every run. `run.py` runs other and more of them.
"""

from random import Random

import pytest
from graphs import random_case
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from levels import check_text, check_together, lower
from operations import FOCUSES

from dvm.compiler import new_context

EXAMPLES = {"any": 120, "chains": 120, "elementwise": 70, "reduction": 100, "movement": 100, "products": 80} | {
    "side-by-side": 80,
    "shared": 80,
    "reshapes": 80,
    "laid-together": 60,
    "transposed": 60,
    "unit-dims": 60,
}
"""How many graphs of each flavour are run, each with inputs of two sets of sizes."""

OPERATIONS = 15


@pytest.mark.parametrize("focus", tuple(FOCUSES))
def test_random_graphs(focus: str) -> None:
    @settings(
        max_examples=EXAMPLES[focus],
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example),
    )
    @given(st.randoms(note_method_calls=False, use_true_random=False))
    def run(random: Random) -> None:
        case = random_case(random, OPERATIONS, focus)
        note(case.describe())
        other = case.resized(random)
        note(f"and with the shapes {[input.shape for input in other.inputs]}")
        check_together([case, other])

    run()


def test_texts_of_all_levels_read_back() -> None:
    context = new_context()
    for seed in range(10):
        for level in lower(random_case(Random(seed)).module):
            check_text(level.module, context)
