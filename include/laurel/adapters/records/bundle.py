"""Run bundles in the store: written once, read back verified, observations beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from laurel.adapters.records.runs import RunRecords
from laurel.adapters.store.contract import Store
from laurel.domain.bundle import Bundle, Kind, bundle_prefix, first_difference
from laurel.domain.canonical import canonical_json, digest
from laurel.errors import Contention, IntegrityError, NotFound

FILE = "bundle.json"
TRIES = 30
"""Races an observation may lose before it gives up."""


def write_bundle(store: Store, bundle: Bundle) -> bool:
    """Write a bundle and enter it in the journal of runs; ``False`` when it is there already.

    What lies beside the bundle is entered with it, so it has to be written before. Called again for
    a bundle whose writer was killed before the entry, it makes the entry.
    Raises :class:`IntegrityError` naming the first field that differs when another one is there.
    """
    written = _write(store, bundle)
    RunRecords(store, bundle.usecase).enter(bundle.kind, bundle.id)
    return written


def _write(store: Store, bundle: Bundle) -> bool:
    key = f"{bundle.prefix}/{FILE}"
    if store.create(key, bundle.encode()):
        return True
    there = read_bundle(store, bundle.usecase, bundle.kind, run=bundle.id)
    difference = first_difference(bundle.document(), there.document())
    if difference is None:
        return False
    field, found, expected = difference
    raise IntegrityError(
        f"this run has a bundle that says something else: {field} differs",
        usecase=bundle.usecase,
        found=_brief(found),
        expected=_brief(expected),
        detail=key,
        hint="the bundle in the store stands; what the run depends on is missing from its id, "
        "or the environment has changed",
    )


def read_bundle(
    store: Store, usecase: str, kind: Kind, *, run: str, expected: str | None = None
) -> Bundle:
    """Read the bundle of a run and verify that its bytes have the digest ``expected``.

    Raises :class:`NotFound`, :class:`IntegrityError`, :class:`StoreFault`.
    """
    key = f"{bundle_prefix(usecase, kind, run)}/{FILE}"
    data = store.read(key)
    found = hashlib.sha256(data).hexdigest()
    if expected is not None and found != expected:
        raise IntegrityError(
            "a bundle is not the one that was named",
            usecase=usecase,
            found=found,
            expected=expected,
            detail=key,
            hint="restore it from a copy of the store; nobody may change it in place",
        )
    return _parse(data, usecase=usecase, kind=kind, run=run)


def find_bundle(
    store: Store, usecase: str, kind: Kind, run: str, *, expected: str | None = None
) -> Bundle | None:
    """As :func:`read_bundle`, but ``None`` when the run has no bundle."""
    try:
        return read_bundle(store, usecase, kind, run=run, expected=expected)
    except NotFound:
        return None


def find_bundles(store: Store, usecase: str, kind: Kind) -> Iterator[Bundle]:
    """All bundles of a kind, in the order of their ids."""
    prefix = f"runs/{usecase}/{kind}/"
    for key in store.keys(prefix):
        run, _, rest = key.removeprefix(prefix).partition("/")
        if rest == FILE:
            yield read_bundle(store, usecase, kind, run=run)


def observe(store: Store, bundle: Bundle | str, document: Mapping[str, Any]) -> str:
    """Write an observation beside a bundle (or under a run's prefix); the key it got.

    Observations are numbered, and outside every promise about bytes.
    Raises :class:`Contention` when others took every number tried.
    """
    prefix = bundle if isinstance(bundle, str) else bundle.prefix
    folder = f"{prefix}/observed/"
    number = sum(1 for _ in store.keys(folder))
    for _ in range(TRIES):
        number += 1
        key = f"{folder}{number:06d}.json"
        if store.create(key, canonical_json(document)):
            return key
    raise Contention("others took every number of an observation", detail=folder)


def write_environment(store: Store, versions: Sequence[str]) -> str:
    """Write the list of installed versions under its digest, which bundles name; the digest."""
    name = digest(list(versions))
    store.create(f"environments/{name}.json", canonical_json(list(versions)))
    return name


def read_environment(store: Store, packages: str) -> tuple[str, ...]:
    """The installed versions that a bundle's environment names by digest.

    Raises :class:`NotFound`, and :class:`IntegrityError` when the list was changed.
    """
    key = f"environments/{packages}.json"
    data = store.read(key)
    if hashlib.sha256(data).hexdigest() != packages:
        raise IntegrityError("a list of installed versions was changed", detail=key)
    return tuple(json.loads(data))


def _parse(data: bytes, *, usecase: str, kind: Kind, run: str) -> Bundle:
    place = f"{bundle_prefix(usecase, kind, run)}/{FILE}"
    try:
        bundle = Bundle.model_validate(json.loads(data))
    except (ValueError, ValidationError) as error:
        raise IntegrityError(
            "a bundle cannot be read", usecase=usecase, found=error, detail=place
        ) from error
    if bundle.encode() != data or bundle.prefix != bundle_prefix(usecase, kind, run):
        raise IntegrityError(
            "a bundle is not written as it must be",
            usecase=usecase,
            found=f"{bundle.prefix}, {bundle.digest}",
            expected=f"{bundle_prefix(usecase, kind, run)}, {hashlib.sha256(data).hexdigest()}",
            detail=place,
        )
    return bundle


def _brief(value: Any) -> str:
    text = "nothing" if value is None else canonical_json(value).decode()
    return text if len(text) <= 120 else f"{text[:119]}…"
