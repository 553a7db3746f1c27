"""The cases in numexpr's language: elementwise, or a sum at the outside. The inputs are a, b, c and d."""

_T = "(a * b + c)"
_INNER = f"({_T} + 0.044715 * {_T} * {_T} * {_T})"

TEXTS: dict[str, str | tuple[str, ...]] = {
    "operator/add": "a + b",
    "operator/add_row": "a + b",
    "operator/mul": "a * b",
    "operator/maximum": "where(a > b, a, b)",
    "operator/where": "where(a > b, a, b)",
    "operator/exp": "exp(a)",
    "operator/tanh": "tanh(a)",
    "operator/sigmoid": "1.0 / (1.0 + exp(-a))",
    "operator/sum_rows": "sum(a, axis=1)",
    "operator/sum_columns": "sum(a, axis=0)",
    "operator/sum_all": "sum(a)",
    "operator/max_rows": "max(a, axis=1)",
    "subgraph/gelu_chain": f"((0.5 * {_T}) * (tanh(0.7978845608 * {_INNER}) + 1.0) + a) * 0.70710678",
    "subgraph/swiglu": "a / (1.0 + exp(-a)) * b",
    "subgraph/adamw": (
        "a * 0.99999 - 0.01 * (c * 0.9 + b * 0.1) / (sqrt((d * 0.999 + b * b * 0.001) * 10.0) + 1e-8)",
        "c * 0.9 + b * 0.1",
        "d * 0.999 + b * b * 0.001",
    ),
}
"""By the name of the case; a text for each result."""
