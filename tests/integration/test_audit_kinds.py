"""Every kind of record that a store holds: a byte flipped in it, or its loss, is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from laurel.adapters.records import RunRecords, write_bundle
from laurel.adapters.signing import fingerprint, make_key, read_public
from laurel.domain.bundle import Bundle, Code, Environment, Kind
from laurel.domain.canonical import canonical_json
from laurel.domain.journal import Head, next_entry, parse_entry
from laurel.domain.proof import Proof
from laurel.runs.proof.statement import sign_heads
from laurel.runs.proof.verify import verify
from support.runs import Home

pytestmark = pytest.mark.slow

NO_RECORDS = {
    r"probes/.+": "written when a store is opened, to see whether it refuses a second write",
    r"scheduler\.json": "says which scheduler may write, and is refused otherwise",
    r".+/observed/(\d{6}\.json|costs\.html)": "observations, outside every promise about bytes",
    r"current/.+": "copies for consumers: laurel place holds them against the catalog",
    r"profiles/.+": "a memory of what can be counted again from the rows",
    r"deliveries/.+": "when predictions went where, an observation",
    r"dvc/files/md5/00/laurel refuses .+": "the guard that makes DVC refuse its own gc",
    r"dvc/runs/.+": "DVC's memory of commands that it need not run again",
}
"""Keys that prove nothing, and why."""
KINDS = {
    r"(ledger)/toy/entries/\d{10}\.json": "entry",
    r"(catalog/toy/[\w-]+)/entries/\d{10}\.json": "entry",
    r"(run_records)/toy/entries/\d{10}\.json": "entry",
    r"(run_records)/toy/checkpoints/1/\d{10}\.json": "checkpoint",
    r"(runs/toy/\w+)/[0-9a-f]{16}/(?:.+)": "file",
    r"(reports)/toy/.+\.json": "line",
    r"(restatements)/toy/.+\.json": "line",
    r"(environments)/.+\.json": "file",
    r"(alarms)/toy/entries/\d{10}\.json": "entry",
    r"(alarms)/toy/calibrations/[0-9a-f]{64}\.json": "file",
    r"(signatures)/toy/\d{10}\.json": "file",
    r"(dvc/files)/md5/../[0-9a-f]{30}": "object",
    r"(dvc/files)/md5/../[0-9a-f]{30}\.dir": "directory object",
}
"""Keys that are records, with what tells one kind from another."""


def kind_of(key: str) -> str | None:
    """The kind of a record; a key of no kind fails, so that none is forgotten."""
    if any(re.fullmatch(pattern, key) for pattern in NO_RECORDS):
        return None
    for pattern, what in KINDS.items():
        if found := re.fullmatch(pattern, key):
            name = key.rsplit("/", 1)[1] if key.startswith("runs/") else ""
            name = re.sub(r"\w+-\d{4}-\d\d-\d\d", "data", name)
            return f"{what} of {found[1]} {name}".strip()
    raise AssertionError(f"{key} is of no known kind: say above what it is")


@pytest.fixture
def full(copied: Home) -> Home:
    """A store that holds a record of every kind."""
    store = copied.site.store
    for kind in ("restate", "examine", "shadow", "probation"):
        write_run(copied, kind)
    store.create(
        "restatements/toy/00112233aaaa0000.json",
        canonical_json(
            {
                "run": "00112233aaaa0000",
                "sentence": "nothing flips",
                "page": "runs/toy/restate/00112233aaaa0000/restatement.html",
            }
        ),
    )
    for number in range(100):
        store.create(f"runs/toy/ingest/{number:016x}/validation/visits-2024-01-01.html", b"fine")
        RunRecords(store, "toy").enter("ingest", f"{number:016x}")
    make_key(copied.folder / "key", copied.folder / "key.pub")
    sign_heads(copied.site, "toy", copied.folder / "key")
    return copied


def write_run(home: Home, kind: Kind) -> None:
    run = "00112233aaaa0000" if kind == "restate" else "00112233bbbb0000"
    name = {"restate": "restatement", "examine": "examination"}.get(kind)
    made = Bundle(
        id=run,
        kind=kind,
        usecase="toy",
        code=Code(dirty=False, version="1"),
        environment=Environment(python="3.11", packages="p", machine="m", libc="l"),
    )
    store = home.site.store
    if name is not None:
        store.create(f"{made.prefix}/{name}.html", b"<p>fine</p>")
        store.create(f"{made.prefix}/{name}.json", b'{"sentence":"nothing flips"}')
    write_bundle(store, made)


def proved(home: Home, **words: object) -> Proof:
    public = read_public(home.folder / "key.pub")
    return verify(home.site, "toy", keys={fingerprint(public): public}, **words)  # type: ignore[arg-type]


def one_of_each(home: Home) -> Mapping[str, str]:
    """A key of every kind: the last, so that journals keep their beginning."""
    found = {}
    for key in home.keys():  # noqa: SIM118 - a home is no mapping
        kind = kind_of(key)
        if kind is not None:
            found[kind] = key
    return found


def change(home: Home, key: str, how: Callable[[bytes], bytes]) -> bytes:
    path = home.folder / "store" / key
    kept = path.read_bytes()
    path.unlink()  # a copy may share its bytes with the original
    path.write_bytes(how(kept))
    return kept


def flipped(data: bytes) -> bytes:
    spot = len(data) // 2
    return data[:spot] + bytes([data[spot] ^ 1]) + data[spot + 1 :]


def tells(key: str) -> str:
    """What a finding about a record has in it; a journal of one entry is gone without it."""
    entry = re.fullmatch(r"(.+)/entries/(0*)(\d+)\.json", key)
    if entry:
        return f"{re.escape(entry[1])}(, entr|: the journal is gone)"
    return re.escape(_named(key))


def _named(key: str) -> str:
    if key.startswith("dvc/files/md5/"):
        return "".join(key.split("/")[-2:])
    return key


def test_the_store_holds_every_kind_of_run_and_is_proved(full: Home) -> None:
    kinds = one_of_each(full)
    bundles = {kind.split()[2] for kind in kinds if "bundle.json" in kind}

    assert bundles == {
        f"runs/toy/{kind}"
        for kind in ("train", "score", "shadow", "probation", "monitor", "restate", "examine")
    }
    assert len(kinds) > 25
    proof = proved(full)
    assert proof.sound, [finding.text() for finding in proof.findings]
    assert not [remark for remark in proof.remarks if "no entry" in remark]
    assert all(chain.proved == chain.entries for chain in proof.chains), "signed"


@pytest.mark.parametrize("objects", [False, True], ids=["records", "objects"])
@pytest.mark.parametrize("loss", [False, True], ids=["flipped", "lost"])
def test_a_byte_or_a_whole_record_of_every_kind_is_missed(
    full: Home, loss: bool, objects: bool
) -> None:
    """Objects by themselves: what names them must be there for them to be missed."""
    # what only makes reading faster, or says once more what is proved elsewhere, may be lost
    spared = ("checkpoint", "line", "file of signatures", "file of environments") if loss else ()
    kinds = {
        kind: key
        for kind, key in one_of_each(full).items()
        if not kind.startswith(spared) and ("object of" in kind) is objects
    }
    assert kinds
    for key in kinds.values():
        if loss:
            (full.folder / "store" / key).unlink()
        else:
            change(full, key, flipped)

    proof = proved(full)

    said = [finding.text() for finding in proof.findings]
    for kind, key in kinds.items():
        assert any(re.search(tells(key), line) for line in said), (kind, key, said)


def test_entries_of_every_journal_that_changed_places_or_were_put_in_are_named(full: Home) -> None:
    entries = {kind: key for kind, key in one_of_each(full).items() if kind.startswith("entry")}
    assert len(entries) == 6
    for key in entries.values():
        path = full.folder / "store" / key
        old = parse_entry(path.read_bytes(), key=key)
        forged = next_entry(Head(old.number - 1, old.previous, None), dict(old.body), nonce="f0")
        after = path.with_name(f"{old.number + 1:010d}.json")
        after.write_bytes(path.read_bytes())
        change(full, key, lambda _, forged=forged: forged.encode())

    said = "\n".join(finding.text() for finding in proved(full).findings)

    for key in entries.values():
        prefix = key.split("/entries")[0]
        assert f"{prefix}, entry {number_of(key) + 1}: the entry stands under another" in said
        assert f"{prefix}, entries " in said, "the signature saw another entry"


def number_of(key: str) -> int:
    return int(Path(key).stem)


def test_a_file_smuggled_in_is_told_apart(full: Home) -> None:
    run = full.trained[0].run
    full.site.store.create(f"runs/toy/train/{run}/other.html", b"<p>approved</p>")
    full.site.store.create("runs/toy/score/ffffffffffffffff/bundle.json", b"{}")

    proof = proved(full)

    said = "\n".join((*proof.remarks, *(finding.text() for finding in proof.findings)))
    assert f"runs/toy/train/{run}/other.html: no entry of the journal of runs names it" in said
    assert "runs/toy/score/ffffffffffffffff/bundle.json" in said


def test_a_line_of_reports_that_says_better_than_its_report_is_named(full: Home) -> None:
    key = next(key for key in full.keys("reports/toy/"))

    def better(data: bytes) -> bytes:
        return canonical_json({**json.loads(data), "sentence": "all is well"})

    change(full, key, better)

    assert f"{key}: the line is not what its run says" in "\n".join(
        finding.text() for finding in proved(full).findings
    )


def test_all_is_proved_without_airflow(full: Home) -> None:
    """Neither its database nor its package is needed: importing it is made impossible."""
    (full.folder / "blocked" / "airflow").mkdir(parents=True)
    (full.folder / "blocked" / "airflow" / "__init__.py").write_text("raise ImportError('gone')")
    path = f"{full.folder / 'blocked'}:{full.environ.get('PYTHONPATH', '')}"

    done = full.laurel("audit", "verify", "toy", PYTHONPATH=path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything that was checked holds" in done.stdout
