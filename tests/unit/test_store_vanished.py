"""A store that this machine has used before, and that is gone or empty now."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from laurel.adapters.records import Ledger
from laurel.adapters.store import open_store
from laurel.errors import StoreFault
from laurel.runs.site import open_site
from laurel.settings import Settings
from support.servers import S3Server, settings_on, use_credentials


def root(settings: Settings) -> Path:
    return Path(settings.store.removeprefix("file://"))


def test_a_store_whose_folder_is_gone_is_a_fault_and_never_a_store_without_champion(
    settings: Settings,
) -> None:
    open_site(settings)
    moved = root(settings).rename(root(settings).with_name("unmounted"))
    for attempt in (open_site, lambda asked: Ledger(open_store(asked), "flights").read()):
        with pytest.raises(StoreFault, match="is the disk mounted"):
            attempt(settings)
    assert not root(settings).exists()

    moved.rename(root(settings))
    open_site(settings)


def test_a_mount_point_without_its_disk_is_a_fault(settings: Settings) -> None:
    open_site(settings)
    shutil.rmtree(root(settings))
    root(settings).mkdir()
    with pytest.raises(StoreFault, match="used from this machine before"):
        open_site(settings)
    assert list(root(settings).iterdir()) == []


def test_another_store_of_the_same_machine_may_be_new(settings: Settings) -> None:
    open_site(settings)
    open_site(replace(settings, store=f"{settings.store}-other"))


def test_a_home_that_cannot_be_written_keeps_nobody_from_reading(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.home.parent.mkdir(parents=True, exist_ok=True)
    settings.home.write_text("a file in its place")
    open_site(settings)
    assert "will not be noticed" in caplog.text


@pytest.mark.slow
def test_a_prefix_that_lost_its_claim_is_a_fault(
    settings: Settings, seaweedfs: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_credentials(seaweedfs, monkeypatch)
    used = settings_on(seaweedfs, settings)
    open_site(used)
    import boto3

    bucket, _, prefix = used.store.removeprefix("s3://").partition("/")
    client = boto3.session.Session().client("s3", endpoint_url=used.s3_endpoint)
    client.delete_object(Bucket=bucket, Key=f"{prefix}/scheduler.json")
    with pytest.raises(StoreFault, match="used from this machine before"):
        open_site(used)
