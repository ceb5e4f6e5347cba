"""The search for parameters of a training run: found again by its bundle, and drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from laurel.adapters.documents import read_json
from laurel.adapters.trials import drop_trials
from laurel.domain.bundle import Bundle
from laurel.domain.trial import BEST, SEARCH, TRIALS, TUNING, Trial, ranked, read_trial
from laurel.errors import NotFound
from laurel.pages.tuning import render_tuning
from laurel.runs.named import find_run
from laurel.runs.site import Site


@dataclass(frozen=True)
class Searched:
    """A search as its run left it."""

    search: Mapping[str, Any]
    best: Mapping[str, Any]
    trials: tuple[Trial, ...]

    def ranked(self) -> list[Trial]:
        """The best whole trial first, the pruned ones last."""
        return ranked(self.trials, bigger_is_better=bool(self.search["bigger_is_better"]))

    def page(self, bundle: Bundle) -> str:
        """The page of the search."""
        return render_tuning(
            search=self.search,
            best=self.best,
            trials=self.trials,
            model_version=bundle.model_version or "",
            run=bundle.id,
        )


def read_search(data: Path) -> Searched | None:
    """The search in the data folder of a training; ``None`` where there was none."""
    folder = data / TUNING
    if not (folder / SEARCH).is_file():
        return None
    lines = (folder / TRIALS).read_text().splitlines()
    return Searched(
        search=read_json(folder / SEARCH),
        best=read_json(folder / BEST),
        trials=tuple(read_trial(json.loads(line)) for line in lines),
    )


def find_search(site: Site, run: str) -> tuple[Bundle, Searched]:
    """The search of a training run; raises :class:`NotFound` for a run without one."""
    bundle = find_run(site.store, run)
    made = bundle.outputs.get(f"data/{bundle.usecase}/{TUNING}")
    if made is None:
        raise NotFound(
            "this run searched for no parameters",
            usecase=bundle.usecase,
            found=f"run {bundle.id}",
            expected="a run of a use case with training.tuning",
        )
    with site.workspace() as folder:
        for name, file in site.plane.tree(made["md5"]).items():
            site.plane.get(file, folder / TUNING / name)
        searched = read_search(folder)
    assert searched is not None  # noqa: S101 - its files were fetched just now
    return bundle, searched


def drop_kept_trials(site: Site, usecase: str, data: Path) -> None:
    """Forget the trials that were kept for a retry: the outputs that hold them are pushed.

    So a run that is reproduced on this machine computes its trials anew.
    """
    search = data / TUNING / SEARCH
    if search.is_file():
        drop_trials(site.settings.cache, usecase, str(read_json(search)["digest"]))
