"""The lattice of a recognizer: all the words it thought of, as a graph from the utterance's start to its end.

pocketsphinx keeps one of every utterance and writes it in HTK's standard lattice format. Its one best path has more
than twice as many wrong words as the best path that there is, so a lattice is worth a second look (`rescoring`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hybrid_tok.errors import BackendError

_NODE = re.compile(r"^I=(\d+)\s+t=(\S+)\s+W=(.*?)\s+v=(\d+)\s*$", re.M)
_EDGE = re.compile(r"^J=\s*\d+\s+S=\s*(\d+)\s+E=\s*(\d+)\s+a=\s*(\S+)\s+p=\s*(\S+)\s*$", re.M)
_END = re.compile(r"^(start|end)=(\d+)\s*$", re.M)


@dataclass(frozen=True, slots=True)
class Node:
    """A word that begins at a frame of 10 ms.

    Attributes:
        word: as the dictionary has it, without the number of its pronunciation; None for silence and noises.
        variant: which pronunciation, from 1.
    """

    frame: int
    word: str | None
    variant: int


@dataclass(frozen=True, slots=True)
class Edge:
    """From a word to one that may follow; the word ends where the other begins.

    Attributes:
        source, target: nodes.
        acoustic: of the source word, natural logarithm of the likelihood as the recognizer scales it.
        posterior: the recognizer's own.
    """

    source: int
    target: int
    acoustic: float
    posterior: float


@dataclass(frozen=True, slots=True)
class Lattice:
    """Nodes in topological order, edges in order of their sources; every node lies between first and last."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def parse_lattice(text: str, least: float = 0.0) -> Lattice:
    """The lattice that pocketsphinx wrote.

    Args:
        least: edges with a lower posterior are left out, unless nothing would be left.

    Raises:
        BackendError: it is no such lattice.
    """
    ends = {name: int(place) for name, place in _END.findall(text)}
    found = {
        int(place): Node(round(100 * float(time)), None if re.match(r"[!<\[+]", word) else word, int(variant))
        for place, time, word, variant in _NODE.findall(text)
    }
    edges = [Edge(int(s), int(e), float(a), float(p)) for s, e, a, p in _EDGE.findall(text)]
    if not {"start", "end"} <= ends.keys() or not {ends["start"], ends["end"]} <= found.keys():
        raise BackendError("pocketsphinx gave a lattice without a start or an end")
    if any(edge.source not in found or edge.target not in found for edge in edges):
        raise BackendError("pocketsphinx gave a lattice with an edge to nowhere")
    nodes = [found.get(place, Node(0, None, 1)) for place in range(max(found) + 1)]
    likely = _ordered(nodes, [edge for edge in edges if edge.posterior >= least], **ends)
    return likely if likely.edges else _ordered(nodes, edges, **ends)


def _ordered(nodes: Sequence[Node], edges: Sequence[Edge], start: int, end: int) -> Lattice:
    """What lies on a way from start to end, in topological order."""
    after: list[list[Edge]] = [[] for _ in nodes]
    before: list[list[Edge]] = [[] for _ in nodes]
    for edge in edges:
        after[edge.source].append(edge)
        before[edge.target].append(edge)
    ahead = _reached(start, [[edge.target for edge in leaving] for leaving in after])
    behind = _reached(end, [[edge.source for edge in coming] for coming in before])
    useful = [a and b for a, b in zip(ahead, behind, strict=True)]
    waiting = [sum(useful[edge.source] for edge in coming) for coming in before]
    order: list[int] = []
    ready = [start] if useful[start] else []
    while ready:
        place = ready.pop()
        order.append(place)
        for edge in after[place]:
            if useful[edge.target]:
                waiting[edge.target] -= 1
                if not waiting[edge.target]:
                    ready.append(edge.target)
    # The end comes last, and whatever could not be ordered (a cycle) is not there.
    rank = {place: index for index, place in enumerate(order)}
    kept = [
        Edge(rank[edge.source], rank[edge.target], edge.acoustic, edge.posterior)
        for place in order
        for edge in after[place]
        if edge.target in rank
    ]
    return Lattice(tuple(nodes[place] for place in order), tuple(kept))


def _reached(start: int, following: Sequence[Sequence[int]]) -> list[bool]:
    seen = [False] * len(following)
    seen[start] = True
    waiting = [start]
    while waiting:
        for place in following[waiting.pop()]:
            if not seen[place]:
                seen[place] = True
                waiting.append(place)
    return seen
