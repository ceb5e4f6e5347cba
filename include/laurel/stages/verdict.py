"""Verdict: what the gate says of a challenger, by the evidence and the policy alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from laurel.adapters.documents import read_json, write_json
from laurel.domain.evidence import Evidence
from laurel.domain.gate import Verdict, judge, policy_digest
from laurel.errors import IntegrityError, NotFound
from laurel.usecase import UseCase

FILES = ("model.ubj", "model.json", "features.py", "profile.json", "sample.parquet")
OPTIONAL = ("loss.ubj",)
"""Where the objective has losses that can be learned."""


def verdict(usecase: UseCase, folder: Path) -> Verdict:
    """Write ``verdict.json``: outcome, reasons, checks, and the digests of what they rest on."""
    data = folder / "data" / usecase.name
    evidence = read_evidence(data / "evidence" / "evidence.json")
    judged = judge(evidence, usecase.config.gate)
    write_json(
        {
            "usecase": usecase.name,
            "as_of": evidence.as_of,
            "champion": evidence.champion,
            **judged.document(),
            "policy": policy_digest(usecase.config.gate),
            "evidence": evidence.digest(),
            "model": _md5s(data / "model"),
        },
        data / "verdict.json",
    )
    return judged


def read_evidence(path: Path) -> Evidence:
    """Read ``evidence.json``; raises :class:`NotFound` or :class:`IntegrityError`."""
    try:
        return Evidence.model_validate(read_json(path))
    except ValidationError as error:
        raise IntegrityError(
            "this is not evidence", found=str(error).splitlines()[0], detail=str(path)
        ) from error


def _md5s(model: Path) -> dict[str, str]:
    there = (name for name in OPTIONAL if (model / name).is_file())
    return {name: _md5(model / name) for name in (*FILES, *there)}


def _md5(path: Path) -> str:
    if not path.is_file():
        raise NotFound("a model's file is missing", found=str(path))
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
