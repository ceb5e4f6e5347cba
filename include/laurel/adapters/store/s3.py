"""A store in an S3 bucket, through boto3: creates with ``If-None-Match: *``, never multipart."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
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
)

from laurel.adapters.store.contract import check_key, check_prefix
from laurel.errors import ConfigError, Contention, LaurelError, NotFound, Refused, StoreFault

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONFLICT_TRIES = 10
"""Tries after 409, which says that another write of the key is under way."""
CONNECT_TIMEOUT, READ_TIMEOUT = 2, 15
"""Seconds of each of three tries."""
PAGE = 1000
"""Keys asked for by one request of a listing."""
PRECONDITION_FAILED, CONFLICT = 412, 409
_UNCONFIGURED = (
    ConfigParseError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class S3Store:
    """A prefix of a bucket as store, on AWS or on any server that honours the condition."""

    def __init__(self, url: str, *, endpoint: str | None = None) -> None:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not _BUCKET.fullmatch(bucket):
            # What stands before an @ may be a secret, so it is not shown.
            raise ConfigError(
                "the store's URL names no bucket",
                found=bucket.split("@")[-1],
                expected="s3://bucket/prefix, and credentials elsewhere",
            )
        if endpoint and ("@" in endpoint or not endpoint.startswith(("http://", "https://"))):
            raise ConfigError(
                "the S3 endpoint is not an address",
                found=endpoint.split("@")[-1],
                expected="http(s)://host:port, and credentials elsewhere",
            )
        self._url, self._bucket, self._endpoint = url, bucket, endpoint
        self._base = f"{check_key(prefix)}/" if prefix else ""

    @property
    def url(self) -> str:
        return self._url

    def create(self, key: str, data: bytes) -> bool:
        name = self._base + check_key(key)
        for attempt in range(CONFLICT_TRIES):
            with self._faults(key):
                try:
                    self._client().put_object(
                        Bucket=self._bucket, Key=name, Body=data, IfNoneMatch="*"
                    )
                    return True
                except ClientError as error:
                    if _status(error) == PRECONDITION_FAILED:
                        return False
                    if _status(error) != CONFLICT:
                        raise
            # Writers that met must not meet again: full jitter.
            time.sleep(random.uniform(0, min(1.0, 0.05 * 2**attempt)))  # noqa: S311
        raise Contention(
            "other writers kept the store from writing a key",
            found=f"{CONFLICT_TRIES} conflicts on {key}",
            detail=self._url,
        )

    def read(self, key: str) -> bytes:
        name = self._base + check_key(key)
        with self._faults(key):
            return self._client().get_object(Bucket=self._bucket, Key=name)["Body"].read()

    def exists(self, key: str) -> bool:
        name = self._base + check_key(key)
        with self._faults(key):
            # Asked by listing: a HEAD's 404 does not say whether the key or the bucket is missing.
            page = self._client().list_objects_v2(Bucket=self._bucket, Prefix=name, MaxKeys=1)
            return any(item["Key"] == name for item in page.get("Contents", []))

    def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
        # Sorted and cut here: SeaweedFS 4.48 lists in the order of folders, not of whole keys,
        # and StartAfter makes it leave out whole folders that come later.
        begin = self._base + check_prefix(prefix)
        with self._faults(prefix):
            pages = (
                self._client()
                .get_paginator("list_objects_v2")
                .paginate(Bucket=self._bucket, Prefix=begin, PaginationConfig={"PageSize": PAGE})
            )
            names = [item["Key"] for page in pages for item in page.get("Contents", [])]
        found = sorted(name.removeprefix(self._base) for name in names)
        yield from (key for key in found if key > after)

    def _client(self) -> S3Client:
        """The client of this process: a fork must not share its parent's connections."""
        credentials = tuple(sorted(pair for pair in os.environ.items() if pair[0][:4] == "AWS_"))
        return _connect(os.getpid(), self._endpoint, credentials)

    @contextmanager
    def _faults(self, key: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._explain(error, key) from error
        except _UNCONFIGURED as error:
            raise ConfigError(
                "there are no usable credentials for the store",
                found=f"{type(error).__name__} for {self._url}",
                hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role",
            ) from error
        except BotoCoreError as error:
            raise StoreFault(
                "the store did not answer",
                found=f"{type(error).__name__} from {self._url}, endpoint {self._shown_endpoint}",
                hint="is the server up, and is LAUREL_S3_ENDPOINT right?",
            ) from error

    @property
    def _shown_endpoint(self) -> str:
        return self._endpoint or "AWS"

    def _explain(self, error: ClientError, key: str) -> LaurelError:
        code, status = error.response.get("Error", {}).get("Code", "?"), _status(error)
        found = f"{code} (HTTP {status}) for {key or 'a listing'} in {self._url}"
        if code == "NoSuchKey":
            return NotFound("there is no such key", found=key, detail=self._url)
        if status == 501:
            return Refused("the store does not know create-only writes", found=found)
        if status >= 500 or status in (408, 429):
            return StoreFault("the store could not answer", found=found, hint="try again later")
        hint = "look at the bucket, the prefix and the endpoint"
        if status in (401, 403) or "Token" in code:
            hint = "look at the credentials; they need to get, put and list objects of the prefix"
        return ConfigError(
            "the store refused the request",
            found=f"{found}, endpoint {self._shown_endpoint}",
            hint=hint,
        )


@lru_cache(maxsize=4)
def _connect(pid: int, endpoint: str | None, credentials: object) -> S3Client:  # noqa: ARG001
    """A client, made once (0.2 s) for each process, endpoint and set of credentials."""
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=16,
        s3={"addressing_style": "path" if endpoint else "auto"},
        # Servers other than AWS do not all know the newer checksums; records carry their own.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    # A session of its own, since the default one is not safe to share between threads.
    return boto3.session.Session().client("s3", endpoint_url=endpoint, config=config)


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
