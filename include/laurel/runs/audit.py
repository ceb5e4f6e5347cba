"""Audit of a store: every object that a record names is there, whole, or is named as damaged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import SystemRandom

from laurel.adapters.documents import write_json
from laurel.adapters.dvc.bytefiles import md5_of
from laurel.adapters.dvc.inventory import Inventory, each, objects, open_inventory
from laurel.adapters.dvc.remote import object_key
from laurel.adapters.records import Catalog, Ledger
from laurel.adapters.records.uses import find_uses
from laurel.domain.canonical import digest
from laurel.domain.config import PREDICTIONS
from laurel.domain.damage import Damage, StoreAudit, doubtful, look
from laurel.domain.impact import trace
from laurel.domain.naming import Named
from laurel.domain.uses import Use
from laurel.errors import ConfigError, IntegrityError, NotFound
from laurel.runs.marking import Marks, Watch, mark, unwatched
from laurel.runs.site import Site
from laurel.usecase import get_usecase


def audit_store(
    site: Site,
    *,
    usecase: str | None = None,
    dataset: str | None = None,
    hashed: float = 0.0,
    repair: bool = False,
    jobs: int | None = None,
    watch: Watch = unwatched,
) -> StoreAudit:
    """Check every journal, record and object, or those of a use case, or of a dataset.

    hashed: the share of the objects whose bytes are read and hashed, drawn anew each time, 0 to 1;
    the others are looked for in a listing, with their size. repair: what is damaged is pushed again
    from the cache of this machine where that has it whole.

    Raises :class:`ConfigError` where a use case or dataset has no records, :class:`StoreFault`.
    """
    inventory = open_inventory(site.settings)
    inventory.threads = jobs or inventory.threads
    marks = mark(site.store, inventory, usecase=usecase, dataset=dataset, watch=watch)
    _expect_some(marks, usecase, dataset)
    watch("listing the objects", 0, 1)
    stored = objects(inventory)
    sizes = {md5: item.size for md5, item in stored.items()}
    found = {damage.what: damage for damage in look(marks.named, sizes)}
    chosen = {*doubtful(marks.folders, marks.named, sizes), *marks.unread} & sizes.keys()
    chosen = {*chosen, *_sample(marks.named.keys() & sizes.keys(), hashed)} - found.keys()
    found |= _corrupted(inventory, marks.named, sorted(chosen), watch=watch)
    if repair and found:
        found = {md5: _repaired(site, inventory, damage) for md5, damage in found.items()}
    effects = _Effects(site)
    damages = [*marks.damages, *(effects.of(found[md5]) for md5 in sorted(found))]
    counts = {
        "catalogs": 0,
        "ledgers": 0,
        "bundles": 0,
        **marks.counts,
        "objects": len(marks.named),
        "bytes": sum(sizes.get(md5, 0) for md5 in marks.named),
        "hashed": len(chosen),
        "stored": len(stored),
    }
    if repair and any(found[md5].repaired for md5 in found.keys() & set(marks.unread)):
        # What a directory holds is known only now.
        again = audit_store(site, usecase=usecase, dataset=dataset, repair=True, jobs=jobs)
        damages += [one for one in again.damages if one.what not in found and one not in damages]
    return StoreAudit(site.store.url, counts, tuple(damages))


def keep_audit(audit: StoreAudit, home: Path) -> Path:
    """Write the whole audit as JSON into the home folder, under its digest; the file."""
    document = audit.document()
    file = home / "audits" / f"{digest(document)[:16]}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(document, file)
    return file


def _expect_some(marks: Marks, usecase: str | None, dataset: str | None) -> None:
    looked = sum(marks.counts.get(what, 0) for what in ("entries", "bundles", "quarantined"))
    if usecase and not looked and not marks.damages:
        raise ConfigError(
            "the store has no records of this",
            usecase=usecase,
            dataset=dataset,
            hint="look at the names: laurel usecases",
        )


def _sample(md5s: Collection[str], share: float) -> Iterable[str]:
    count = min(len(md5s), -int(-len(md5s) * share // 1))
    return SystemRandom().sample(sorted(md5s), count)


def _corrupted(
    inventory: Inventory, named: Mapping[str, Named], md5s: list[str], *, watch: Watch
) -> dict[str, Damage]:
    """Read objects, several at a time and in pieces, and compare their md5."""

    def read(md5: str) -> str | None:
        try:
            return inventory.md5(object_key(md5))
        except NotFound:
            return None

    found = {}
    for number, (md5, real) in enumerate(
        zip(md5s, each(read, md5s, threads=inventory.threads), strict=True)
    ):
        watch("reading objects", number, len(md5s))
        by = tuple(named[md5].by)
        if real is None:
            found[md5] = Damage("missing", md5, "nothing", "an object", by)
        elif real != md5.removesuffix(".dir"):
            found[md5] = Damage("corrupted", md5, f"md5 {real}", f"md5 {md5}", by)
    return found


def _repaired(site: Site, inventory: Inventory, damage: Damage) -> Damage:
    """Push an object again, if the cache of this machine has it whole."""
    path, key = site.settings.cache / object_key(damage.what), object_key(damage.what)
    if not path.is_file() or md5_of(path) != damage.what.removesuffix(".dir"):
        return damage
    try:
        inventory.send(path, key, md5=damage.what)
    except IntegrityError:  # it changed since it was looked at
        return damage
    return replace(damage, repaired=inventory.size(key) == path.stat().st_size)


class _Effects:
    """What rests on damaged objects besides the records that name them."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._uses: dict[str, tuple[Use, ...]] = {}

    def of(self, damage: Damage) -> Damage:
        """The damage with what it touches: trainings, predictions, reports."""
        try:
            return replace(damage, affected=tuple(dict.fromkeys(self._touched(damage))))
        except IntegrityError:  # of a ledger or catalog, which is named by itself
            return damage

    def _touched(self, damage: Damage) -> Iterator[str]:
        wanted: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(dict)
        for by in damage.by:
            if by.role == "partition":
                wanted[by.usecase, by.place].setdefault(by.partition, []).append(by.revision)
            elif by.role == "output" and by.run.startswith("train/"):
                yield from self._scored(by.usecase, by.model_version)
        for (usecase, dataset), revisions in wanted.items():
            yield from self._rests(usecase, dataset, revisions)

    def _scored(self, usecase: str, model: str) -> Iterator[str]:
        for use in self._of(usecase):
            if use.kind == "score" and use.model_version == model:
                yield f"predictions of {use.at} by {model} (run {use.run})"

    def _rests(self, usecase: str, dataset: str, revisions: dict[str, list[int]]) -> Iterator[str]:
        store = self._site.store
        items = trace(
            self._of(usecase),
            dataset=dataset,
            wanted=revisions,
            ledger=Ledger(store, usecase).read(),
            predictions=Catalog(store, usecase, PREDICTIONS).read(),
        )
        for item in items:
            yield f"{item.sort} of {item.at}, {item.name} (run {item.run}): {item.via}"

    def _of(self, usecase: str) -> tuple[Use, ...]:
        if usecase not in self._uses:
            self._uses[usecase] = self._read(usecase)
        return self._uses[usecase]

    def _read(self, usecase: str) -> tuple[Use, ...]:
        """Nothing where the records themselves are damaged, or the use case is not known here."""
        settings = self._site.settings
        try:
            rows = get_usecase(usecase, settings).config.rows_name
            memory = settings.home / "uses"
            return find_uses(self._site.store, usecase, rows=rows, memory=memory)
        except (IntegrityError, ConfigError, NotFound):
            return ()
