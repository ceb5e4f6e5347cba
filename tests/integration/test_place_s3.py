"""The stable place of predictions in a bucket of a real server."""

from __future__ import annotations

import io
import json
from pathlib import Path

import boto3
import pandas as pd
import pytest

from laurel.adapters.sinks.contract import Delivery, Held
from laurel.adapters.sinks.s3 import BucketPlace
from laurel.adapters.sources.connections import EnvironmentConnections
from laurel.adapters.tables import content_hash, write_table
from laurel.domain.config.sink import S3Sink
from support.servers import S3Server, use_credentials

pytestmark = pytest.mark.slow
DAY, OTHER = "2024-02-13", "2024-02-14"


def delivery(folder: Path, day: str, *, revision: int) -> Delivery:
    frame = pd.DataFrame({"score": [float(revision)] * 3})
    file = folder / f"{day}-{revision}.parquet"
    write_table(frame, file)
    return Delivery(day, revision, content_hash(frame), len(frame), file)


def give(place: BucketPlace, given: Delivery) -> None:
    place.deliver(given.partition, lambda: given)
    place.note("_current.json", lambda: json.dumps(given.revision).encode())


def test_a_place_in_a_bucket_says_what_it_holds_and_its_list_is_replaced(
    seaweedfs: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_credentials(seaweedfs, monkeypatch)
    config = S3Sink(kind="s3", path=f"{seaweedfs.fresh_url()}/current/toy/predictions")
    place = BucketPlace(config, endpoint=seaweedfs.endpoint, connections=EnvironmentConnections())
    assert place.held() == place.held([DAY]) == {}
    for day, revision in ((DAY, 1), (OTHER, 1), (DAY, 2)):
        give(place, delivery(tmp_path, day, revision=revision))
    first, second = (delivery(tmp_path, DAY, revision=number) for number in (1, 2))
    assert place.held() == {
        DAY: Held("2", second.content_hash),
        OTHER: Held("1", first.content_hash),
    }
    assert place.held([OTHER]) == {OTHER: Held("1", first.content_hash)}
    client = boto3.client("s3", endpoint_url=seaweedfs.endpoint)
    bucket, _, prefix = config.path.removeprefix("s3://").partition("/")
    read = {
        name: client.get_object(Bucket=bucket, Key=f"{prefix}/{name}")["Body"].read()
        for name in ("_current.json", f"partition={DAY}/predictions.parquet")
    }
    assert json.loads(read["_current.json"]) == 2
    table = pd.read_parquet(io.BytesIO(read[f"partition={DAY}/predictions.parquet"]))
    assert table["score"].tolist() == [2.0] * 3
