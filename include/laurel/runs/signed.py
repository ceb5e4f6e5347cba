"""Signing by itself: after each decision somebody's key vouches for where the journals stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from laurel.runs.site import Site


@contextmanager
def signed(site: Site, usecase: str) -> Iterator[None]:
    """Sign the heads of all journals after what is decided inside, where a setting names a key.

    The key is read first, so that nothing is decided that could not be signed. A decision that was
    made before and is not signed yet, since its process was killed, is signed when it is repeated.

    Raises :class:`laurel.errors.ConfigError` where the setting names no key.
    """
    file = site.settings.signing_key
    if file is None:
        yield
        return
    from laurel.adapters.signing import read_key
    from laurel.runs.proof.statement import sign_news

    key = read_key(file)
    yield
    sign_news(site, usecase, key)
