"""A prefix of a bucket: one Parquet file for each partition, replaced as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from laurel.adapters.sinks.contract import Delivery, Held
from laurel.adapters.sources.connections import Connections
from laurel.adapters.sources.s3 import UNCONFIGURED, open_client
from laurel.domain.config.names import PARTITION
from laurel.domain.config.sink import S3Sink
from laurel.errors import ConfigError, Contention, LaurelError, StoreFault

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FILE = "predictions.parquet"
REVISION, CONTENT = "laurel-revision", "laurel-content-hash"
TRIES = 10
_MISSING, _CHANGED = (404,), (409, 412)


class BucketPrefix:
    """``<prefix>/partition=<key>/predictions.parquet``; a file says which revision it is.

    A newer revision is never replaced by an older one: a file is written on the condition that it
    is the one that was looked at.
    """

    def __init__(self, config: S3Sink, *, endpoint: str | None, connections: Connections) -> None:
        self._config, self._connections = config, connections
        self._endpoint = config.endpoint or endpoint
        self._bucket, _, self._prefix = config.path.removeprefix("s3://").partition("/")

    @property
    def place(self) -> str:
        return self._config.path

    def deliver(self, partition: str, newest: Callable[[], Delivery]) -> Delivery:
        with self._faults():
            return self._deliver(partition, newest)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._worded(error) from error
        except UNCONFIGURED as error:
            raise ConfigError(
                "there are no usable credentials for a sink",
                found=f"{type(error).__name__} for {self.place}",
                hint="set connection, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role",
            ) from error
        except BotoCoreError as error:
            raise StoreFault(
                "a sink did not answer",
                found=f"{type(error).__name__} for {self.place}",
                hint="is the server up, and is its endpoint right?",
            ) from error

    def _deliver(self, partition: str, newest: Callable[[], Delivery]) -> Delivery:
        client, key = self._client(), self._key(f"{PARTITION}={partition}", FILE)
        for _ in range(TRIES):
            condition, there = self._found(client, key)
            given = newest()
            if there == (str(given.revision), given.content_hash):
                return given
            with given.file.open("rb") as body:
                try:
                    client.put_object(
                        Bucket=self._bucket,
                        Key=key,
                        Body=body,
                        Metadata={REVISION: str(given.revision), CONTENT: given.content_hash},
                        **condition,  # type: ignore[arg-type]
                    )
                    return given
                except ClientError as error:
                    if _status(error) not in _CHANGED:
                        raise
        raise Contention(
            "others kept delivering the same partition",
            partition=partition,
            found=f"{TRIES} conflicts on {key}",
            detail=self.place,
        )

    def _client(self) -> S3Client:
        known = self._connections.get(self._config.connection) if self._config.connection else None
        return open_client(known, endpoint=self._endpoint)

    def _key(self, *parts: str) -> str:
        return "/".join(part for part in (self._prefix, *parts) if part)

    def _found(self, client: S3Client, key: str) -> tuple[dict[str, str], tuple[str, str] | None]:
        """The condition under which nothing has changed since, and what is there now."""
        try:
            head = client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _status(error) not in _MISSING:
                raise
            return {"IfNoneMatch": "*"}, None
        said = head.get("Metadata", {})
        return {"IfMatch": head["ETag"]}, (said.get(REVISION, ""), said.get(CONTENT, ""))

    def _worded(self, error: ClientError) -> LaurelError:
        status = _status(error)
        code = str(error.response.get("Error", {}).get("Code", "?"))
        found = f"{code} (HTTP {status}) for {self.place}"
        if status >= 500 or status in (408, 429):
            return StoreFault("a sink could not answer", found=found, hint="try again later")
        return ConfigError(
            "a sink refused the predictions",
            found=found,
            hint="look at the bucket, the endpoint and the credentials; they need to put objects",
        )


class BucketPlace(BucketPrefix):
    """The stable place of a store in a bucket: a prefix, and the list of what it holds.

    A partition is replaced at once for all who read it from then on; of several partitions a
    reader may see some before and some after, and the list says which belong together.
    """

    def held(self, only: Sequence[str] | None = None) -> dict[str, Held]:
        """What is there of each partition, or of those named."""
        found = {}
        with self._faults():
            client = self._client()
            for partition in self._partitions(client) if only is None else only:
                _, there = self._found(client, self._key(f"{PARTITION}={partition}", FILE))
                if there is not None:
                    found[partition] = Held(*there)
        return found

    def _partitions(self, client: S3Client) -> list[str]:
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._key(f"{PARTITION}=")
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        found = {key.split("/")[-2] for key in keys if key.endswith(f"/{FILE}")}
        return sorted(name.partition("=")[2] for name in found)

    def note(self, name: str, text: Callable[[], bytes]) -> None:
        """Replace a file beside the partitions by what is known when nobody else replaces it."""
        with self._faults():
            client, key = self._client(), self._key(name)
            for _ in range(TRIES):
                condition, _there = self._found(client, key)
                try:
                    client.put_object(
                        Bucket=self._bucket,
                        Key=key,
                        Body=text(),
                        **condition,  # type: ignore[arg-type]
                    )
                    return
                except ClientError as error:
                    if _status(error) not in _CHANGED:
                        raise
        raise Contention(
            "others kept writing the list of a place", found=f"{TRIES} conflicts on {key}"
        )


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
