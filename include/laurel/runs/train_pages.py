"""The pages that a training leaves beside its bundle: decision, model card, search, Data Docs."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from laurel.adapters.documents import read_json
from laurel.adapters.records import Ledger, find_bundle
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import instant
from laurel.domain.card import Made, make_card
from laurel.domain.since_champion import since_champion
from laurel.domain.trial import TUNING
from laurel.pages.card import render_card
from laurel.pages.decision import render_decision
from laurel.pages.page import templates
from laurel.runs.searches import read_search
from laurel.runs.site import Site

Pages = MutableMapping[str, str]

PAGES = {"Decision": "decision.html", "Model card": "card.html", "Data Docs": "validation.html"}
"""The name of each page, and its file in the folder of the bundle."""
SEARCH = {"Search": "tuning.html"}
"""The page that a search for parameters leaves besides."""
NEEDED = {
    "model": "model/model.json",
    "evidence": "evidence/evidence.json",
    "contributions": "explanation/contributions.json",
    "scores": "explanation/scores.json",
}
"""What a card is made of besides ``window.json``, in the data folder of a training."""


def read_templates() -> None:
    """Compile what pages are made of, which takes longer than to make them; once in a process."""
    for name in ("decision.html", "card.html"):
        templates().get_template(name)


def write_pages(site: Site, bundle: Bundle, folder: Path) -> None:
    """Keep the pages of a training beside its bundle."""
    data = folder / "data" / bundle.usecase
    made, searched = read_made(bundle, data), read_search(data)
    decision = render_decision(
        verdict=bundle.verdict or {},
        evidence=made.evidence,
        window=made.window,
        model_version=bundle.model_version or "",
        run=bundle.id,
        links=_beside(bundle),
        curves=read_json(data / "evidence" / "curves.json"),
        since=_since(site, bundle, data, made),
    )
    card = render_card(make_card(bundle, made))
    site.store.create(f"{bundle.prefix}/decision.html", decision.encode())
    site.store.create(f"{bundle.prefix}/card.html", card.encode())
    if searched is not None:
        page = searched.page(bundle)
        site.store.create(f"{bundle.prefix}/{SEARCH['Search']}", page.encode())
    docs = data / "validation.html"
    if docs.is_file():
        site.store.create(f"{bundle.prefix}/validation.html", docs.read_bytes())


def _since(site: Site, bundle: Bundle, data: Path, made: Made) -> dict[str, Any] | None:
    """What changed since the champion; ``None`` without one."""
    version = made.evidence["champion"]
    entry = Ledger(site.store, bundle.usecase).read().version(str(version))
    if version is None or entry is None or entry.run is None:
        return None
    champion = find_bundle(site.store, bundle.usecase, "train", entry.run, expected=entry.bundle)
    if champion is None:
        return None
    window = json.loads(champion.files[f"data/{champion.usecase}/window.json"])
    model = read_json(data / "inputs" / "champion" / "model.json")
    return since_champion(_known(champion, window, model), _known(bundle, made.window, made.model))


def _known(bundle: Bundle, window: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_version": bundle.model_version,
        "as_of": instant(bundle.as_of) if bundle.as_of else "",
        "window": window,
        "inputs": bundle.inputs,
        "parameters": bundle.parameters,
        "rows": model.get("rows", {}),
    }


def name_pages(bundle: Bundle, pages: Pages | None) -> None:
    """Tell where the pages of a training are, by their names."""
    if pages is not None:
        beside = {"Decision": PAGES["Decision"], **_beside(bundle)}
        pages.update({name: f"{bundle.prefix}/{file}" for name, file in beside.items()})


def _beside(bundle: Bundle) -> dict[str, str]:
    """The pages beside the decision, by their names."""
    search = SEARCH if f"data/{bundle.usecase}/{TUNING}" in bundle.outputs else {}
    return {name: file for name, file in {**PAGES, **search}.items() if name != "Decision"}


def read_made(bundle: Bundle, data: Path) -> Made:
    """The documents that a training left in the data folder of its workspace."""
    return Made(
        window=json.loads(bundle.files[f"data/{bundle.usecase}/window.json"]),
        **{name: read_json(data / path) for name, path in NEEDED.items()},
    )
