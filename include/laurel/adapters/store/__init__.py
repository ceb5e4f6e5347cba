"""The store: one root, a local folder or an S3 prefix, in which nothing is ever changed."""

from __future__ import annotations

from laurel.adapters.store.claimed import expect_claim, remember_claim
from laurel.adapters.store.contract import Store
from laurel.adapters.store.guard import claim, claimed_by, probe
from laurel.errors import ConfigError
from laurel.settings import Settings

__all__ = [
    "Store",
    "claim",
    "claimed_by",
    "expect_claim",
    "open_store",
    "probe",
    "remember_claim",
]


def open_store(settings: Settings) -> Store:
    """The store that the settings name; raises :class:`ConfigError`, :class:`StoreFault`.

    A local folder is made where it is missing and was never claimed from this machine; S3 is
    first asked by the first use.
    """
    if settings.store.startswith("s3://"):
        # Here, since boto3 takes half a second that a local store need not pay.
        from laurel.adapters.store.s3 import S3Store

        return S3Store(settings.store, endpoint=settings.s3_endpoint)
    if settings.store.startswith("file:///"):
        from laurel.adapters.store.local import LocalStore

        expect_claim(settings)
        return LocalStore(settings.store)
    raise ConfigError(
        "the setting names no store",
        found=settings.store.split("@")[-1],
        expected="file:///folder or s3://bucket/prefix",
    )
