"""Objects of an S3 bucket, on AWS or on any server that speaks the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.exceptions import IncompleteReadError as CutOff
from urllib3.exceptions import HTTPError

from laurel.adapters.sources.connections import Connection, Connections
from laurel.adapters.sources.filebased import Found
from laurel.domain.config.source import S3Source
from laurel.domain.partition import Partition
from laurel.domain.pattern import DayPattern
from laurel.errors import ConfigError, LaurelError, StoreFault

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT, READ_TIMEOUT, TRIES = 5, 60, 5
CHUNK = 2**20
UNCONFIGURED = (
    ConfigParseError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
"""What boto3 raises where there are no credentials, or half of them."""
_BROKEN_OFF = (CutOff, HTTPError, ReadTimeoutError, ResponseStreamingError)
_GONE = {"NoSuchKey", "PreconditionFailed", "404", "412"}


class BucketPlace:
    """Finds the objects of a day by listing what its path begins with."""

    threads = 8

    def __init__(self, source: S3Source, *, endpoint: str | None, connections: Connections) -> None:
        self._bucket, _, path = source.path.removeprefix("s3://").partition("/")
        self._pattern = DayPattern(path)
        self._endpoint = source.endpoint or endpoint
        self._source, self._connections = source, connections

    @property
    def name(self) -> str:
        return self._source.path

    def session(self) -> AbstractContextManager[None]:
        return nullcontext()

    def find(self, day: Partition) -> Sequence[Found]:
        with self._faults(f"the files of {day}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._pattern.prefix(day.day)
            )
            found = [
                Found(item["Key"], f"{item['ETag']} {item['Size']}")
                for page in pages
                for item in page.get("Contents", [])
                # what ends with a slash stands for a folder
                if not item["Key"].endswith("/") and self._pattern.fits(day.day, item["Key"])
            ]
        return sorted(found, key=lambda file: file.name)

    def fetch(self, found: Found, day: Partition, target: Path) -> Path:  # noqa: ARG002
        etag, _, size = found.version.rpartition(" ")
        with self._faults(found.name):
            for left in reversed(range(TRIES)):
                try:
                    self._download(found.name, etag, target)
                    break
                except _BROKEN_OFF:
                    # requests are tried again by the client, but not what ends in the middle
                    if not left:
                        raise
        if target.stat().st_size != int(size):
            raise StoreFault(
                "an object came with another length",
                found=f"{target.stat().st_size:,} bytes of {found.name}",
                expected=f"{int(size):,} bytes",
            )
        return target

    def _download(self, key: str, etag: str, target: Path) -> None:
        answer = self._client.get_object(Bucket=self._bucket, Key=key, IfMatch=etag)
        # as a context it is the stream within, which misses an early end
        with closing(answer["Body"]) as body, target.open("wb") as file:
            shutil.copyfileobj(body, file, CHUNK)

    def check(self, found: Found) -> None:
        """What was fetched does not change."""

    @cached_property
    def _client(self) -> S3Client:
        conn_id = self._source.connection
        known = self._connections.get(conn_id) if conn_id else None
        with self._faults("a client"):
            return open_client(known, endpoint=self._endpoint)

    @contextmanager
    def _faults(self, what: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._explain(error, what) from error
        except UNCONFIGURED as error:
            raise ConfigError(
                "there are no usable credentials for the source",
                found=f"{type(error).__name__} for {self.name}",
                hint="set connection, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role",
            ) from error
        except (BotoCoreError, CutOff, HTTPError) as error:
            raise StoreFault(
                "the source did not answer",
                found=f"{type(error).__name__} for {what} of {self.name}",
                hint="is the server up, and is its endpoint right?",
            ) from error

    def _explain(self, error: ClientError, what: str) -> LaurelError:
        code = str(error.response.get("Error", {}).get("Code", "?"))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        found = f"{code} (HTTP {status}) for {what} of {self.name}"
        if code in _GONE or status == 412:
            return StoreFault(
                "an object changed after it was found", found=what, hint="ingest again"
            )
        if status >= 500 or status in (408, 429):
            return StoreFault("the source could not answer", found=found, hint="try again later")
        hint = "look at the bucket, the path and the endpoint"
        if status in (401, 403) or "Token" in code:
            hint = "look at the credentials; they need to list and get objects of the prefix"
        return ConfigError("the source refused the request", found=found, hint=hint)


def open_client(connection: Connection | None, *, endpoint: str | None) -> S3Client:
    """A client with the login of a connection, or of the usual chain, at ``endpoint`` first."""
    endpoint = endpoint or (connection and connection.extra.get("endpoint_url")) or None
    return _session(connection).client("s3", endpoint_url=endpoint, config=_config(endpoint))


def _session(connection: Connection | None) -> boto3.session.Session:
    if connection is None or not connection.login:
        return boto3.session.Session()
    extra = connection.extra
    return boto3.session.Session(
        aws_access_key_id=connection.login,
        aws_secret_access_key=connection.password,
        aws_session_token=extra.get("aws_session_token"),
        region_name=extra.get("region_name"),
    )


def _config(endpoint: str | None) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        max_pool_connections=16,
        s3={"addressing_style": "path" if endpoint else "auto"},
        # servers other than AWS do not all know the newer checksums
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
