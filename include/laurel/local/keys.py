"""The keys and the login of an embedded stack: generated once, readable by the owner alone."""

from __future__ import annotations

import base64
import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from laurel.errors import LaurelError
from laurel.local.layout import Layout

USER = "admin"


@dataclass(frozen=True)
class Keys:
    """What Airflow signs and encrypts with, and the password of :data:`USER`."""

    fernet: str
    jwt: str
    session: str
    password: str

    def __repr__(self) -> str:
        return "Keys(…)"


def read_keys(places: Layout) -> Keys:
    """The keys of this stack, generated when there are none; raises :class:`LaurelError`."""
    if not places.keys.exists():
        places.root.mkdir(parents=True, exist_ok=True)
        write_private(places.keys, json.dumps(asdict(_generate())))
    try:
        document = json.loads(places.keys.read_text())
        keys = Keys(**{field.name: str(document[field.name]) for field in fields(Keys)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LaurelError(
            "the keys of the local stack cannot be read",
            found=type(error).__name__,
            detail=str(places.keys),
            hint="remove the file (connections saved in the UI are lost) and run `laurel up`",
        ) from error
    return keys


def write_passwords(places: Layout, keys: Keys) -> None:
    """Write the file the simple auth manager reads its one user from."""
    write_private(places.passwords, json.dumps({USER: keys.password}))


def write_private(file: Path, text: str) -> None:
    """Replace a file by text that only its owner can read, never seen half written."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    Path(name).replace(file)


def _generate() -> Keys:
    return Keys(
        fernet=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        jwt=secrets.token_urlsafe(48),
        session=secrets.token_urlsafe(32),
        password=secrets.token_urlsafe(12),
    )
