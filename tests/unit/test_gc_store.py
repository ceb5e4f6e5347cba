"""``laurel gc``: what nothing names goes, what anything names stays, whatever happened before."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from laurel.adapters.dvc import DataPlane
from laurel.adapters.dvc.inventory import objects, open_inventory
from laurel.adapters.dvc.staging import Staging
from laurel.adapters.records import Catalog
from laurel.domain.data import FileRef
from laurel.domain.retention import Sweep
from laurel.errors import Refused
from laurel.runs.audit import audit_store
from laurel.runs.gc import collect_garbage, plan_gc
from laurel.runs.marking import mark
from laurel.runs.site import open_site
from laurel.settings import Settings, load_settings
from support.publishing import USECASE, History


@pytest.fixture
def history(settings: Settings, tmp_path: Path) -> History:
    made = History(open_site(settings), tmp_path / "in")
    made.publish("visits", {"2024-01-01": b"one", "2024-01-02": b"two"})
    return made


def kinds(sweep: Sweep) -> dict[str, int]:
    return {kind: number for kind, (number, _) in sweep.counts().items()}


def sweep(history: History) -> Sweep:
    """Plan and drop; what was dropped."""
    return collect_garbage(history.site, plan_gc(history.site), by="tests").sweep


def crash(history: History) -> tuple[str, str]:
    """A publication that ended before its entry: a file and a directory object nobody names."""
    (ref,) = history.put({"lost": b"lost"}).values()
    tree = Catalog(history.site.store, USECASE, "visits").read().tree
    grown = history.site.plane.merge(tree, {"2024-01-03.parquet": ref})
    return ref.md5, grown.md5


def test_what_a_crash_left_goes_once_it_is_old_and_not_before(history: History) -> None:
    lost = crash(history)
    assert plan_gc(history.site).leftovers == ()
    assert plan_gc(history.site).young == 2

    history.age(8)
    planned = plan_gc(history.site)
    assert kinds(planned) == {"directory objects": 1, "objects": 1, "cache of this machine": 2}
    assert history.site.plane.missing(lost) == ()

    assert sweep(history).leftovers == planned.leftovers
    assert set(history.site.plane.missing(lost)) == set(lost)
    assert not any(history.cached(md5).exists() for md5 in lost)
    assert audit_store(history.site, hashed=1.0).damages == ()
    assert plan_gc(history.site).leftovers == ()


def test_shards_that_nobody_published_go_once_they_are_old_and_leave_no_folder(
    history: History, tmp_path: Path
) -> None:
    file = tmp_path / "shard"
    file.write_bytes(b"rows")
    kept, ended = (Staging(history.site.settings, f"score/shop/{run}") for run in ("one", "two"))
    ended.put("0-9/predictions.parquet", file)
    ended.write("0-9/done.json", b"{}")
    assert kinds(plan_gc(history.site)) == {}

    history.age(8)
    kept.write("plan.json", b"{}")
    assert kinds(sweep(history)) == {"staged shards": 2}
    assert (ended.read("0-9/done.json"), kept.read("plan.json")) == (None, b"{}")
    root = Path(history.site.settings.store.removeprefix("file://")) / "dvc/staging/score/shop"
    assert [path.name for path in root.iterdir()] == ["one"]


def test_what_was_dropped_is_recorded_with_who_and_when(history: History) -> None:
    crash(history)
    history.age(8)
    done = collect_garbage(history.site, plan_gc(history.site), by="ada")

    assert done.record is not None
    said = json.loads(history.site.store.read(done.record))
    assert said["by"] == "ada"
    assert said["at"]
    assert len(said["leftovers"]) == len(done.sweep.leftovers) == 4
    assert collect_garbage(history.site, plan_gc(history.site), by="ada").record is None


def test_an_old_leftover_that_a_run_needs_again_counts_as_new(history: History) -> None:
    """Else it could be dropped between the push of the run and the entry that names it."""
    lost = crash(history)
    history.age(8)

    again = crash(history)

    assert again == lost
    assert plan_gc(history.site).young == 2
    assert kinds(plan_gc(history.site)) == {}


def test_what_is_named_or_needed_after_planning_is_not_dropped(history: History) -> None:
    lost, _ = crash(history)
    history.age(8)
    planned = plan_gc(history.site)
    history.publish("visits", {"2024-01-03": b"lost"})

    collect_garbage(history.site, planned, by="tests")

    assert history.site.plane.has(lost)
    assert audit_store(history.site, hashed=1.0).damages == ()


def test_the_records_are_read_again_before_anything_is_dropped(history: History) -> None:
    lost, tree = crash(history)
    history.age(8)
    planned = plan_gc(history.site)
    history.site.store.create("novel/record.json", f'{{"object":"{lost}"}}'.encode())

    collect_garbage(history.site, planned, by="tests")

    assert history.site.plane.missing([lost, tree]) == (tree,)


def test_what_any_record_mentions_stays_though_nobody_knows_its_form(history: History) -> None:
    first, second = crash(history)
    history.site.store.create("novel/record.json", f'{{"object":"{second}"}}'.encode())
    history.age(8)

    assert plan_gc(history.site).leftovers == ()
    assert history.site.plane.missing([first, second]) == ()


def test_members_of_a_young_directory_stay(history: History) -> None:
    (ref,) = history.put({"a": b"alpha"}).values()
    history.age(8)
    history.site.plane.merge(None, {"a": FileRef(ref.md5, 5)})

    assert plan_gc(history.site).leftovers == ()


@pytest.mark.parametrize("what", ["catalog/shop/visits/entries/", "dvc/"])
def test_nothing_is_dropped_where_a_record_or_its_directory_cannot_be_read(
    history: History, what: str
) -> None:
    window = {"2024-01-01.parquet": FileRef("9" * 32, 0)}
    history.train("1a2b3c4d5e6f7081", {"model": b"trees"}, window)
    lost = crash(history)
    history.age(8)
    root = Path(history.site.store.url.removeprefix("file://"))
    if what == "dvc/":
        (bundle,) = history.site.store.keys("runs/shop/train/1a2b3c4d5e6f7081/bundle")
        outputs = json.loads(history.site.store.read(bundle))["outputs"]
        history.stored(outputs["data/shop/model"]["md5"]).unlink()
    else:
        (key,) = history.site.store.keys(what)
        (root / key).chmod(0o644)
        (root / key).write_bytes(b"{}")

    with pytest.raises(Refused, match="nothing was dropped"):
        plan_gc(history.site)

    assert history.site.plane.missing(lost) == ()


def test_a_run_may_still_be_about_to_name_what_is_younger_than_two_days(history: History) -> None:
    with pytest.raises(Refused, match="so young"):
        plan_gc(history.site, keep_days=1)


def test_workspaces_of_killed_runs_go_and_those_of_living_ones_stay(history: History) -> None:
    root = history.site.settings.home / "workspaces"
    (root / "killed" / "data").mkdir(parents=True)
    (root / "killed" / "data" / "rows").write_bytes(b"rows")
    (root / "reproduced-1a2b").mkdir()
    with history.site.workspace() as living:
        history.age(8)
        planned = plan_gc(history.site)
        assert [item.key for item in planned.leftovers] == ["workspaces/killed"]
        sweep(history)
        assert living.is_dir()
    assert [path.name for path in history.workspaces()] == ["reproduced-1a2b"]


def test_a_workspace_is_locked_as_long_as_its_run_lives(history: History) -> None:
    with history.site.workspace() as folder:
        handle = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)


def test_run_cache_entries_go_with_their_outputs(history: History) -> None:
    named = history.site.plane.put({"a": history.folder / "2024-01-01"})["a"].md5
    remote = Path(history.site.plane.remote.url)
    for name, md5 in (("kept", named), ("stale", "7" * 32)):
        (remote / "runs/ab/abcd").mkdir(parents=True, exist_ok=True)
        (remote / f"runs/ab/abcd/{name}").write_text(f"outs: [{{path: x, md5: '{md5}'}}]")
    history.age(8)

    dropped = sweep(history).leftovers

    assert [(item.kind, item.key) for item in dropped] == [
        ("run cache entries", "runs/ab/abcd/stale")
    ]
    assert [path.name for path in (remote / "runs/ab/abcd").iterdir()] == ["kept"]


def test_writes_that_were_cut_off_go(history: History) -> None:
    store = Path(history.site.store.url.removeprefix("file://"))
    for folder in (store / ".aside", store / "dvc/.aside", history.site.settings.cache / ".aside"):
        folder.mkdir(exist_ok=True)
        (folder / "half").write_bytes(b"half")
        os.utime(folder / "half", (0, 0))

    assert kinds(sweep(history)) == {"unfinished writes": 3}
    assert list(store.rglob("half")) == []


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "lost file", "lost directory", "train", "old", "collect"]),
        st.sampled_from(["visits", "returns"]),
        st.integers(1, 4),
        st.integers(0, 3),
    ),
    min_size=3,
    max_size=14,
)


@pytest.mark.slow
@given(events=EVENTS)
@rules(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
def test_whatever_happened_nothing_that_a_record_reaches_is_dropped(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, str, int, int]]
) -> None:
    """Histories of publications, restatements, trainings, crashes, ages and collections."""
    folder = tmp_path_factory.mktemp("history")
    given = {"LAUREL_HOME": str(folder / "home"), "LAUREL_STORE": f"file://{folder}/store"}
    history = History(open_site(load_settings(given)), folder / "in")
    for number, event in enumerate([*events, ("old", "", 1, 2), ("collect", "", 1, 1)]):
        happen(history, event, number)
    assert audit_store(history.site, hashed=1.0).damages == ()
    stored = objects(open_inventory(history.site.settings))
    reached = mark(history.site.store, open_inventory(history.site.settings)).named
    assert stored.keys() == reached.keys()


def happen(history: History, event: tuple[str, str, int, int], number: int) -> None:
    kind, dataset, day, content = event
    name, data = f"2024-01-{day:02}", b"%s %d %d" % (dataset.encode(), day, content)
    if kind == "publish":
        history.publish(dataset, {name: data})
    elif kind == "train":
        window = history.put({name: data})
        history.train(f"{number:016x}", {"model": data * 2}, window)
    elif kind.startswith("lost"):
        refs = history.put({name: data})
        if kind == "lost directory":
            tree = Catalog(history.site.store, USECASE, dataset).read().tree
            plane: DataPlane = history.site.plane
            plane.merge(tree, {f"{key}.parquet": ref for key, ref in refs.items()})
    elif kind == "old":
        history.age(5 * content)
    else:
        collect_garbage(history.site, plan_gc(history.site), by="tests")
        assert audit_store(history.site, hashed=1.0).damages == ()
