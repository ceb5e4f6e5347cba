"""Reproduce: the same bytes from a fresh clone, and what differs is named by its first cause."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
import yaml

from laurel.adapters.documents import read_json
from laurel.adapters.dvc import Workspace
from laurel.adapters.environment import installed_versions
from laurel.adapters.records import find_bundle, write_environment
from laurel.adapters.tables import read_table, write_table
from laurel.domain.bundle import Bundle, Environment
from laurel.domain.canonical import canonical_json
from laurel.errors import LaurelError, NotFound, Refused
from laurel.runs import reproduce as module
from laurel.runs.named import KINDS, find_run
from laurel.runs.outputs import Compared
from laurel.runs.reproduce import Options, Reproduction, reproduce
from laurel.runs.site import look_at_site
from support.runs import Home, running_from
from support.servers import S3Server, settings_on, use_credentials

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_checkout")]


def bundle_of(home: Home, number: int = 0) -> Bundle:
    found = find_bundle(home.site.store, "toy", "train", home.trained[number].run)
    assert found is not None
    return found


def with_files(bundle: Bundle, **texts: str) -> Bundle:
    """The bundle with other texts in it; a path's last part names it, a dot written as ``_``."""
    names = {name.rpartition("/")[2].replace(".", "_"): name for name in bundle.files}
    changed = {names[short]: text for short, text in texts.items()}
    return bundle.model_copy(update={"files": {**bundle.files, **changed}})


def with_input(home: Home, bundle: Bundle, dataset: str, tables: dict[str, pd.DataFrame]) -> Bundle:
    """The bundle over a window in which some partitions of a dataset hold other rows."""
    folder = home.folder / "tampered"
    plane = home.site.plane
    document: dict[str, Any] = yaml.safe_load(bundle.files[f"data/toy/inputs/{dataset}.dvc"])
    before = plane.tree(document["outs"][0]["md5"])
    for day, frame in tables.items():
        write_table(frame, folder / f"{day}.parquet")
    put = plane.put({f"{day}.parquet": folder / f"{day}.parquet" for day in tables})
    files = before | put
    Workspace(folder, home.settings).track(dataset, files)
    pointer = (folder / f"{dataset}.dvc").read_text()
    window = yaml.safe_load(bundle.files["data/toy/window.json"])
    for line in window["datasets"][dataset]:
        line["md5"] = files[f"{line['partition']}.parquet"].md5
    texts = {f"{dataset}_dvc": pointer, "window_json": canonical_json(window).decode()}
    return with_files(bundle, **texts)


def partition(home: Home, dataset: str, day: str) -> pd.DataFrame:
    revision = home.site.catalog(home.usecase, dataset).read().revisions[day][0]
    file = home.folder / "looked-at" / f"{revision.md5}.parquet"
    home.site.plane.place({file: revision.md5})
    return read_table(file)


def differing(found: Reproduction) -> list[str]:
    return [
        output.path.removeprefix("data/toy/") for output in found.outputs if not output.identical
    ]


def test_a_run_is_reproduced_from_s3_in_another_folder_with_other_threads(
    prepared: Home,
    own_checkout: Path,
    seaweedfs: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a champion among its inputs, an empty cache, and a use case nobody has installed."""
    use_credentials(seaweedfs, monkeypatch)
    settings = replace(
        settings_on(seaweedfs, prepared.settings),
        home=tmp_path / "home",
        cache=tmp_path / "cache",
        usecase_folders=(),
    )
    upload(prepared.folder / "store", settings.store, seaweedfs)
    site, folder = look_at_site(settings), tmp_path / "again"
    bundle = find_run(site.store, "champion")
    before = sorted(site.store.keys(""))

    found = reproduce(site, bundle, Options(folder=folder, threads=3))

    assert found.verdict == "identical"
    assert found.exit_code == 0
    assert found.differences == ()
    assert found.run == prepared.trained[1].run
    assert [output.path for output in found.outputs] == sorted(bundle.outputs)
    assert {"data/toy/evidence", "data/toy/model", "data/toy/plots"} <= set(bundle.outputs)
    assert found.text().startswith(f"{bundle.model_version} (run {found.run}): reproduced: iden")
    assert (folder / ".git").is_dir()
    assert (folder / "include" / "usecases" / "toy" / "features.py").is_file()
    made = read_json(folder / "data" / "toy" / "inputs" / "champion" / "champion.json")
    assert made["model_version"] == prepared.trained[0].model_version
    assert seaweedfs.secret_key not in (folder / ".dvc" / "config").read_text()
    assert [*(settings.home / "workspaces").iterdir()] == []
    assert sorted(site.store.keys("")) == before
    with pytest.raises(Refused, match="in a folder of its own"):
        reproduce(site, bundle, Options(folder=folder))


def upload(folder: Path, url: str, server: S3Server) -> None:
    """Copy a store in a folder to a server, key by key."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    client = boto3.client("s3", endpoint_url=server.endpoint)
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(
            lambda f: client.upload_file(str(f), bucket, f"{prefix}/{f.relative_to(folder)}"),
            files,
        ):
            pass


def test_predictions_are_computed_again_from_what_their_bundle_names(copied: Home) -> None:
    run = copied.keys("runs/toy/score/")[0].split("/")[3]
    bundle = find_run(copied.site.store, run, kinds=KINDS)

    found = reproduce(copied.site, bundle)

    assert found.verdict == "identical"
    (output,) = found.outputs
    assert output.path == f"predictions/{bundle.partitions[0]}.parquet"
    assert output.expected == copied.predictions_of(bundle.partitions[0])[0].md5


def test_a_report_is_not_made_again_and_it_is_said_what_stands_for_it(prepared: Home) -> None:
    run = prepared.keys("runs/toy/monitor/")[0].split("/")[3]
    bundle = find_run(prepared.site.store, run, kinds=KINDS)

    with pytest.raises(Refused, match="a run of kind monitor is not made again") as raised:
        reproduce(prepared.site, bundle)

    assert "laurel audit verify" in (raised.value.hint or "")


def test_a_run_that_left_no_bundle_is_told_as_such(copied: Home) -> None:
    """As a training of which a stage failed; an ingestion has none either."""
    copied.site.store.create("runs/toy/train/00ff00ff00ff00ff/failed/0.log", b"it failed")
    ingested = copied.keys("runs/toy/ingest/")[0].split("/")[3]

    for run in ("00ff00ff00ff00ff", "00ff", ingested):
        with pytest.raises(NotFound, match="has no bundle: it failed, or it is not done"):
            find_run(copied.site.store, run, kinds=KINDS)


def test_other_rows_and_another_order_are_named_partition_by_partition(copied: Home) -> None:
    order, values = "2024-01-15", "2024-01-20"
    shuffled = partition(copied, "returns", order).iloc[::-1].reset_index(drop=True)
    other = partition(copied, "returns", values)
    other["refund"] = other["refund"] + 1
    tampered = with_input(copied, bundle_of(copied), "returns", {order: shuffled, values: other})

    found = reproduce(copied.site, tampered)

    assert not found.reproduced
    assert "snapshot" in differing(found)
    first, second, *rest = found.differences
    start = f"input returns, partition {order}: the same rows in another order (md5 "
    assert first.startswith(start)
    assert second.startswith(f"input returns, partition {values}: other values of refund (md5 ")
    assert found.first_difference == first
    assert f"first difference: {start}" in found.text()
    assert "NOT reproduced" in found.text()
    assert all("returns" in text or "window.json" in text for text in rest), rest


def test_a_changed_parameter_is_named_though_there_is_no_commit(copied: Home) -> None:
    """As from an installed wheel, whose package is laid where the checkout would have it."""
    bundle = bundle_of(copied)
    text = bundle.files["params.yaml"]
    assert text.count("max_depth: 3") == 1
    changed = with_files(bundle, params_yaml=text.replace("max_depth: 3", "max_depth: 4"))
    code = bundle.code.model_copy(update={"commit": None})

    found = reproduce(copied.site, changed.model_copy(update={"code": code}))

    assert differing(found) == [
        "evidence",
        "explanation",
        "metrics.json",
        "model",
        "plots",
        "verdict.json",
    ]
    assert found.verdict == "different"
    assert found.exit_code == 1
    assert found.first_difference == "parameter toy.training.model.params.max_depth was 3, is 4"
    assert found.differences == (found.first_difference,)


def test_a_damaged_object_ends_the_reproduction_by_name(copied: Home) -> None:
    """Its md5 is checked before any stage runs."""
    line = bundle_of(copied).inputs["datasets"]["visits"][0]
    file = copied.folder / "store" / "dvc" / "files" / "md5" / line["md5"][:2] / line["md5"][2:]
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")

    with pytest.raises(LaurelError, match="not what their name says") as raised:
        reproduce(copied.site, bundle_of(copied))

    assert line["md5"] in str(raised.value)
    assert raised.value.usecase == "toy"


def test_a_window_that_names_other_bytes_than_it_holds_is_refused(copied: Home) -> None:
    bundle = bundle_of(copied)
    frame = partition(copied, "visits", "2024-01-20").assign(items=1)
    tampered = with_input(copied, bundle, "visits", {"2024-01-20": frame})
    window = bundle.files["data/toy/window.json"]

    with pytest.raises(LaurelError) as raised:
        reproduce(copied.site, with_files(tampered, window_json=window))

    assert "toy_assemble" in raised.value.fact
    assert "bytes are not those that window.json names" in raised.value.fact
    assert "partition 2024-01-20" in str(raised.value)


def environment_of(home: Home, **changes: str) -> Environment:
    """This environment as a run would name it, with other versions of packages in it."""
    before = dict(line.split("==", 1) for line in installed_versions())
    lines = [f"{name}=={version}" for name, version in sorted({**before, **changes}.items())]
    packages = write_environment(home.site.store, lines)
    return bundle_of(home).environment.model_copy(update={"packages": packages})


def test_a_changed_dependency_is_named(copied: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages are not run: what they would give is made up, the notes are not."""
    installed = dict(line.split("==", 1) for line in installed_versions())
    environment = environment_of(copied, **{"xgboost-cpu": "1.7.6"})
    bundle = bundle_of(copied).model_copy(update={"environment": environment})
    made = (Compared("data/toy/model", "a", "b"),)
    monkeypatch.setattr(module, "_again", lambda *_: (made, ()))

    found = reproduce(copied.site, bundle)

    expected = f"dependency: xgboost-cpu 1.7.6 became {installed['xgboost-cpu']}"
    assert found.first_difference == expected
    assert found.differences == (expected,)
    assert f"first difference: {expected}" in found.text()


def test_an_environment_that_is_not_recorded_is_said_to_be_unknown(
    copied: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = bundle_of(copied).environment.model_copy(
        update={"packages": "0" * 64, "python": "3.10.0", "libc": "musl 1.2"}
    )
    bundle = bundle_of(copied).model_copy(update={"environment": environment})
    monkeypatch.setattr(module, "_again", lambda *_: ((), ()))

    found = reproduce(copied.site, bundle)

    assert not found.reproduced
    python, libc, packages = found.differences
    assert python.startswith("environment: python 3.10.0 in the run, ")
    assert libc.startswith("environment: libc musl 1.2 in the run, ")
    assert packages.endswith("the run's list is not in the store")


def test_a_shallow_clone_reproduces_its_own_commit_and_names_another(
    copied: Home, own_checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A continuous integration's checkout holds one commit."""
    shallow, bundle = tmp_path / "shallow", bundle_of(copied)
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{own_checkout}", str(shallow)], check=True
    )
    code = bundle.code.model_copy(update={"commit": "0123456789" * 4})
    elsewhere = bundle.model_copy(update={"code": code})
    looked: list[bool] = []

    def look(_site: object, _bundle: object, clone: Path, _: object) -> tuple[tuple[()], tuple[()]]:
        looked.append((clone / "include" / "laurel" / "errors.py").is_file())
        return (), ()

    monkeypatch.setattr(module, "_again", look)
    with running_from(shallow):
        assert reproduce(copied.site, bundle).differences == ()
        (note,) = reproduce(copied.site, elsewhere).differences
        assert note.startswith(f"code: {code.commit} is not in this repository; the files here")
        (shallow / "include" / "laurel" / "stages" / "verdict.py").write_text("other = 1\n")
        with pytest.raises(Refused, match="the code of the run is not here") as raised:
            reproduce(copied.site, elsewhere)

    assert looked == [True, True]
    assert raised.value.expected == f"commit {code.commit}"
    assert "include/laurel/stages/verdict.py" in str(raised.value.found)


def test_a_dirty_tree_and_changed_code_are_notes(
    copied: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = bundle_of(copied)
    code = bundle.code.model_copy(update={"dirty": True})
    monkeypatch.setattr(module, "_again", lambda *_: ((), ()))

    (note,) = reproduce(copied.site, bundle.model_copy(update={"code": code})).differences

    assert note == f"code: the run was made from a dirty tree on {code.commit}"
