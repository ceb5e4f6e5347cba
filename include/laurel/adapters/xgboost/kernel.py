"""The loops over rows and trees of :mod:`laurel.adapters.xgboost.forest`: plain, and compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Loop = Callable[..., Any]
BLOCK, CODES = 64, 65_536
"""Rows that go through the trees together, and their codes at most: what a core's cache holds."""
ABOVE = 65_535
"""The code of what is missing where a node's default is right."""


@cache
def compiled(depth: int) -> Loop:
    """:func:`add_trees` as machine code; takes about a second, once a process.

    Nothing is kept on the disk: Numba's cache would be read by pickle.
    """
    import numba

    def grid(kind: Any, dimensions: int) -> Any:
        return numba.types.Array(kind, dimensions, "C")

    # inlined before LLVM sees them: one function to compile, not four
    jit = numba.njit(nogil=True, error_model="numpy", inline="always")
    parts = jit(code_numbers), jit(code_sets), jit(walks(depth))
    signature = numba.void(
        grid(numba.float32, 2),
        grid(numba.uint32, 2),
        grid(numba.float32, 2),
        grid(numba.int64, 1),
        grid(numba.float32, 2),
        grid(numba.int64, 1),
        grid(numba.uint16, 1),
        grid(numba.int64, 2),
        numba.int64,
        grid(numba.float32, 2),
    )
    made: Loop = numba.njit(signature, nogil=True, error_model="numpy")(adding(*parts))
    return made


def add_trees(depth: int) -> Loop:
    """The loop over blocks of rows: their codes, then each tree's leaf added to ``out``."""
    return adding(code_numbers, code_sets, walks(depth))


def adding(code_numbers: Loop, code_sets: Loop, walk: Loop) -> Loop:
    """:func:`add_trees` of parts that are compiled, or are not."""

    def add(
        values: Any,
        nodes: Any,
        leaves: Any,
        groups: Any,
        cuts: Any,
        bits: Any,
        table: Any,
        sets: Any,
        width: Any,
        out: Any,
    ) -> None:
        rows, classes = out.shape
        block = max(1, min(BLOCK, CODES // width))
        codes = np.empty(block * width, np.uint16)
        sums = np.empty((classes, block), np.float32)
        for start in range(0, rows, block):
            end = min(rows, start + block)
            for row in range(start, end):
                line = codes[(row - start) * width : (row - start + 1) * width]
                code_numbers(values[row], cuts, bits, line)
                code_sets(values[row], table, sets, line)
                for group in range(classes):
                    sums[group, row - start] = out[row, group]
            for tree in range(nodes.shape[0]):
                walk(nodes[tree], leaves[tree], codes, width, sums[groups[tree], : end - start])
            for row in range(start, end):
                for group in range(classes):
                    out[row, group] = sums[group, row - start]

    return add


def code_numbers(values: Any, cuts: Any, bits: Any, codes: Any) -> None:
    """How many of a feature's cuts each value of a row reaches, twice: see the module's text."""
    for feature in range(values.shape[0]):
        value = values[feature]
        if np.isnan(value):
            codes[2 * feature], codes[2 * feature + 1] = 0, ABOVE
            continue
        code = 0
        for bit in range(bits[feature] - 1, -1, -1):
            code += (cuts[feature, code + (1 << bit) - 1] <= value) << bit
        codes[2 * feature] = codes[2 * feature + 1] = code


def code_sets(values: Any, table: Any, sets: Any, codes: Any) -> None:
    """Which of the sets that trees ask for the categories of a row are in."""
    for number in range(sets.shape[0]):
        value, levels = values[sets[number, 0]], sets[number, 3]
        # the last two lines of a table: of levels in no set, and of what is missing
        level = levels + 1 if np.isnan(value) else min(np.int64(value), levels)
        count, first = sets[number, 2], sets[number, 4]
        begin = sets[number, 1] + level * count
        source, target = table[begin : begin + count], codes[first : first + count]
        for each in range(count):
            target[each] = source[each]


def walks(depth: int) -> Loop:
    """The way down one tree; that its length is constant lets a compiler unroll it."""
    leaves = np.uint64(1 << depth)

    def walk(nodes: Any, values: Any, codes: Any, width: Any, out: Any) -> None:
        for row in range(out.shape[0]):
            # without a sign: what might be negative, Numba looks at before each index
            begin, at = np.uint64(row * width), np.uint64(1)
            for _ in range(depth):
                asked = nodes[at]
                code = codes[begin + np.uint64(asked >> np.uint32(16))]
                right = code >= np.uint16(asked & np.uint32(65_535))
                at = (at << np.uint64(1)) | np.uint64(right)
            out[row] += values[at - leaves]

    return walk
