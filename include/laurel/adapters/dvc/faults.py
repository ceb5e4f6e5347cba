"""Faults of disks, networks and S3, turned into errors that say what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from laurel.adapters.exhausted import disk_is_full
from laurel.errors import ConfigError, LaurelError, StoreFault

_OF_S3 = ("BotoCoreError", "ClientError")
_LOCKED_OUT = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "ProfileNotFound",
)


@contextmanager
def worded(doing: str, place: str) -> Iterator[None]:
    """Run a block that does ``doing`` at ``place``; its faults become Laurel's errors.

    Raises :class:`ConfigError` where the credentials or the bucket are wrong, and
    :class:`StoreFault` for everything that may pass: a full disk, no answer, a lost connection.
    """
    try:
        yield
    except LaurelError:
        raise
    except Exception as error:
        if not isinstance(error, (OSError, *_botocore(*_OF_S3), *_boto3("Boto3Error"))):
            raise
        raise _translate(_source(error), doing, place) from error


@contextmanager
def room_expected(place: str) -> Iterator[None]:
    """Run a block that writes files below ``place`` through whatever library.

    Raises :class:`StoreFault` where the disk was full; every other error is left as it is.
    """
    try:
        yield
    except LaurelError:
        raise
    except Exception as error:
        if not disk_is_full(error):
            raise
        raise _translate(error, "write files of a run", place) from error


def _botocore(*names: str) -> tuple[type[BaseException], ...]:
    """Errors of botocore; none while nobody has imported it, since nobody can have raised them."""
    return _errors_of("botocore.exceptions", names)


def _boto3(*names: str) -> tuple[type[BaseException], ...]:
    return _errors_of("boto3.exceptions", names)


def _errors_of(module: str, names: tuple[str, ...]) -> tuple[type[BaseException], ...]:
    known = sys.modules.get(module)
    return tuple(getattr(known, name) for name in names) if known else ()


def code_of(error: BaseException) -> str:
    """The code of an S3 answer: ``NoSuchKey``, ``404``, …; empty for another error."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _source(error: BaseException) -> BaseException:
    """boto3 wraps an answer of the server in an error that keeps its text only."""
    if isinstance(error, _boto3("Boto3Error")) and error.__context__ is not None:
        return error.__context__
    return error


def _translate(error: BaseException, doing: str, place: str) -> LaurelError:
    found = f"{type(error).__name__}: {error}"
    if disk_is_full(error):
        return StoreFault(
            f"the disk is full: could not {doing}",
            found=found,
            detail=place,
            hint="free some room there; trying again is safe",
        )
    code = code_of(error) if isinstance(error, _botocore("ClientError")) else ""
    if code == "NoSuchBucket":
        return ConfigError("there is no such bucket", found=place, hint="look at LAUREL_STORE")
    if isinstance(error, (PermissionError, *_botocore(*_LOCKED_OUT))) or code in {
        "403",
        "AccessDenied",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
    }:
        return ConfigError(
            f"no permission to {doing}",
            found=found,
            detail=place,
            hint="look at the credentials and permissions of this process",
        )
    return StoreFault(
        f"could not {doing}",
        found=found,
        detail=place,
        hint="look whether the store answers; trying again is safe",
    )
