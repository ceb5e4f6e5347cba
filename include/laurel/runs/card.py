"""The model card of a version, made of the bundle of its training and the outputs that it names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.adapters.records import find_bundle
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import instant
from laurel.domain.card import Made, make_card
from laurel.domain.data import FileRef
from laurel.domain.ledger import LedgerEntry
from laurel.domain.standing import standing
from laurel.errors import NotFound
from laurel.pages.card import render_card
from laurel.runs.site import Site
from laurel.runs.train import named_training
from laurel.runs.train_pages import NEEDED, read_made
from laurel.usecase import UseCase

CHAMPION = "champion"


@dataclass(frozen=True)
class Shown:
    """A card, and what the ledger says of its version now."""

    card: dict[str, Any]
    standing: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**self.card, "standing": self.standing}

    def html(self) -> str:
        """The page, with what the ledger says."""
        return render_card(self.card, standing=self.standing)


def show_card(
    site: Site, usecase: UseCase, *, version: str = CHAMPION, as_of: datetime | None = None
) -> Shown:
    """The card of a model version, of a training run, or of the champion (at a moment).

    Everything is read from the records again and checked against their digests. Raises
    :class:`NotFound` for an unknown version and where no champion reigns, and what
    :class:`IntegrityError` says of changed bytes.
    """
    ledger = site.ledger(usecase).read()
    if version == CHAMPION:
        entry = ledger.champion_as_of(as_of) if as_of else ledger.champion
        if entry is None:
            raise NotFound(
                "there is no champion",
                usecase=usecase.name,
                found=f"none reigns at {instant(as_of)}" if as_of else "no decision crowned one",
                hint=f"name a version: laurel ledger {usecase.name}",
            )
    else:
        entry = ledger.version(version)
    bundle = _bundle(site, usecase, version=version, entry=entry)
    card = make_card(bundle, fetch_made(site, bundle))
    return Shown(card=card, standing=standing(ledger, bundle.model_version or ""))


def fetch_made(site: Site, bundle: Bundle) -> Made:
    """The documents that a training left, each checked against its md5 in the bundle."""
    data = f"data/{bundle.usecase}"
    with site.workspace() as folder:
        for path in NEEDED.values():
            parent, _, name = path.partition("/")
            site.plane.get(_ref(site, bundle, f"{data}/{parent}", name), folder / path)
        return read_made(bundle, folder)


def _bundle(site: Site, usecase: UseCase, *, version: str, entry: LedgerEntry | None) -> Bundle:
    if entry is not None and entry.run:
        return named_training(site, usecase, run=entry.run, bundle=entry.bundle or "")
    found = find_bundle(site.store, usecase.name, "train", version)
    if found is None:
        known = [e.model_version for e in site.ledger(usecase).read().history if e.model_version]
        raise NotFound(
            "there is no such model version",
            usecase=usecase.name,
            found=version,
            expected=", ".join(dict.fromkeys(reversed(known))) or "a training run first",
            hint="a run that nobody decided about is found by its run id",
        )
    return found


def _ref(site: Site, bundle: Bundle, output: str, name: str) -> FileRef:
    made = bundle.outputs.get(output)
    file = site.plane.tree(made["md5"]).get(name) if made else None
    if file is None:
        raise NotFound(
            "the training left nothing that a model card is made of",
            usecase=bundle.usecase,
            found=f"no {output}/{name}",
            hint="it was made by a version of Laurel without model cards: train again",
        )
    return file
