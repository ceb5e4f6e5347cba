"""JSON documents on disk: canonical bytes out, clear errors in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from laurel.domain.canonical import canonical_json
from laurel.errors import IntegrityError, NotFound


def read_json(path: Path) -> dict[str, Any]:
    """Read an object; raises :class:`NotFound`, or :class:`IntegrityError` for what is none."""
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFound("a document is missing", found=str(path)) from error
    except ValueError as error:
        raise IntegrityError("this is not JSON", found=error, detail=str(path)) from error
    if not isinstance(document, dict):
        raise IntegrityError(
            "this document is not an object", found=type(document).__name__, detail=str(path)
        )
    return document


def write_json(document: object, path: Path) -> None:
    """Write canonical JSON and a newline: equal documents are equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(canonical_json(document) + b"\n")


def write_texts(texts: Mapping[str, str], folder: Path) -> None:
    """Write small files by name, in UTF-8, with the line ends that they have."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())
