"""What a real server will not show on demand: conflicts, outages, refusals, in boto3's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ProfileNotFound,
)
from botocore.stub import Stubber

from laurel.adapters.store import s3
from laurel.errors import ConfigError, Contention, LaurelError, NotFound, Refused, StoreFault

URL = "s3://laurel/prod"


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    client = s3._connect.__wrapped__(0, None, None)
    monkeypatch.setattr(s3, "_connect", lambda *_: client)
    monkeypatch.setattr(s3.time, "sleep", lambda _: None)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def _put(stub: Stubber, status: int, code: str) -> None:
    expected = {"Bucket": "laurel", "Key": "prod/a", "Body": b"1", "IfNoneMatch": "*"}
    if status == 200:
        stub.add_response("put_object", {}, expected)
    else:
        stub.add_client_error("put_object", code, http_status_code=status, expected_params=expected)


def test_a_create_is_one_conditional_put(stub: Stubber) -> None:
    _put(stub, 200, "")
    assert s3.S3Store(URL).create("a", b"1") is True


def test_412_means_that_another_writer_was_first(stub: Stubber) -> None:
    _put(stub, 412, "PreconditionFailed")
    assert s3.S3Store(URL).create("a", b"1") is False


@pytest.mark.parametrize(("last", "written"), [((200, ""), True), ((412, "x"), False)])
def test_after_409_the_write_is_tried_again(
    stub: Stubber, last: tuple[int, str], written: bool
) -> None:
    for _ in range(3):
        _put(stub, 409, "ConditionalRequestConflict")
    _put(stub, *last)
    assert s3.S3Store(URL).create("a", b"1") is written


def test_endless_conflicts_end_in_contention(stub: Stubber) -> None:
    for _ in range(s3.CONFLICT_TRIES):
        _put(stub, 409, "ConditionalRequestConflict")
    with pytest.raises(Contention, match="10 conflicts on a") as fault:
        s3.S3Store(URL).create("a", b"1")
    assert fault.value.retryable


@pytest.mark.parametrize(
    ("status", "code", "kind", "retryable"),
    [
        (503, "SlowDown", StoreFault, True),
        (500, "InternalError", StoreFault, True),
        (429, "TooManyRequests", StoreFault, True),
        (403, "AccessDenied", ConfigError, False),
        (400, "ExpiredToken", ConfigError, False),
        (404, "NoSuchBucket", ConfigError, False),
        (301, "PermanentRedirect", ConfigError, False),
        (501, "NotImplemented", Refused, False),
    ],
)
def test_what_the_server_refuses_is_told_by_what_can_be_done(
    stub: Stubber, status: int, code: str, kind: type[LaurelError], retryable: bool
) -> None:
    _put(stub, status, code)
    with pytest.raises(kind, match=f"{code} \\(HTTP {status}\\) for a in {URL}") as error:
        s3.S3Store(URL).create("a", b"1")
    assert error.value.retryable is retryable
    assert "hush" not in str(error.value)


def test_only_a_missing_key_is_not_found(stub: Stubber) -> None:
    stub.add_client_error("get_object", "NoSuchKey", http_status_code=404)
    with pytest.raises(NotFound):
        s3.S3Store(URL).read("a")
    stub.add_client_error("get_object", "NoSuchBucket", http_status_code=404)
    with pytest.raises(ConfigError):
        s3.S3Store(URL).read("a")


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (EndpointConnectionError(endpoint_url="https://s3"), StoreFault),
        (ConnectTimeoutError(endpoint_url="https://s3"), StoreFault),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), StoreFault),
        (NoCredentialsError(), ConfigError),
        (ProfileNotFound(profile="x"), ConfigError),
    ],
)
def test_what_boto3_raises_becomes_an_error_of_the_house(
    monkeypatch: pytest.MonkeyPatch, cause: Exception, kind: type[LaurelError]
) -> None:
    def fail(*_: Any) -> Any:
        raise cause

    monkeypatch.setattr(s3, "_connect", fail)
    store = s3.S3Store(URL, endpoint="http://127.0.0.1:1")
    with pytest.raises(kind, match=type(cause).__name__) as error:
        store.read("a")
    assert URL in str(error.value)
    assert error.value.__cause__ is cause


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("s3://", None),
        ("s3://key:hush@laurel/prod", None),
        ("s3://laurel/prod", "http://key:hush@host"),
        ("s3://laurel/prod", "localhost:8333"),
    ],
)
def test_a_url_with_secrets_or_without_a_bucket_is_refused(url: str, endpoint: str | None) -> None:
    with pytest.raises(ConfigError) as error:
        s3.S3Store(url, endpoint=endpoint)
    assert "hush" not in str(error.value)


def test_a_prefix_that_could_lead_elsewhere_is_refused() -> None:
    with pytest.raises(Refused):
        s3.S3Store("s3://laurel/../other")
