"""What the mode of the gate makes of a verdict when the ledger is written."""

from __future__ import annotations

from typing import Any

import pytest

from laurel.adapters.records import write_bundle
from laurel.domain.bundle import Bundle, Code
from laurel.domain.canonical import parse_instant
from laurel.domain.gate import policy_digest
from laurel.runs.decide import decide
from laurel.runs.site import Site, open_site
from laurel.settings import Settings
from laurel.usecase import UseCase
from support.monitoring import make_usecase

AS_OF = parse_instant("2013-06-03")


@pytest.fixture
def site(settings: Settings) -> Site:
    return open_site(settings)


def case(mode: str) -> UseCase:
    made = make_usecase()
    gate = made.config.gate.model_copy(update={"mode": mode})
    return UseCase(folder=made.folder, config=made.config.model_copy(update={"gate": gate}))


def trained(site: Site, usecase: UseCase, *, outcome: str) -> Bundle:
    """A training run whose gate said ``outcome`` in the mode of the use case."""
    verdict: dict[str, Any] = {
        "mode": usecase.config.gate.mode,
        "outcome": outcome,
        "reasons": ["auc is 0.7, required is at least 0.6"],
        "evidence": "e" * 64,
        "policy": policy_digest(usecase.config.gate),
    }
    bundle = Bundle(
        id="0123456789abcdef",
        kind="train",
        usecase=usecase.name,
        as_of=AS_OF,
        model_version="flights-20130603-01234567",
        code=Code(version="0", commit=None, dirty=False),
        environment={"python": "3.11", "packages": "p", "machine": "x86_64", "libc": "glibc"},
        parameters={},
        inputs={"window": {}, "champion": None},
        outputs={},
        verdict=verdict,
    )
    write_bundle(site.store, bundle)
    return bundle


@pytest.mark.parametrize(
    ("mode", "outcome", "event", "reigns"),
    [
        ("enforce", "promote", "promoted", True),
        ("enforce", "reject", "rejected", False),
        ("shadow", "promote", "rejected", False),
        ("shadow", "reject", "rejected", False),
    ],
)
def test_in_shadow_mode_the_ledger_keeps_the_verdict_and_crowns_nobody(
    site: Site, mode: str, outcome: str, event: str, reigns: bool
) -> None:
    usecase = case(mode)
    run = trained(site, usecase, outcome=outcome).id

    entry = decide(site, usecase, run=run).entry

    assert (entry.event, entry.verdict, entry.decided_by) == (event, outcome, "gate")
    champion = site.ledger(usecase).read().champion_as_of(parse_instant("2013-07-01"))
    assert (champion is not None) == reigns
    assert decide(site, usecase, run=run).repeated
