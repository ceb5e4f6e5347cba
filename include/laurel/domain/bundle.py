"""The bundle of a run: everything needed to say what it did and to do it again.

It is written once, when every byte that it names is pushed and verified. Its id is the digest of
what the run depends on, so that a cleared and repeated run finds its own bundle. What differs
between repetitions (Airflow's ids, times, memory) is an observation beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import Field, model_validator

from laurel.domain.canonical import canonical_json, digest
from laurel.domain.config import Frozen
from laurel.domain.moment import Moment

Kind = Literal["ingest", "train", "score", "shadow", "probation", "monitor", "restate", "examine"]


class Code(Frozen):
    """The code that ran."""

    commit: str | None = None
    """The git commit; ``None`` for an installed wheel, or where git could not say."""
    dirty: bool
    """Whether files differed from the commit; true also where git could not say."""
    version: str
    """The version of the package."""
    digest: str | None = None
    """The digest of all code that the run's result depends on."""
    features: str | None = None
    """The digest of the feature set's file."""


class Environment(Frozen):
    """What the code ran on; identical bytes are promised where all of it is equal."""

    python: str
    packages: str
    """The digest of the names and versions installed."""
    machine: str
    """The architecture."""
    libc: str


class Bundle(Frozen):
    """One run of one kind: its code, environment, parameters, inputs, outputs and small files."""

    id: str = Field(min_length=8)
    kind: Kind
    usecase: str
    as_of: Moment | None = None
    partitions: tuple[str, ...] = ()
    model_version: str | None = None
    """Of a training the model that it made, of a scoring the champion that it used."""
    code: Code
    environment: Environment
    parameters: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, Any] = Field(default_factory=dict)
    """What was read, with revisions and hashes."""
    outputs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Path to ``{md5, size, …}``."""
    files: dict[str, str] = Field(default_factory=dict)
    """Relative path to the text of ``dvc.yaml``, ``dvc.lock``, window ``.dvc`` and the like."""
    verdict: dict[str, Any] | None = None
    """What the gate said of a training."""

    @model_validator(mode="after")
    def _complete(self) -> Bundle:
        for path in (*self.files, *self.outputs):
            parts = PurePosixPath(path)
            if parts.is_absolute() or ".." in parts.parts or not parts.parts:
                raise ValueError(f"{path!r} is no path inside the workspace")
        nameless = [path for path, output in self.outputs.items() if not output.get("md5")]
        if nameless:
            raise ValueError(f"outputs without md5: {nameless}")
        if self.kind == "train" and not (self.as_of and self.model_version):
            raise ValueError("a training names its as_of and its model version")
        return self

    def document(self) -> dict[str, Any]:
        """The bundle as plain JSON values; what has its default is left out."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def encode(self) -> bytes:
        """The bytes of ``bundle.json``."""
        return canonical_json(self.document())

    @property
    def digest(self) -> str:
        """The digest that the ledger names: SHA-256 of ``bundle.json``."""
        return digest(self.document())

    @property
    def prefix(self) -> str:
        """Where the run's files are in the store."""
        return bundle_prefix(self.usecase, self.kind, self.id)


def bundle_prefix(usecase: str, kind: str, run: str) -> str:
    """Where a run's files are in the store.

    >>> bundle_prefix("flights", "train", "1a2b3c4d5e6f7081")
    'runs/flights/train/1a2b3c4d5e6f7081'
    """
    return f"runs/{usecase}/{kind}/{run}"


def run_id(
    *,
    kind: Kind,
    usecase: str,
    at: str,
    inputs: Mapping[str, Any],
    code: Mapping[str, Any],
    parameters: Mapping[str, Any],
) -> str:
    """The id of a run, 16 hex digits: the same for the same inputs, code and parameters.

    ``at`` is the as_of or the partition.

    >>> run_id(kind="train", usecase="flights", at="2013-08-05", inputs={}, code={}, parameters={})
    'a829d2503cff07bf'
    """
    return digest(
        {
            "kind": kind,
            "usecase": usecase,
            "at": at,
            "inputs": inputs,
            "code": code,
            "parameters": parameters,
        }
    )[:16]


def model_version(usecase: str, as_of: datetime, run: str) -> str:
    """The name of the model that a training run made.

    >>> model_version("flights", datetime(2013, 8, 5, tzinfo=UTC), "1a2b3c4d5e6f7081")
    'flights-20130805-1a2b3c4d'
    """
    return f"{usecase}-{as_of.astimezone(UTC):%Y%m%d}-{run[:8]}"


def first_difference(found: Any, expected: Any) -> tuple[str, Any, Any] | None:
    """The path of the first value that differs between two JSON documents, and both values.

    >>> first_difference({"a": 1, "b": {"c": [1, 2]}}, {"a": 1, "b": {"c": [1, 3]}})
    ('b.c.1', 2, 3)
    """
    return next(_differences(found, expected, ()), None)


def _differences(
    found: Any, expected: Any, path: tuple[str, ...]
) -> Iterator[tuple[str, Any, Any]]:
    left, right = _children(found), _children(expected)
    if left is None or right is None or isinstance(found, list) != isinstance(expected, list):
        if canonical_json(found) != canonical_json(expected):
            yield ".".join(path) or "all of it", found, expected
        return
    for key in [*left, *(key for key in right if key not in left)]:
        if key in left and key in right:
            yield from _differences(left[key], right[key], (*path, key))
        else:
            yield ".".join((*path, key)), left.get(key), right.get(key)


def _children(value: Any) -> dict[str, Any] | None:
    if isinstance(value, Mapping):
        return {str(key): value[key] for key in sorted(value)}
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return None
