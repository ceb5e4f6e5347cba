"""The use case ``asked``: as ``toy``, but a person has to approve what its gate lets through.

It lives beside ``toy`` in the home of the loop's stack, with records of its own.
"""

from __future__ import annotations

import os
import pwd
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import yaml

from laurel.domain.config import UseCaseConfig
from laurel.domain.ledger import LedgerState
from laurel.domain.partition import Partition
from laurel.local.keys import read_keys
from laurel.local.layout import layout
from laurel.runs.ingest import ingest
from laurel.usecase import UseCase, get_usecase
from support.runs import Home
from support.stack import RunningStack

NAME = "asked"
AS_OFS = (datetime(2024, 2, 12, tzinfo=UTC), datetime(2024, 2, 19, tzinfo=UTC))


def account() -> str:
    """Whom a command on this machine is by."""
    return pwd.getpwuid(os.getuid()).pw_name


def write_asked(cases: Path) -> None:
    """Write the use case beside ``toy``; the stack's only user and this account are asked."""
    for kind in ("usecases", "expectations"):
        own = cases / kind / NAME
        own.mkdir(parents=True, exist_ok=True)
        for file in (cases / kind / "toy").glob("*.*"):
            text = file.read_text().replace("toy.", f"{NAME}.").replace("name: toy", "name: asked")
            (own / file.name).write_text(text)
    ask(cases, hours=72.0)


def ask(cases: Path, *, hours: float) -> None:
    """Say in ``usecase.yaml`` who is asked, and how long."""
    file = cases / "usecases" / NAME / "usecase.yaml"
    said = yaml.safe_load(file.read_text())
    said["gate"]["approval"] = {"by": ["admin", account()], "timeout_hours": hours}
    file.write_text(yaml.safe_dump(said, sort_keys=False))
    assert UseCaseConfig.model_validate(said).gate.approval


def usecase(home: Home) -> UseCase:
    """As its folder says now."""
    return get_usecase(NAME, home.settings)


def fill(home: Home) -> None:
    """Ingest what both trainings need."""
    start, end = Partition.of("2024-01-01").start, AS_OFS[-1]
    for dataset in sorted(usecase(home).config.datasets):
        ingest(home.site, usecase(home), dataset=dataset, start=start, end=end)


def ledger(home: Home) -> LedgerState:
    return home.site.ledger(usecase(home)).read()


def token_of(stack: RunningStack, name: str) -> str:
    """A login as another user of the simple auth manager, who has all rights of an admin."""
    now = datetime.now(UTC)
    said: dict[str, Any] = {
        "sub": name,
        "role": "ADMIN",
        "aud": "apache-airflow",
        "nbf": now,
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    return jwt.encode(said, read_keys(layout(stack.settings)).jwt, algorithm="HS512")
