"""Which run a person means: an id or the beginning of one, a model version, or the champion.

The records alone are asked: no use case has to be installed, and nothing is written.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from laurel.adapters.records import Ledger, find_bundle, read_bundle
from laurel.adapters.records.bundle import FILE
from laurel.adapters.store import Store
from laurel.domain.bundle import Bundle, Kind, bundle_prefix
from laurel.errors import LaurelError, NotFound, Refused

CHAMPION = "champion"
KINDS: tuple[Kind, ...] = (
    "train",
    "restate",
    "score",
    "shadow",
    "probation",
    "monitor",
    "ingest",
    "examine",
)
TRAINING: tuple[Kind, ...] = ("train",)
SHORTEST = 4
"""Characters of an id that are enough to look for it."""
_LAST = "~"
"""Comes after every character that a key may hold."""
_SHOWN = 6


def find_run(
    store: Store, said: str, *, usecase: str | None = None, kinds: Sequence[Kind] = TRAINING
) -> Bundle:
    """The bundle of the run that is meant by ``said``.

    said: the id of a run or the first characters of it, a model version or the beginning of one,
    ``champion``, or ``NAME:champion``. usecase: only runs of this one. Raises :class:`NotFound`
    with a near match, :class:`Refused` for what may mean several runs or a run of another kind.
    """
    named, _, champion = said.rpartition(":")
    if champion == CHAMPION:
        return _champion(store, named or usecase)
    found = list(dict.fromkeys(_matches(store, said, usecase)))
    fitting = [each for each in found if each[1] in kinds]
    if len(fitting) == 1:
        name, kind, run = fitting[0]
        return read_bundle(store, name, kind, run=run)
    if fitting:
        raise _ambiguous(said, fitting)
    raise _other_kind(found[0], kinds) if found else _unknown(store, said, usecase)


def usecases_of(store: Store) -> list[str]:
    """The use cases that have runs in a store, sorted; a few keys are looked at, not all."""
    return list(_folders(store, "runs/"))


def _champion(store: Store, usecase: str | None) -> Bundle:
    names = [usecase] if usecase else usecases_of(store)
    entries = {name: Ledger(store, name).read().champion for name in names}
    reigning = {name: entry for name, entry in entries.items() if entry is not None}
    if len(reigning) > 1:
        raise Refused(
            "every use case has a champion of its own",
            found=", ".join(reigning),
            hint=f"say which: {next(iter(reigning))}:{CHAMPION}",
        )
    for name, entry in reigning.items():
        return read_bundle(store, name, "train", run=entry.run or "", expected=entry.bundle)
    raise NotFound(
        "there is no champion",
        usecase=usecase,
        found=f"no promotion in the ledger of {', '.join(names) or 'any use case'}",
        detail=store.url,
    )


def _matches(store: Store, said: str, usecase: str | None) -> Iterator[tuple[str, Kind, str]]:
    names = [usecase] if usecase else usecases_of(store)
    for name in names:
        for kind in KINDS:
            if _is_id(said) and find_bundle(store, name, kind, said) is not None:
                yield name, kind, said
                return
    for name in names:
        if said.startswith(f"{name}-"):
            yield from _versions(store, said, name)
    for name, kind, run in _begin_so(store, said, names):
        if store.exists(f"{bundle_prefix(name, kind, run)}/{FILE}"):
            yield name, kind, run


def _begin_so(store: Store, said: str, names: Sequence[str]) -> Iterator[tuple[str, Kind, str]]:
    """The runs that left anything, whose id begins so."""
    if _is_id(said) and len(said) >= SHORTEST:
        for name in names:
            for kind in KINDS:
                yield from ((name, kind, run) for run in _folders(store, _runs(name, kind), said))


def _versions(store: Store, said: str, usecase: str) -> Iterator[tuple[str, Kind, str]]:
    """The runs of model versions that begin so; one whose name is the whole of it stands alone."""
    begun = {
        version: run
        for version, run in _known_versions(store, usecase)
        if version.startswith(said) and len(said) > len(usecase) + 1
    }
    for version in [said] if said in begun else begun:
        yield usecase, "train", begun[version]


def _known_versions(store: Store, usecase: str) -> Iterator[tuple[str, str]]:
    """Model versions and their runs: those of the ledger, then those that nobody decided about."""
    seen = set()
    for entry in Ledger(store, usecase).read().history:
        if entry.model_version and entry.run:
            seen.add(entry.run)
            yield entry.model_version, entry.run
    for run in _folders(store, _runs(usecase, "train")):
        if run not in seen and (bundle := find_bundle(store, usecase, "train", run)):
            yield bundle.model_version or "", run


def _runs(usecase: str, kind: Kind) -> str:
    return f"runs/{usecase}/{kind}/"


def _folders(store: Store, prefix: str, start: str = "") -> Iterator[str]:
    """The names of the folders under a prefix that begin so; one key of each is looked at."""
    after = ""
    while key := next(store.keys(f"{prefix}{start}", after=after), None):
        name = key.removeprefix(prefix).split("/", 1)[0]
        yield name
        after = f"{prefix}{name}/{_LAST}"


def _is_id(said: str) -> bool:
    return bool(said) and set(said) <= set("0123456789abcdef")


def _ambiguous(said: str, found: list[tuple[str, Kind, str]]) -> LaurelError:
    lines = [f"{run}  ({kind} of {name})" for name, kind, run in found]
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return Refused(
        f"{said!r} is the beginning of several runs",
        found="\n".join([*lines[:_SHOWN], *more]),
        hint="give more characters",
    )


def _other_kind(found: tuple[str, Kind, str], kinds: Sequence[Kind]) -> LaurelError:
    name, kind, run = found
    return Refused(
        "this is a run of another kind",
        usecase=name,
        found=f"{run}, a run of kind {kind}",
        expected=f"a run of kind {' or '.join(kinds)}",
    )


def _unknown(store: Store, said: str, usecase: str | None) -> LaurelError:
    there = usecases_of(store)
    names = [usecase] if usecase else there
    if begun := next(_begin_so(store, said, names), None):
        return NotFound(
            "this run has no bundle: it failed, or it is not done",
            usecase=usecase,
            found=f"{begun[2]}, a run of kind {begun[1]}",
            detail=f"{store.url}/{bundle_prefix(*begun)}",
            hint="what a failed stage said is in failed/ there",
        )
    known = [text for name in names for pair in _known_versions(store, name) for text in pair]
    near = difflib.get_close_matches(said, known, n=1)
    elsewhere = usecase and list(_matches(store, said, None))
    if elsewhere:
        hint: str | None = f"it is a run of {elsewhere[0][0]}"
    elif near:
        hint = f"did you mean {near[0]!r}?"
    else:
        hint = None if known else "is LAUREL_STORE the store of these runs?"
    return NotFound(
        "there is no such run",
        usecase=usecase,
        found=said,
        expected="the id of a run, a model version from: laurel ledger NAME, or champion",
        detail=store.url,
        hint=hint,
    )
