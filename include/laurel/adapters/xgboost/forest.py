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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from laurel.adapters.xgboost.encoding import Scores
from laurel.adapters.xgboost.kernel import compiled
from laurel.adapters.xgboost.trees import Codes, Tree

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
    whole = json.loads(bytes(booster.save_raw("json")))
    document = whole["learner"]
    boosting = document["gradient_booster"]
    if boosting["name"] != "gbtree":
        return None
    model = boosting["model"]
    if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in model["trees"]):
        return None
    trees = [Tree(tree) for tree in model["trees"]]
    depth = max((tree.depth() for tree in trees), default=0)
    if not 1 <= depth <= DEEPEST:
        return None
    codes = Codes.of(trees, features=int(document["learner_model_param"]["num_feature"]))
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
        link=_link(whole),
    )


def _pieces(rows: int, threads: int) -> list[slice]:
    """Rows in as many pieces as there are threads, unless these were too small."""
    count = max(1, min(threads, rows // PIECE))
    ends = [rows * number // count for number in range(count + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def _link(whole: dict[str, Any]) -> xgboost.Booster:
    """A booster of the same objective with one tree a class, which adds nothing.

    Minus zero is what can be added to any number, minus zero too, without a change. The document
    is changed into that booster's.
    """
    document = whole["learner"]
    classes = max(1, int(document["learner_model_param"]["num_class"]))
    model = document["gradient_booster"]["model"]
    model["trees"] = [{**_NOTHING, "id": number} for number in range(classes)]
    model["tree_info"] = list(range(classes))
    model["iteration_indptr"] = [0, classes]
    model["gbtree_model_param"] |= {"num_trees": str(classes), "num_parallel_tree": "1"}
    document["learner_model_param"]["num_feature"] = "1"
    document |= {"feature_names": [], "feature_types": []}
    link = xgboost.Booster({"nthread": 1})
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
