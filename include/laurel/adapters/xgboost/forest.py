"""A forest as flat arrays: the scores of XGBoost, to the last bit, in a third of its CPU time.

Trees grown on histograms ask each feature for few values. So a row is first written as codes, the
number of asked values that its own reaches, and then every tree is a walk over small integers:

- A feature has two codes that differ where it is missing: 0, which is below all that is asked, and
  65,535, which is above. A node reads the one whose side is its default, and asks nothing else.
- A set of categories that some node asks for is a code too, 0 or 1, copied from a table by level.
- Trees are padded to one depth, as heaps: there is no branch on the way down, and no pointer.
- Leaves are added in XGBoost's order, in float32, to the margin that XGBoost begins with, and its
  own objective makes scores of the sum: hence the same bits.

Binned features and flat trees: Ke et al., LightGBM, 2017; walks without branches: Asadi, Lin and
de Vries, "Runtime Optimizations for Tree-Based Machine Learning Models", 2014.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from laurel.adapters.xgboost.encoding import Scores
from laurel.adapters.xgboost.kernel import compiled

DEEPEST = 8
"""Padding doubles a tree with each level."""
WIDEST = 16_384
"""Codes of a row at most."""
TABLE = 8_000_000
"""Cells of the tables of categories at most."""
PIECE = 4_096
"""Rows that are worth a thread."""
PROBES = 2_000
"""Rows that a forest and its booster are both asked for."""
_NUMBERS = {
    "left_children": np.int64,
    "right_children": np.int64,
    "split_indices": np.int64,
    "split_type": np.int64,
    "default_left": np.int64,
    "split_conditions": np.float32,
}


@dataclass(frozen=True)
class Forest:
    """Trees as arrays, all of one depth."""

    depth: int
    nodes: NDArray[np.uint32]
    """Shape (trees, 2 ** depth), from place 1 as a heap: column of the code, 16 bits, and the
    code from which on the way is right."""
    leaves: Scores
    """Shape (trees, 2 ** depth)."""
    groups: NDArray[np.int64]
    """The class of each tree."""
    cuts: Scores
    """Shape (features, longest): the values that are asked for, ascending, then infinity."""
    bits: NDArray[np.int64]
    """The steps of the search in them; 0 of a feature that is asked for nothing."""
    table: NDArray[np.uint16]
    sets: NDArray[np.int64]
    """Shape (categories, 5): feature, begin in the table, sets, levels, first column."""
    width: int
    """Codes of a row."""
    link: xgboost.Booster
    """The objective with trees that say nothing."""

    def margins(self, values: Scores, base: Scores | None, *, threads: int) -> Scores:
        """What the trees add up to: shape (rows,), or (rows, classes).

        values: shape (rows, features), as :class:`Block`; base: where each row begins, if rows
        begin at different places.
        """
        found = self.begin(len(values)) if base is None else base.astype(np.float32, order="C")
        out, walk = found.reshape(len(values), -1), compiled(self.depth)
        values = np.ascontiguousarray(values, np.float32)

        def add(rows: slice) -> None:
            walk(
                values[rows],
                self.nodes,
                self.leaves,
                self.groups,
                self.cuts,
                self.bits,
                self.table,
                self.sets,
                self.width,
                out[rows],
            )

        pieces = _pieces(len(values), threads)
        if len(pieces) == 1:
            add(pieces[0])
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(add, pieces))
        return found

    def begin(self, rows: int) -> Scores:
        """Where XGBoost begins: shape (rows,), or (rows, classes)."""
        one = self._ask(1, "margin", None)
        return np.repeat(one, rows, axis=0)

    def scores(self, margins: Scores) -> Scores:
        """What the objective makes of margins, by XGBoost itself."""
        return self._ask(len(margins), "value", margins)

    def _ask(self, rows: int, kind: str, base: Scores | None) -> Scores:
        nothing = np.zeros((rows, 1), np.float32)
        found = self.link.inplace_predict(nothing, predict_type=kind, base_margin=base)
        return np.asarray(found, np.float32)

    def agrees_with(self, booster: xgboost.Booster) -> bool:
        """Whether both give the same bits for rows made of the very values that trees ask for."""
        rows = self._probes()
        theirs = booster.inplace_predict(rows, predict_type="margin", validate_features=False)
        return self.margins(rows, None, threads=1).tobytes() == np.asarray(theirs).tobytes()

    def _probes(self) -> Scores:
        chance = np.random.default_rng(0)
        rows = np.zeros((PROBES, len(self.bits)), np.float32)
        for feature, cuts in enumerate(self.cuts):
            asked = cuts[np.isfinite(cuts)]
            if len(asked):
                near = np.concatenate([asked, np.nextafter(asked, np.float32(-np.inf))])
                rows[:, feature] = chance.choice(near, PROBES)
        for feature, _, _, levels, _ in self.sets:
            rows[:, feature] = chance.integers(levels, size=PROBES)
        rows[chance.random(rows.shape) < 0.1] = np.nan
        return rows


def flatten(booster: xgboost.Booster) -> Forest | None:
    """The trees of a booster as arrays; ``None`` where they are too deep or not plain trees."""
    document = json.loads(bytes(booster.save_raw("json")))["learner"]
    boosting = document["gradient_booster"]
    if boosting["name"] != "gbtree":
        return None
    model = boosting["model"]
    if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in model["trees"]):
        return None
    trees = [_Tree(tree) for tree in model["trees"]]
    depth = max((tree.depth() for tree in trees), default=0)
    if not 1 <= depth <= DEEPEST:
        return None
    codes = _Codes.of(trees, features=int(document["learner_model_param"]["num_feature"]))
    if codes.width > WIDEST or codes.cells > TABLE:
        return None
    padded = [tree.padded(depth, codes) for tree in trees]
    cuts, bits = codes.search()
    table, sets = codes.tables()
    return Forest(
        depth=depth,
        nodes=np.stack([nodes for nodes, _ in padded]),
        leaves=np.stack([leaves for _, leaves in padded]),
        groups=np.asarray(model["tree_info"], np.int64),
        cuts=cuts,
        bits=bits,
        table=table,
        sets=sets,
        width=codes.width,
        link=_link(document, booster),
    )


class _Tree:
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

    def padded(self, depth: int, codes: _Codes) -> tuple[NDArray[np.uint32], Scores]:
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
class _Codes:
    """The codes of a row: two of each feature, then one of each set of categories."""

    cuts: Sequence[Scores]
    sets: Mapping[int, Mapping[tuple[tuple[int, ...], int], int]]
    """Feature → categories and default → column."""
    width: int

    @classmethod
    def of(cls, trees: Sequence[_Tree], *, features: int) -> _Codes:
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

    def questions(self, tree: _Tree) -> NDArray[np.uint32]:
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


def _pieces(rows: int, threads: int) -> list[slice]:
    """Rows in as many pieces as there are threads, unless these were too small."""
    count = max(1, min(threads, rows // PIECE))
    ends = [rows * number // count for number in range(count + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def _link(document: dict[str, Any], booster: xgboost.Booster) -> xgboost.Booster:
    """A booster of the same objective with one tree a class, which adds nothing.

    Minus zero is what can be added to any number, minus zero too, without a change.
    """
    classes = max(1, int(document["learner_model_param"]["num_class"]))
    model = document["gradient_booster"]["model"]
    model["trees"] = [{**_NOTHING, "id": number} for number in range(classes)]
    model["tree_info"] = list(range(classes))
    model["iteration_indptr"] = [0, classes]
    model["gbtree_model_param"] |= {"num_trees": str(classes), "num_parallel_tree": "1"}
    document["learner_model_param"]["num_feature"] = "1"
    document |= {"feature_names": [], "feature_types": []}
    link = xgboost.Booster({"nthread": 1})
    whole = json.loads(bytes(booster.save_raw("json"))) | {"learner": document}
    link.load_model(bytearray(json.dumps(whole).encode()))
    return link


_NOTHING: dict[str, Any] = {
    "base_weights": [0.0],
    "categories": [],
    "categories_nodes": [],
    "categories_segments": [],
    "categories_sizes": [],
    "default_left": [0],
    "left_children": [-1],
    "loss_changes": [0.0],
    "parents": [2147483647],
    "right_children": [-1],
    "split_conditions": [-0.0],
    "split_indices": [0],
    "split_type": [0],
    "sum_hessian": [0.0],
    "tree_param": {
        "num_deleted": "0",
        "num_feature": "1",
        "num_nodes": "1",
        "size_leaf_vector": "1",
    },
}
