"""A beam search whose sequences grow by a token a step: lazy arrays, no compilation for a new length.

    python examples/beam_search.py [--steps 60]

The model is a toy: a token's score depends on the mean of the embeddings so far, by attention to the last one. What is
real is the shape of the work: every step has arrays of a new length, and Python decides how to go on.
"""

import argparse
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

import dvm

BEAMS, TOKENS, WIDTH = 8, 512, 64


def weights() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Embeddings [TOKENS, WIDTH] and the output matrix [WIDTH, TOKENS]."""
    random = np.random.default_rng(3)
    embeddings = random.standard_normal((TOKENS, WIDTH), np.float32)
    return embeddings, random.standard_normal((WIDTH, TOKENS), np.float32) * np.float32(0.25)


def log_probabilities(xp: Any, tokens: Any, embeddings: Any, output: Any) -> Any:
    """Of each token to follow the sequences `tokens` [beams, length]: [beams, TOKENS]. `xp` is numpy or dvm."""
    sequence = xp.take(embeddings, tokens, axis=0)
    scores = xp.sum(sequence * sequence[:, -1:], axis=2) * 0.125
    attention = xp.exp(scores - xp.max(scores, axis=1, keepdims=True))
    attention = attention / xp.sum(attention, axis=1, keepdims=True)
    context = xp.sum(sequence * xp.expand_dims(attention, 2), axis=1)
    logits = xp.matmul(context, output)
    shifted = logits - xp.max(logits, axis=1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=1, keepdims=True))


def search(xp: Any, steps: int, embeddings: Any, output: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """The best sequences [BEAMS, steps + 1] and their scores, the best first."""
    tokens: Any = np.zeros((BEAMS, 1), np.int64)
    best: Any = np.where(np.arange(BEAMS) == 0, 0.0, -np.inf).astype(embeddings.dtype)  # all beams are alike at first
    for _ in range(steps):
        total = np.asarray(log_probabilities(xp, tokens, embeddings, output)) + best[:, None]
        chosen = np.argsort(-total, axis=None, kind="stable")[:BEAMS]
        best = total.reshape(-1)[chosen]
        beams, following = np.divmod(chosen, TOKENS)
        tokens = np.concatenate([tokens[beams], following[:, None]], axis=1)
    return tokens, best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    steps = parser.parse_args().steps
    embeddings, output = weights()
    with dvm.lazy() as record:
        start = perf_counter()
        tokens, scores = search(dvm, steps, dvm.asarray(embeddings), dvm.asarray(output))
        seconds = perf_counter() - start
    print(
        f"best of {BEAMS} sequences of {tokens.shape[1]} tokens: score {scores[0]:.4f}, begins {tokens[0, :8].tolist()}"
    )
    print(f"{record.launches} launches, {record.compiled} programs compiled, {seconds:.2f} s in all")
    exact, _ = search(np, steps, embeddings.astype(np.float64), output.astype(np.float64))
    print("the same sequences as NumPy in float64" if np.array_equal(tokens, exact) else "NumPy chose other sequences")


if __name__ == "__main__":
    main()
