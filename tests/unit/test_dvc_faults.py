"""Faults of disks, networks and S3 in Laurel's words."""

from __future__ import annotations

import errno

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from laurel.adapters.dvc.faults import worded
from laurel.errors import ConfigError, IntegrityError, LaurelError, StoreFault


def _answer(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "as the server said"}}, "PutObject")


def _uploading(code: str) -> Exception:
    """What boto3 raises while it uploads: a text around the answer."""
    try:
        try:
            raise _answer(code)
        except ClientError as error:
            raise S3UploadFailedError(f"Failed to upload: {error}")  # noqa: B904
    except S3UploadFailedError as error:
        return error


@pytest.mark.parametrize(
    ("error", "kind", "fact"),
    [
        (OSError(errno.ENOSPC, "No space left"), StoreFault, "the disk is full: could not write"),
        (OSError(errno.EIO, "I/O error"), StoreFault, "could not write"),
        (PermissionError(errno.EACCES, "denied"), ConfigError, "no permission to write"),
        (EndpointConnectionError(endpoint_url="http://x"), StoreFault, "could not write"),
        (NoCredentialsError(), ConfigError, "no permission to write"),
        (_answer("SlowDown"), StoreFault, "could not write"),
        (_answer("AccessDenied"), ConfigError, "no permission to write"),
        (_answer("NoSuchBucket"), ConfigError, "there is no such bucket"),
        (_uploading("NoSuchBucket"), ConfigError, "there is no such bucket"),
        (_uploading("InternalError"), StoreFault, "could not write"),
    ],
)
def test_a_fault_says_whether_trying_again_helps(
    error: Exception, kind: type[LaurelError], fact: str
) -> None:
    with pytest.raises(LaurelError) as caught, worded("write", "s3://bucket/x"):
        raise error
    assert type(caught.value) is kind
    assert caught.value.fact == fact
    assert "s3://bucket/x" in str(caught.value)


def test_what_is_worded_already_passes_unchanged() -> None:
    told = IntegrityError("these bytes are wrong")
    with pytest.raises(IntegrityError) as caught, worded("write", "somewhere"):
        raise told
    assert caught.value is told
