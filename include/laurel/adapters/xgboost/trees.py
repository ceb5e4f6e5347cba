"""XGBoost's document of a forest, read: trees as heaps of questions about the codes of a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from laurel.adapters.xgboost.encoding import Scores

_NUMBERS = {
    "left_children": np.int64,
    "right_children": np.int64,
    "split_indices": np.int64,
    "split_type": np.int64,
    "default_left": np.int64,
    "split_conditions": np.float32,
}


class Tree:
    """One tree of XGBoost's document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        for name, kind in _NUMBERS.items():
            setattr(self, name, np.asarray(document[name], kind))
        self.asked: dict[int, tuple[int, ...]] = {
            node: tuple(document["categories"][begin : begin + size])
            for node, begin, size in zip(
                document["categories_nodes"],
                document["categories_segments"],
                document["categories_sizes"],
                strict=True,
            )
        }

    left_children: NDArray[np.int64]
    right_children: NDArray[np.int64]
    split_indices: NDArray[np.int64]
    split_type: NDArray[np.int64]
    default_left: NDArray[np.int64]
    split_conditions: Scores

    @property
    def inner(self) -> NDArray[np.bool_]:
        return np.asarray(self.left_children >= 0)

    def depth(self) -> int:
        at, depth = np.zeros(1, np.int64), 0
        while (inner := at[self.inner[at]]).size:
            at = np.concatenate([self.left_children[inner], self.right_children[inner]])
            depth += 1
        return depth

    def sets(self) -> Iterator[tuple[int, tuple[int, ...], int]]:
        """Feature, categories and default of each node that asks for categories."""
        for node, asked in self.asked.items():
            yield int(self.split_indices[node]), asked, int(self.default_left[node])

    def padded(self, depth: int, codes: Codes) -> tuple[NDArray[np.uint32], Scores]:
        """Nodes and leaves as a heap; what lies below a leaf repeats it."""
        questions = codes.questions(self)
        nodes = np.zeros(1 << depth, np.uint32)
        at = np.zeros(1, np.int64)
        for level in range(depth):
            inner = self.inner[at]
            nodes[1 << level : 2 << level] = np.where(inner, questions[at], 0)
            at = np.stack(
                [
                    np.where(inner, self.left_children[at], at),
                    np.where(inner, self.right_children[at], at),
                ],
                axis=1,
            ).reshape(-1)
        return nodes, self.split_conditions[at]


@dataclass(frozen=True)
class Codes:
    """The codes of a row: two of each feature, then one of each set of categories."""

    cuts: Sequence[Scores]
    sets: Mapping[int, Mapping[tuple[tuple[int, ...], int], int]]
    """Feature → categories and default → column."""
    width: int

    @classmethod
    def of(cls, trees: Sequence[Tree], *, features: int) -> Codes:
        """What all trees ask for."""
        places = [tree.inner & (tree.split_type == 0) for tree in trees]
        asked = np.concatenate(
            [tree.split_indices[place] for tree, place in zip(trees, places, strict=True)]
        )
        values = np.concatenate(
            [tree.split_conditions[place] for tree, place in zip(trees, places, strict=True)]
        )
        found = sorted({each for tree in trees for each in tree.sets()})
        sets: dict[int, dict[tuple[tuple[int, ...], int], int]] = {}
        for number, (feature, levels, default) in enumerate(found):
            sets.setdefault(feature, {})[levels, default] = 2 * features + number
        cuts = [np.unique(values[asked == feature]) for feature in range(features)]
        return cls(cuts, sets, 2 * features + len(found))

    @property
    def cells(self) -> int:
        return sum((_levels(asked) + 2) * len(asked) for asked in self.sets.values())

    def questions(self, tree: Tree) -> NDArray[np.uint32]:
        """Of each node: the column that it reads, and the code from which on the way is right."""
        found = np.zeros(len(tree.inner), np.uint32)
        for node in np.flatnonzero(tree.inner):
            feature, default = int(tree.split_indices[node]), int(tree.default_left[node])
            if tree.split_type[node]:
                column, code = self.sets[feature][tree.asked[int(node)], default], 1
            else:
                column = 2 * feature + (not default)
                cut = np.searchsorted(self.cuts[feature], tree.split_conditions[node])
                code = int(cut) + 1
            found[node] = column << 16 | code
        return found

    def search(self) -> tuple[Scores, NDArray[np.int64]]:
        """The cuts as one array, and the steps of a search in each line."""
        bits = np.array([len(each).bit_length() for each in self.cuts], np.int64)
        cuts = np.full((len(self.cuts), max(1, (1 << int(bits.max())) - 1)), np.inf, np.float32)
        for feature, each in enumerate(self.cuts):
            cuts[feature, : len(each)] = each
        return cuts, bits

    def tables(self) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """Of each feature with sets: its codes by level, and where they are."""
        tables, sets, begin = [np.zeros(0, np.uint16)], [], 0
        for feature, asked in self.sets.items():
            levels = _levels(asked)
            table = np.zeros((levels + 2, len(asked)), np.uint16)
            for place, (known, default) in enumerate(asked):
                table[list(known), place] = 1
                table[levels + 1, place] = not default
            tables.append(table.reshape(-1))
            sets.append((feature, begin, len(asked), levels, min(asked.values())))
            begin += table.size
        return np.concatenate(tables), np.asarray(sets, np.int64).reshape(-1, 5)


def _levels(asked: Mapping[tuple[tuple[int, ...], int], int]) -> int:
    return 1 + max((level for known, _ in asked for level in known), default=0)
