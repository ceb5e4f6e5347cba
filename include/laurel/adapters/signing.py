"""Ed25519 signatures of small documents, by the cryptography package (RFC 8032)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from laurel.errors import ConfigError, Refused


class Key:
    """A private key that signs."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    @property
    def public(self) -> bytes:
        """The public key: 32 bytes."""
        return self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, data: bytes) -> str:
        """The signature of ``data``: 128 hex digits."""
        return self._private.sign(data).hex()


def make_key(private: Path, public: Path) -> None:
    """Write a new key pair as PEM, the private one readable by its owner alone.

    Raises :class:`Refused` where one of the files exists: a key that is lost cannot be made again.
    """
    for file in (private, public):
        if file.exists():
            raise Refused("a key is never overwritten", found=str(file), hint="name another file")
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as there:
        there.write(text)
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )


def read_key(file: Path) -> Key:
    """Read a private key; raises :class:`ConfigError` for what is none."""
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _no_key(file, "a private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(file, "a private")
    return Key(key)


def read_public(file: Path) -> bytes:
    """Read a public key, 32 bytes; raises :class:`ConfigError` for what is none."""
    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as error:
        raise _no_key(file, "a public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(file, "a public")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def is_signed(data: bytes, signature: str, public: bytes) -> bool:
    """Whether ``signature`` (hex digits) is that of ``data`` by the owner of the public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(signature), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public: bytes) -> str:
    """The name of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def _no_key(file: Path, kind: str) -> ConfigError:
    # what the file holds is not quoted: it may be a secret
    return ConfigError(
        f"this is not {kind} key",
        found=str(file),
        expected=f"{kind} Ed25519 key as PEM, without a password",
        hint="make a pair: laurel audit key FILE",
    )
