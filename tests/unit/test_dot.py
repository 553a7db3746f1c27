"""What `-t dvm-dot` writes is the language of Graphviz: a parser of the part that it uses finds in it what was drawn."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import pytest

from dvm.compiler import lower, new_context, read_module
from passes.dot import DvmDotTarget

EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples").glob("*.mlir"))
ATTENTION = next(path for path in EXAMPLES if path.stem == "attention")
NAMES = ['"', "\\", "\\n", "a\nb", "{", "}", "<b>", "->", ";", "# no comment", "é"]
"""What would not be itself in a graph if it were written as it is."""

TOKEN = re.compile(r"""\s*([a-z]\w*|->|[{}\[\]=,;]|"(?:[^"\\]|\\.)*")""")
"""A word, a punctuation, or a string in which a backslash escapes."""


@dataclass
class Graph:
    """A graph or a cluster: its label, the labels of its nodes, its clusters, and its edges with their labels."""

    label: str = ""
    nodes: dict[str, str] = field(default_factory=dict[str, str])
    clusters: "list[Graph]" = field(default_factory=list["Graph"])
    edges: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def all_clusters(self) -> "Iterator[Graph]":
        for cluster in self.clusters:
            yield cluster
            yield from cluster.all_clusters()


def parse(text: str) -> Graph:
    """The graph of a text; fails where it is none."""
    tokens: list[str] = []
    position = 0
    while position < len(text.rstrip()):
        match = TOKEN.match(text, position)
        assert match is not None, f"no token at {text[position : position + 20]!r}"
        tokens.append(match[1])
        position = match.end()
    remaining = iter(tokens)
    assert next(remaining) == "digraph"
    graph = parse_block(remaining)
    assert not list(remaining)
    return graph


def parse_block(tokens: Iterator[str]) -> Graph:
    """The statements between braces."""
    graph = Graph()
    assert next(tokens) == "{"
    while (word := next(tokens)) != "}":
        if word == "subgraph":
            assert next(tokens).startswith("cluster")
            graph.clusters.append(parse_block(tokens))
            continue
        match next(tokens):
            case "=":
                assert word == "label"
                graph.label = unquoted(next(tokens))
                assert next(tokens) == ";"
            case "->":
                target = next(tokens)
                assert next(tokens) == "["
                graph.edges.append((word, target, parse_attributes(tokens)["label"]))
            case opening:
                assert opening == "["
                attributes = parse_attributes(tokens)
                if word != "node":  # which is what all nodes have
                    assert word not in graph.nodes
                    graph.nodes[word] = attributes["label"]
    return graph


def parse_attributes(tokens: Iterator[str]) -> dict[str, str]:
    """What follows an opening bracket, to the end of the statement."""
    attributes: dict[str, str] = {}
    separator = ","
    while separator == ",":
        name = next(tokens)
        assert next(tokens) == "="
        value = next(tokens)
        attributes[name] = unquoted(value) if value.startswith('"') else value
        separator = next(tokens)
    assert (separator, next(tokens)) == ("]", ";")
    return attributes


def unquoted(string: str) -> str:
    """The label that a string stands for."""
    assert string[0] == string[-1] == '"'
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], string[1:-1])


def drawn(source: Path | str, until: str = "dvm-simplify") -> Graph:
    """The graph of a module after the passes before `until`."""
    context = new_context()
    module = read_module(source, context)
    lower(context, module, until)
    text = StringIO()
    DvmDotTarget().emit(context, module, text)
    return parse(text.getvalue())


@pytest.mark.parametrize("until", ["dvm-simplify", "vk-speculate", "convert-vk-to-visa", "visa-schedule"])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_edge_joins_nodes_that_are_drawn_once(path: Path, until: str) -> None:
    graph = drawn(path, until)
    names = [name for part in (graph, *graph.all_clusters()) for name in part.nodes]
    assert len(names) == len(set(names)) > 0
    assert {end for source, target, _ in graph.edges for end in (source, target)} == set(names)  # all are used
    assert all(re.fullmatch(r"\w+ \[.*\]", label) for _, _, label in graph.edges)


def test_kernels_are_clusters() -> None:
    (function,) = drawn(ATTENTION, "vk-speculate").clusters
    assert function.label == "@attention"
    assert list(function.nodes.values())[-1] == "out\nf32 [batch, heads, queries, 64]"
    assert len(function.clusters) > 1
    assert all(kernel.label.startswith("vk.kernel ") and kernel.nodes for kernel in function.clusters)


def test_stages_and_alternatives_are_clusters() -> None:
    (function,) = drawn(ATTENTION, "convert-vk-to-visa").clusters
    assert {stage.label for stage in function.clusters} == {"vk.stage"}
    (speculation,) = (part for part in function.all_clusters() if part.label == "vk.speculate")
    conditional, otherwise = speculation.clusters
    assert conditional.label.startswith("if ")
    assert otherwise.label == "else"
    assert all(any(part.nodes for part in choice.all_clusters()) for choice in speculation.clusters)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_escaped(name: str) -> None:
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    graph = drawn(
        f"func.func @f(%x : tensor<f32>) -> tensor<f32> attributes {{dvm.arg_names = [{quoted}]}} {{\n"
        "  return %x : tensor<f32>\n"
        "}"
    )
    assert list(graph.clusters[0].nodes.values()) == [f"{name}\nf32 []", "%x\nf32 []"]
