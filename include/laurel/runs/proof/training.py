"""Prove a decision: the entry of the ledger against its bundle, its evidence, its inputs, its code.

Everything is recomputed from bytes: nothing is believed because a record says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

import laurel
from laurel.adapters.dvc.inventory import Inventory
from laurel.adapters.dvc.listing import Listing
from laurel.adapters.dvc.remote import object_key
from laurel.adapters.environment import committed_file
from laurel.domain.bundle import Bundle, model_version, run_id
from laurel.domain.canonical import canonical_json, digest, instant, parse_instant
from laurel.domain.catalog import CatalogState
from laurel.domain.challengers import probation_of
from laurel.domain.config import Gate, UseCaseConfig
from laurel.domain.evidence import Evidence
from laurel.domain.gate import judge, promotes
from laurel.domain.ledger import LedgerEntry, LedgerState
from laurel.domain.proof import Finding
from laurel.domain.window import window_files
from laurel.errors import IntegrityError, LaurelError, NotFound
from laurel.runs.code import PACKAGE
from laurel.runs.proof.person import prove_person
from laurel.runs.site import Site

BY_THE_GATE = ("promoted", "registered", "rejected")
"""Events that follow from what the gate said."""


@dataclass(frozen=True)
class Decision:
    """An entry of the ledger with the bundle it names, and what was decided before it."""

    entry: LedgerEntry
    bundle: Bundle
    before: LedgerState

    @property
    def place(self) -> str:
        """The entry, in words."""
        return f"ledger/{self.bundle.usecase}, entry {self.entry.number}"


def prove_decision(
    site: Site, inventory: Inventory, decision: Decision, catalogs: Mapping[str, CatalogState]
) -> Iterator[Finding | str]:
    """Everything that an entry claims and that its bundle, evidence or inputs contradict.

    A text is a remark: what could not be checked here.
    """
    yield from prove_training(decision.bundle, catalogs)
    yield from _entry_against_bundle(decision)
    yield from prove_person(decision.place, decision.entry, decision.before)
    yield from _code(site, decision.bundle)
    if decision.entry.concluded is not None:
        return  # what was judged at the end of a probation is proved by itself
    try:
        document = _read_evidence(inventory, decision.bundle)
    except (LaurelError, ValueError) as error:
        yield Finding(decision.place, "the evidence cannot be read", str(error).splitlines()[0])
        return
    fault = "the bytes of the evidence are not those that were decided on"
    yield from _equal(decision.place, fault, digest(document), decision.entry.evidence)
    again = list(_judged_again(decision, document))
    if again and not _same_gate(site, decision.bundle):
        yield f"{decision.place}, by other gate code than it was decided with: {again[0].fault}"
    else:
        yield from again


def prove_training(bundle: Bundle, catalogs: Mapping[str, CatalogState]) -> Iterator[Finding]:
    """What a training's bundle claims of itself and of the catalogs, recomputed."""
    place = f"{bundle.prefix}/bundle.json"
    assert bundle.as_of is not None  # noqa: S101 - a training bundle has one by construction
    own = {name: bundle.inputs.get(name) for name in ("window", "champion")}
    run = run_id(
        kind="train",
        usecase=bundle.usecase,
        at=instant(bundle.as_of),
        inputs=own,
        code={"digest": bundle.code.digest},
        parameters=bundle.parameters,
    )
    yield from _equal(place, "the id is not that of inputs, code and parameters", bundle.id, run)
    version = model_version(bundle.usecase, bundle.as_of, bundle.id)
    fault = "the model version is not that of the run"
    yield from _equal(place, fault, bundle.model_version, version)
    yield from _window(bundle, catalogs)


def _entry_against_bundle(decision: Decision) -> Iterator[Finding]:
    entry, bundle, place = decision.entry, decision.bundle, decision.place
    verdict = bundle.verdict or {}
    pairs: list[tuple[str, Any, Any]] = [
        ("as_of", instant(entry.as_of), instant(bundle.as_of or entry.as_of)),
        ("model version", entry.model_version, bundle.model_version),
    ]
    if entry.concluded is None:
        pairs += [
            ("evidence", entry.evidence, verdict.get("evidence")),
            ("policy", entry.policy, verdict.get("policy")),
            ("verdict", entry.verdict, verdict.get("outcome")),
        ]
    if entry.event in BY_THE_GATE and entry.concluded is None:
        chosen = {name: bundle.inputs.get(name) for name in ("window", "champion")}
        config = _config(bundle)
        pairs += [
            ("event", entry.event != "rejected", promotes(verdict)),
            ("inputs", entry.inputs, digest(chosen)),
            ("reasons", list(entry.reasons), verdict.get("reasons")),
        ]
        if config is not None:
            due, asked = entry.as_of + config.decision_lag, entry.probation
            if asked is not None:
                stood = probation_of(config, entry.as_of, asked.policy)
                pairs.append(("probation", asked.model_dump(), stood.model_dump()))
                due = stood.until
            pairs.append(("effective_from", instant(entry.effective_from), instant(due)))
            yield from _champion(decision, config)
    for name, found, expected in pairs:
        fault = f"the {name} of the entry is not what its bundle and the entries before it say"
        yield from _equal(place, fault, found, expected)


def _champion(decision: Decision, config: UseCaseConfig) -> Iterator[Finding]:
    """The champion that was met reigned by the entries that stood before, or some of them.

    Some, since a person may roll back between a training and its decision.
    """
    as_of, history = decision.entry.as_of, decision.before.history
    possible = {
        champion.model_version if champion else None
        for count in range(len(history) + 1)
        for champion in [
            LedgerState(history[:count]).champion_before(as_of, t=as_of + config.decision_lag)
        ]
    }
    met = decision.bundle.inputs.get("champion")
    if met not in possible:
        fault = "the challenger met a champion that did not reign"
        yield Finding(decision.place, fault, str(met), " or ".join(sorted(map(str, possible))))


def _read_evidence(inventory: Inventory, bundle: Bundle) -> dict[str, Any]:
    output = bundle.outputs.get(f"data/{bundle.usecase}/evidence", {}).get("md5")
    if output is None:
        raise NotFound("the bundle names no evidence")
    listing = Listing(_object(inventory, str(output)))
    found: dict[str, Any] = json.loads(_object(inventory, listing.find("evidence.json") or ""))
    return found


def _judged_again(decision: Decision, document: Mapping[str, Any]) -> Iterator[Finding]:
    """The gate, asked again by the evidence and the policy of the bundle, says the same."""
    bundle, place = decision.bundle, decision.place
    try:
        policy = Gate.model_validate(bundle.parameters["gate"])
        verdict = judge(Evidence.model_validate(document), policy).document()
    except (ValidationError, KeyError, LaurelError) as error:
        fault = "the evidence cannot be judged again by the gate of this version of Laurel"
        yield Finding(place, fault, str(error).splitlines()[0])
        return
    fault = "the policy is not the one in the bundle's parameters"
    yield from _equal(place, fault, decision.entry.policy, digest(bundle.parameters["gate"]))
    for name, value in json.loads(canonical_json(verdict)).items():
        fault = f"the gate, asked again, gives other {name}"
        yield from _equal(place, fault, (bundle.verdict or {}).get(name), value)


def _window(bundle: Bundle, catalogs: Mapping[str, CatalogState]) -> Iterator[Finding]:
    """The window names revisions that the catalogs have, known at as_of; DVC pulls just them."""
    place = f"{bundle.prefix}/bundle.json"
    text = bundle.files.get(f"data/{bundle.usecase}/window.json")
    if text is None:
        yield Finding(place, "the bundle holds no window")
        return
    window = json.loads(text)
    fault = "the window is not the one that the run's inputs name"
    yield from _equal(place, fault, digest(window), bundle.inputs.get("window"))
    for name in sorted(window["datasets"]):
        lines = window_files(window, name)
        for line in lines.values():
            yield from _line(bundle, name, line, catalogs.get(name))
        files = {file: str(line["md5"]) for file, line in lines.items()}
        pointer = bundle.files.get(f"data/{bundle.usecase}/inputs/{name}.dvc", "")
        outs = (yaml.safe_load(pointer) or {}).get("outs", [{}])
        fault = f"the window directory of {name} does not hold just the revisions of the window"
        tree = Listing(b"[]").grown(files).md5
        yield from _equal(place, fault, outs[0].get("md5"), tree)


def _line(
    bundle: Bundle, name: str, line: Mapping[str, Any], catalog: CatalogState | None
) -> Iterator[Finding]:
    place = f"{bundle.prefix}, {name} {line['partition']} revision {line['revision']}"
    known = catalog.revisions.get(str(line["partition"]), ()) if catalog else ()
    number = int(line["revision"])
    if number > len(known):
        yield Finding(place, "the catalog has no such revision", f"{len(known)} revisions")
        return
    revision = known[number - 1]
    for field in ("md5", "content_hash", "rows"):
        fault = f"the {field} that was read is not what the catalog has"
        yield from _equal(place, fault, line[field], getattr(revision, field))
    if bundle.as_of is not None and parse_instant(line["known_at"]) > bundle.as_of:
        fault = "a partition was read that was not known at as_of"
        yield Finding(place, fault, str(line["known_at"]), instant(bundle.as_of))


def _code(site: Site, bundle: Bundle) -> Iterator[Finding | str]:
    """The code at the recorded commit has the digest that the run's id rests on."""
    if bundle.code.dirty:
        yield f"{bundle.prefix}: it ran from a dirty tree, so no commit says which code ran"
        return
    texts: dict[str, str] = {}
    for name in _code_names(bundle):
        # the use case's own files are in the bundle, since they may be in no repository of ours
        kept = bundle.files.get(name)
        data = _committed(site, bundle, name) if kept is None else kept.encode()
        if data is None:
            where = f"commit {(bundle.code.commit or 'none')[:12]}"
            yield f"{bundle.prefix}: this checkout does not have {name} at {where}"
            return
        texts[name] = hashlib.sha256(data).hexdigest()
    fault = f"the code at commit {(bundle.code.commit or '')[:12]} is not the code that ran"
    yield from _equal(f"{bundle.prefix}/bundle.json", fault, bundle.code.digest, digest(texts))


def _same_gate(site: Site, bundle: Bundle) -> bool:
    """Whether the gate installed here is the one at the commit of the run, file by file."""
    package = Path(laurel.__file__).parent
    names = [name for name in _code_names(bundle, "verdict") if name.startswith(PACKAGE)]
    return bool(names) and all(
        _committed(site, bundle, name) == _installed(package / name.removeprefix(PACKAGE))
        for name in names
    )


def _code_names(bundle: Bundle, verb: str = "") -> list[str]:
    """The files of code that the stages of a training depend on, by its own ``dvc.yaml``."""
    stages = (yaml.safe_load(bundle.files.get("dvc.yaml", "")) or {}).get("stages", {})
    deps = {
        dep
        for name, stage in stages.items()
        if name.endswith(verb)
        for dep in stage.get("deps", ())
    }
    return sorted(dep for dep in deps if dep.startswith(("include/", "expectations/")))


def _committed(site: Site, bundle: Bundle, name: str) -> bytes | None:
    checkout, commit = site.settings.checkout, bundle.code.commit
    return committed_file(checkout, commit, name) if checkout and commit else None


def _installed(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""


def _config(bundle: Bundle) -> UseCaseConfig | None:
    try:
        return UseCaseConfig.model_validate(bundle.parameters)
    except ValidationError:
        return None


def _object(inventory: Inventory, md5: str) -> bytes:
    """The bytes of an object, whose md5 is right."""
    if not md5:
        raise NotFound("the directory of the evidence does not name it")
    data = inventory.read(object_key(md5))
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != md5.removesuffix(".dir"):
        raise IntegrityError("an object is not what its name says", found=found, expected=md5)
    return data


def _equal(place: str, fault: str, found: object, expected: object) -> Iterator[Finding]:
    if found != expected:
        yield Finding(place, fault, _brief(found), _brief(expected))


def _brief(value: object) -> str:
    text = value if isinstance(value, str) else canonical_json(value).decode()
    return text if len(text) <= 100 else f"{text[:99]}…"
