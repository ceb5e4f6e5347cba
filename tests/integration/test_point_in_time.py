"""Poison: what became known after as_of is in the store, and no byte of a training shows it.

The same 60 days as in every other home, but with rows, labels and corrections of impossible values
that became known one second after as_of or later: in the history, in every part of the window, at
its edges, and behind it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from laurel.adapters.frames import read_frame
from laurel.adapters.records import read_bundle
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import instant
from laurel.domain.history import PARTITION
from laurel.domain.partition import Partition
from laurel.runs.audit import audit_store
from laurel.runs.gc import collect_garbage, plan_gc
from laurel.runs.impact import impact
from laurel.runs.inputs import choose_inputs, lay_model, load_given
from laurel.runs.proof.verify import verify
from laurel.runs.reproduce import reproduce
from laurel.runs.workspace import lay_inputs
from laurel.stages.assemble import assemble
from laurel.stages.featurize import featurize
from laurel.stages.score import score
from laurel.stages.snapshot import Snapshot, snapshot
from support.runs import AS_OFS, DATASETS, NAME, Home, open_home, running_from

pytestmark = pytest.mark.slow

AS_OF = AS_OFS[0]
"""Hold-out 4 to 10 February, validation 29 January to 2 February, train 8 to 28 January."""
CORRECTED = AS_OF + timedelta(seconds=1)
RESTATED = (
    "2024-01-03",  # history
    "2024-01-08",  # the first train day
    "2024-01-20",
    "2024-01-28",  # the last one
    "2024-01-31",  # validation
    "2024-02-03",  # embargo
    "2024-02-04",  # the first hold-out day
    "2024-02-10",  # the last one
    "2024-02-11",  # its labels
)
BEHIND = ("2024-02-12", "2024-02-13", "2024-02-15")
AMOUNT, LEVEL, REFUND = 1999.0, 7.875, 98_765.0
"""The source never gives these; suites let them through, so that nothing else keeps them out."""

CORRECTIONS = f'''

_state = state


def state(dataset: str, day: date, options: Mapping[str, str]) -> object:
    """As before; a file beside an override says that the source dates its correction."""
    said = _state(dataset, day, options)
    note = Path(__file__).parent / "overrides" / dataset / f"{{day}}.corrected"
    return (said, datetime.fromisoformat({instant(CORRECTED)!r})) if note.exists() else said
'''


def plant(home: Home, dataset: str, day: str, *, dated: bool = True) -> None:
    """Let the source give impossible values for a day."""
    frame = home.source(dataset, day)
    if dataset == "visits":
        frame["amount"] = AMOUNT
    elif dataset == "climate":
        frame["level"] = LEVEL
    else:
        frame["returned"], frame["refund"] = 1 - frame["returned"], REFUND
    file = home.override(dataset, day)
    frame.to_parquet(file)
    if dated:
        file.with_suffix(".corrected").touch()


def late_labels(home: Home, day: str, *, about: tuple[str, ...]) -> None:
    """Let labels of earlier days arrive once more, turned round, among those of a day."""
    own = home.source("returns", day)
    others = pd.concat([home.source("returns", each) for each in about])
    arrived = pd.Timestamp(Partition.of(day).start + timedelta(hours=1)).as_unit("us")
    turned = others.assign(arrived=arrived, returned=1 - others["returned"], refund=REFUND)
    whole = pd.concat([own, turned], ignore_index=True)
    whole["arrived"] = whole["arrived"].astype(own["arrived"].dtype)
    whole.to_parquet(home.override("returns", day))


@pytest.fixture(scope="module")
def poisoned(source_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Everything ingested, and poison in it before any training ran."""
    with running_from(source_checkout):
        home = open_home(tmp_path_factory.mktemp("poisoned"))
        source = home.usecase.folder / "source.py"
        source.write_text(source.read_text() + CORRECTIONS)
        late_labels(home, BEHIND[0], about=("2024-01-09", "2024-01-20", "2024-02-01"))
        late_labels(home, BEHIND[1], about=("2024-01-21", "2024-02-05", "2024-02-11"))
        for dataset in ("visits", "climate"):
            for day in BEHIND:
                plant(home, dataset, day, dated=False)
        for dataset in DATASETS:
            home.ingest(dataset)
        for dataset in DATASETS:
            days = [day for day in RESTATED if (dataset, day) != ("returns", "2024-01-01")]
            for day in days:
                plant(home, dataset, day)
            assert home.ingest(dataset).restated == tuple(days)
        home.train(AS_OF)
        return home


@pytest.fixture
def at_home(poisoned: Home, own_checkout: Path) -> Home:
    """The poisoned home, its package taken from the checkout."""
    return poisoned


def bundle_of(home: Home) -> Bundle:
    return read_bundle(home.site.store, NAME, "train", run=home.trained[0].run)


def chosen(home: Home, *, number: int) -> Snapshot:
    catalogs = {name: home.site.catalog(home.usecase, name) for name in DATASETS}
    return snapshot(home.usecase, catalogs, as_of=AS_OFS[number])


def frame_of(home: Home, folder: Path, *, number: int) -> pd.DataFrame:
    """The frame of a training, made by its stages."""
    folder.mkdir()
    nobody = {"model_version": None, "run": None, "files": {}}
    lay_inputs(
        home.site,
        home.usecase,
        chosen=chosen(home, number=number),
        champion=nobody,
        folder=folder,
    )
    assemble(home.usecase, folder)
    featurize(home.usecase, folder)
    return read_frame(folder / "data" / NAME)


def test_every_hash_of_a_training_is_that_of_a_store_without_poison(
    at_home: Home, prepared: Home
) -> None:
    """Window, inputs, snapshot, frame, model, evidence, run and verdict: all is in the bundle."""
    found, expected = bundle_of(at_home), bundle_of(prepared)

    assert found.id == expected.id
    assert found.model_version == expected.model_version
    assert found.inputs == expected.inputs
    assert found.outputs == expected.outputs
    assert {"model", "evidence", "snapshot"} <= {path.split("/")[-1] for path in found.outputs}
    assert found.verdict == expected.verdict
    assert found.files == expected.files
    assert found.encode() == expected.encode()


def test_the_poison_is_in_the_store_wherever_the_window_reaches(at_home: Home) -> None:
    """So that the test above could fail: each restated day has a second revision."""
    for dataset in DATASETS:
        state = at_home.site.catalog(at_home.usecase, dataset).read()
        for day in RESTATED:
            first, second = state.revisions[day]
            assert first.known_at <= AS_OF < second.known_at == CORRECTED
            assert state.revision(day, AS_OF) == first
            assert state.revision(day, CORRECTED) == second


def test_a_later_as_of_sees_the_poison(at_home: Home, prepared: Home, tmp_path: Path) -> None:
    later, clean = chosen(at_home, number=1), chosen(prepared, number=1)
    assert later.digest != clean.digest
    for dataset, lines in later.revisions.items():
        again = {line.partition for line in lines if line.revision == 2}
        assert again == {line.partition for line in lines} & {*RESTATED}, dataset
        assert len(again) >= 7
        # of those that some day before the correction looks back on, the first as well
        before = {each.revision.partition for each in later.superseded[dataset]}
        assert before == again, dataset
        assert {each.superseded_at for each in later.superseded[dataset]} == {CORRECTED}

    frame = frame_of(at_home, tmp_path / "later", number=1)

    assert LEVEL in set(frame["climate"])
    # features of days before the corrections were known still see none of them
    early = frame[frame[PARTITION] <= BEHIND[0]]
    assert LEVEL not in set(early["climate"])
    days = {day for day in (*RESTATED, *BEHIND) if day in set(frame[PARTITION])}
    assert len(days) >= 8
    assert set(frame.loc[frame["amount"] == AMOUNT, PARTITION]) == days
    clean_frame = frame_of(prepared, tmp_path / "clean", number=1)
    both = frame.merge(clean_frame, on="visit_id", suffixes=("", "_clean"))
    turned = set(both.loc[both["label"] != both["label_clean"], "partition"])
    # restated partitions of labels, of the day before; and labels that came again, weeks late
    assert {"2024-01-19", "2024-01-27", "2024-01-30"} <= turned
    assert {"2024-01-20", "2024-02-04"} <= turned


def test_the_same_as_of_sees_none_of_it(at_home: Home, prepared: Home, tmp_path: Path) -> None:
    frame = frame_of(at_home, tmp_path / "same", number=0)

    assert AMOUNT not in set(frame["amount"])
    assert LEVEL not in set(frame["climate"])
    pd.testing.assert_frame_equal(
        frame, frame_of(prepared, tmp_path / "clean", number=0), check_exact=True
    )


def test_poison_that_comes_after_the_training_changes_nothing_of_it(
    copied: Home, prepared: Home
) -> None:
    """Corrections without a date of their own, known from now on."""
    before = chosen(copied, number=0)
    for dataset in DATASETS:
        for day in (RESTATED[0], RESTATED[2], RESTATED[7]):
            plant(copied, dataset, day, dated=False)
        assert len(copied.ingest(dataset).restated) == 3

    assert chosen(copied, number=0).digest == before.digest
    made = copied.train(AS_OF)
    assert made.repeated
    assert made.bundle == prepared.trained[0].bundle


@pytest.mark.parametrize("restated", [False, True])
def test_a_row_has_the_features_in_training_that_it_had_when_it_was_scored(
    restated: bool, at_home: Home, prepared: Home, tmp_path: Path
) -> None:
    """Of every row with an outcome of the first, a middle, and the last days of every part.

    What was scored live stays what it was: the past of a day that was scored before a correction
    is the one that was corrected later.
    """
    home = at_home if restated else prepared
    entry = prepared.site.ledger(prepared.usecase).read().decision(AS_OF)
    assert entry is not None
    model = lay_model(prepared.site, prepared.usecase, entry=entry, folder=tmp_path / "model")
    frame = frame_of(home, tmp_path / "run", number=1)
    days = ["2024-01-15", "2024-01-22", "2024-01-29", "2024-02-05", "2024-02-09", "2024-02-11"]
    days += ["2024-02-14", "2024-02-17"]
    for day in days:
        partition = Partition.of(day)
        inputs = choose_inputs(home.site, home.usecase, partition=partition, champion=entry)
        given = load_given(home.site, home.usecase, inputs=inputs, folder=tmp_path / day)
        live = score(home.usecase, given, model=model).features
        live.insert(0, "visit_id", given.rows()["visit_id"].to_numpy())
        own = frame[frame[PARTITION] == day].reset_index(drop=True)
        if not len(own):
            continue
        live = live.set_index("visit_id").loc[own["visit_id"]].reset_index()
        names = [name for name in live.columns if not _own_row(name, day, restated=restated)]
        pd.testing.assert_frame_equal(own[names], live[names], check_exact=True)
        assert np.isfinite(own["shop_rate"]).all()


def _own_row(name: str, day: str, *, restated: bool) -> bool:
    """Whether a feature is of the row itself, which a training knows as corrected."""
    return restated and day in RESTATED and name == "amount"


def test_a_training_that_looks_back_on_superseded_revisions_is_as_accountable_as_any(
    at_home: Home, tmp_path: Path
) -> None:
    """Repeated, decided, proved, traced, kept from deletion, and made again to the byte."""
    home = at_home.copy(tmp_path)
    home.decide(home.trained[0].run)
    made = home.train(AS_OFS[1])
    home.decide(made.run)
    bundle = read_bundle(home.site.store, NAME, "train", run=made.run)

    before = bundle.inputs["superseded"]
    counted = {name: len(lines) for name, lines in before.items()}
    assert counted == {"climate": 8, "returns": 7, "visits": 8}
    assert home.train(AS_OFS[1]).repeated
    proof = verify(home.site, NAME)
    assert (proof.findings, proof.remarks) == ((), ())
    # all of the store is old, and what no record names may go
    later = datetime.now(UTC) + timedelta(days=30)
    collect_garbage(home.site, plan_gc(home.site, now=later), by="tests", now=later)
    assert audit_store(home.site, hashed=1.0).damages == ()
    day = [Partition.of("2024-01-20")]
    first = impact(home.site, home.usecase, dataset="climate", partitions=day, revision=1)
    assert {item.name for item in first.of("training")} == {
        home.trained[0].model_version,
        made.model_version,
    }
    again = reproduce(home.site, bundle)
    assert again.reproduced, again.text()
