"""Two guards at start-up: the store honours create-only writes, and has one scheduler of record."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

from laurel.adapters.store.contract import Store
from laurel.domain.canonical import canonical_json
from laurel.errors import IntegrityError, NotFound, Refused

RIVALS = 8
CLAIM = "scheduler.json"


def probe(store: Store) -> None:
    """Refuse a store that lets a key be written twice.

    Eight writers create one new key at the same time, and one more afterwards: exactly one may
    win, and its bytes must stay. Leaves that key behind, since stores never delete.

    Raises :class:`Refused`, :class:`StoreFault`.
    """
    key = f"probes/{uuid.uuid4().hex}"
    rivals = [f"writer {number}".encode() for number in range(RIVALS)]
    with ThreadPoolExecutor(RIVALS) as pool:
        won = list(pool.map(lambda data: store.create(key, data), rivals))
    again = store.create(key, b"one more")
    kept = store.read(key)
    if sum(won) != 1 or again or kept != rivals[won.index(True)]:
        raise Refused(
            "the store ignores create-only writes: two writers of one key may both win",
            found=f"{sum(won) + again} of {RIVALS + 1} writers won in {store.url}",
            expected="exactly one, its bytes unchanged",
            hint="use AWS S3, SeaweedFS or another server that honours If-None-Match",
        )


def claim(store: Store, scheduler: str) -> None:
    """Make ``scheduler`` the one scheduler of record of the store, or find that it is.

    Raises :class:`Refused` where another one is, :class:`StoreFault`.
    """
    if store.create(CLAIM, canonical_json({"scheduler": scheduler})):
        return
    owner = claimed_by(store)
    if owner != scheduler:
        raise Refused(
            "this store has another scheduler of record: two would decide side by side",
            found=owner,
            expected=scheduler,
            detail=f"{store.url}/{CLAIM}",
            hint="give this one a store prefix of its own, or set LAUREL_SCHEDULER to that name",
        )


def claimed_by(store: Store) -> str | None:
    """The scheduler of record, or ``None``; raises :class:`IntegrityError`, :class:`StoreFault`."""
    try:
        document = json.loads(store.read(CLAIM))
        return str(document["scheduler"])
    except NotFound:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            "the claim on the store cannot be read", detail=f"{store.url}/{CLAIM}"
        ) from error
