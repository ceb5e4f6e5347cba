"""Statements: somebody signs where the journals stand, so that their tails are proved, too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from laurel.adapters.signing import Key, fingerprint, is_signed, read_key
from laurel.adapters.store import Store
from laurel.domain.canonical import canonical_json, instant
from laurel.domain.proof import Finding, Witness
from laurel.errors import Contention
from laurel.runs.proof.journals import heads, newest_heads
from laurel.runs.site import Site

TRIES = 30


def sign_heads(site: Site, usecase: str, key: Path) -> dict[str, Any]:
    """Sign where every journal of a use case stands and keep that in the store; the statement.

    Keep a copy outside, too: who can write the store could remove the newest statements.

    Raises :class:`laurel.errors.IntegrityError` where a journal is not whole,
    :class:`Contention` where others took every number tried.
    """
    return _keep(site, usecase, _statement(usecase, heads(site, usecase), read_key(key)))


def sign_news(site: Site, usecase: str, key: Key) -> dict[str, Any] | None:
    """Sign where the journals stand, if nobody with this key has signed that already.

    Heads are read as writers read them, from checkpoints: an audit recomputes the chains. Raises
    as :func:`sign_heads`.
    """
    at = newest_heads(site, usecase)
    signed = {prefix: list(head) for prefix, head in at.items()}
    for name in reversed(list(site.store.keys(f"signatures/{usecase}/"))):
        said = _said(site.store, name)
        if said.get("key") == fingerprint(key.public):
            if said.get("heads") == signed:
                return None
            break
    return _keep(site, usecase, _statement(usecase, at, key))


def _said(store: Store, name: str) -> dict[str, Any]:
    """A statement, or nothing where it cannot be read: an audit says so."""
    try:
        found = json.loads(store.read(name))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _keep(site: Site, usecase: str, statement: dict[str, Any]) -> dict[str, Any]:
    folder = f"signatures/{usecase}/"
    number = sum(1 for _ in site.store.keys(folder))
    for _ in range(TRIES):
        number += 1
        if site.store.create(f"{folder}{number:010d}.json", canonical_json(statement)):
            return statement
    raise Contention("others took every number of a statement", usecase=usecase, detail=folder)


def _statement(usecase: str, at: Mapping[str, tuple[int, str]], key: Key) -> dict[str, Any]:
    said = {
        "usecase": usecase,
        "heads": {prefix: list(head) for prefix, head in at.items()},
        "signed_at": instant(datetime.now(UTC)),
        "key": fingerprint(key.public),
    }
    return {**said, "signature": key.sign(canonical_json(said))}


def read_statements(
    store: Store, usecase: str, keys: Mapping[str, bytes]
) -> Iterator[tuple[str, Witness] | Finding | str]:
    """What the statements in a store witness: the journal and its head.

    keys: public keys that are trusted, by their fingerprint. A statement by a trusted key that
    does not hold is a finding; one by another key is a remark.
    """
    for name in store.keys(f"signatures/{usecase}/"):
        try:
            document = json.loads(store.read(name))
            signature, key = str(document.pop("signature")), str(document["key"])
            at = {str(prefix): (int(n), str(d)) for prefix, (n, d) in document["heads"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            yield Finding(name, "the statement cannot be read")
            continue
        if key not in keys:
            yield f"{name}: signed by the key {key}, which is not among the trusted ones"
        elif not is_signed(canonical_json(document), signature, keys[key]):
            yield Finding(name, "the signature is not that of the statement")
        elif document.get("usecase") != usecase:
            yield Finding(name, "the statement is of another use case")
        else:
            for prefix, (number, digest) in at.items():
                yield prefix, Witness(number, digest, f"the signature in {name}")
