"""A DVC remote in an S3 bucket; imported where the store is one, since boto3 costs its share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from laurel.adapters.dvc.bytefiles import md5_of
from laurel.adapters.dvc.faults import code_of, worded
from laurel.adapters.dvc.remote import check_md5, is_old, missing_object

MISSING = {"404", "NoSuchKey", "NotFound"}
_CONNECTION = Config(
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=32,
    retries={"mode": "standard"},
)
_PARTS = TransferConfig(
    multipart_threshold=64 << 20, multipart_chunksize=64 << 20, max_concurrency=4
)


class BucketRemote:
    """A remote in an S3 bucket; credentials come from the usual chain, and stay there."""

    threads = 16

    def __init__(self, url: str, *, endpoint: str | None) -> None:
        self.url = url
        self._endpoint = endpoint
        self._bucket, _, self._prefix = url.removeprefix("s3://").partition("/")
        self._opened: tuple[int, Any] | None = None

    def size(self, key: str) -> int | None:
        with worded("look into the remote", self._place(key)):
            try:
                return int(self._s3.head_object(**self._where(key))["ContentLength"])
            except ClientError as error:
                if code_of(error) in MISSING:
                    return None
                raise

    def send(self, source: Path, key: str, *, md5: str) -> None:
        with worded("write to the remote", self._place(key)):
            check_md5(md5_of(source), expected=md5, place=str(source))
            where = self._where(key)
            self._s3.upload_file(str(source), where["Bucket"], where["Key"], Config=_PARTS)

    def write(self, data: bytes, key: str) -> None:
        with worded("write to the remote", self._place(key)):
            self._s3.put_object(**self._where(key), Body=data)

    def freshen(self, key: str) -> None:
        where = self._where(key)
        with worded("write to the remote", self._place(key)):
            written = self._s3.head_object(**where)["LastModified"]
            if is_old(written):
                # S3 has no other way: a copy onto itself, which must change something.
                extra = {
                    "MetadataDirective": "REPLACE",
                    "Metadata": {"laurel-needed": f"after {written.isoformat()}"},
                }
                self._s3.copy(where, where["Bucket"], where["Key"], ExtraArgs=extra, Config=_PARTS)

    def receive(self, key: str, target: Path) -> None:
        with worded("read from the remote", self._place(key)):
            where = self._where(key)
            try:
                self._s3.download_file(where["Bucket"], where["Key"], str(target), Config=_PARTS)
            except ClientError as error:
                if code_of(error) in MISSING:
                    raise missing_object(key.rpartition("/")[2], self._place(key)) from None
                raise

    def names(self, prefix: str) -> list[str]:
        full = self._where(prefix)["Key"]
        with worded("look into the remote", self._place(prefix)):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=full
            )
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return sorted(key[len(full) :] for key in keys)

    def _where(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._prefix}/{key}"}

    def _place(self, key: str) -> str:
        return f"{self.url}/{key}"

    @property
    def _s3(self) -> Any:
        """A client of this process: connections must not be shared with a parent that forked."""
        if self._opened is None or self._opened[0] != os.getpid():
            client = boto3.session.Session().client(
                "s3", endpoint_url=self._endpoint, config=_CONNECTION
            )
            self._opened = os.getpid(), client
        return self._opened[1]
