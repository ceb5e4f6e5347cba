"""Approve or decline: a person answers for a model that the gate lets through; or silence does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from laurel.adapters.records import find_bundle
from laurel.domain.approval_request import Request, approval_request
from laurel.domain.ledger import LedgerEntry, Ruling
from laurel.errors import NotFound
from laurel.runs.decide import Decided
from laurel.runs.signed import signed
from laurel.runs.site import Site
from laurel.usecase import UseCase


def waiting(site: Site, usecase: UseCase, *, model_version: str) -> LedgerEntry | None:
    """The registration of a model that still waits for an answer; ``None`` once it does not."""
    pending = site.ledger(usecase).read().pending
    return next((entry for entry in pending if entry.model_version == model_version), None)


def time_left(entry: LedgerEntry) -> timedelta | None:
    """Until silence counts as an answer, nothing or less afterwards; ``None`` if it never does."""
    return entry.question.until - datetime.now(UTC) if entry.question else None


def ask(site: Site, usecase: UseCase, *, entry: LedgerEntry, base_url: str) -> Request:
    """What a person is asked, from the bundle that the ledger names.

    base_url: the address before ``/laurel/pages``. Raises :class:`NotFound` without the bundle.
    """
    bundle = find_bundle(site.store, usecase.name, "train", entry.run or "", expected=entry.bundle)
    if bundle is None:
        raise NotFound(
            "the bundle that the ledger names is not in the store",
            usecase=usecase.name,
            found=f"no run {entry.run}",
            hint="restore it: nobody can approve what cannot be shown",
        )
    return approval_request(
        entry,
        bundle.verdict or {},
        champion=bundle.inputs.get("champion"),
        page=f"{base_url}/laurel/pages/{bundle.prefix}/decision.html",
    )


def approve(site: Site, usecase: UseCase, *, model_version: str, by: str, reason: str) -> Decided:
    """Let a registered model reign, by the ledger's rules; the same answer again adds nothing.

    Raises :class:`laurel.errors.Refused` where the rules do.
    """
    with signed(site, usecase.name):
        ruling = site.ledger(usecase).approve(model_version, by=by, reason=reason)
    return _decided(usecase, ruling)


def decline_model(
    site: Site, usecase: UseCase, *, model_version: str, by: str, reason: str
) -> Decided:
    """Keep a registered model from reigning; raises as :func:`approve`."""
    with signed(site, usecase.name):
        ruling = site.ledger(usecase).decline_model(model_version, by=by, reason=reason)
    return _decided(usecase, ruling)


def time_out(site: Site, usecase: UseCase, *, model_version: str) -> Decided:
    """Take silence for the answer that the registration says; what was decided meanwhile stands.

    Raises :class:`laurel.errors.Refused` while there is time.
    """
    with signed(site, usecase.name):
        ruling = site.ledger(usecase).time_out(model_version)
    return _decided(usecase, ruling)


def _decided(usecase: UseCase, ruling: Ruling) -> Decided:
    return Decided(usecase=usecase.name, entry=ruling.entry, repeated=not ruling, note=None)
