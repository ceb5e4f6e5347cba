"""Trials that are done, kept outside the passing workspace of a run, so that a retry goes on.

A folder of this machine's cache for each search, named by all that its trials follow from; in it a
file for each trial, whole and synced or not there. Two runs of the same search at once share it:
both come to the same trials, and the first to write one wins. It is dropped when the run is
recorded, so that whoever reproduces the run computes its trials anew.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from laurel.adapters.store.local import LocalStore
from laurel.domain.canonical import canonical_json
from laurel.domain.trial import Trial, read_trial
from laurel.errors import LaurelError

_LOG = logging.getLogger(__name__)
FOLDER = "trials"


class KeptTrials:
    """The trials of one search that are done.

    What cannot be kept or read is computed again: it is an aid, so nothing fails for its sake.
    """

    def __init__(self, cache: Path, usecase: str, search: str, state: str) -> None:
        """search and state: the digests of all that the trials follow from."""
        folder = cache / FOLDER / usecase / search / state
        self._store: LocalStore | None = None
        with _unharmed("the trials of this search cannot be kept for another attempt"):
            self._store = LocalStore(f"file://{folder}")

    def find(self, number: int, params: Mapping[str, Any]) -> Trial | None:
        """The trial of that number, where it is kept and has these parameters."""
        found: Trial | None = None
        with _unharmed(f"trial {number} is computed again: what is kept of it is damaged"):
            if self._store and self._store.exists(_key(number)):
                found = read_trial(json.loads(self._store.read(_key(number))))
        same = found is not None and (found.number, found.params) == (number, params)
        return found if same else None

    def keep(self, trial: Trial) -> None:
        """Keep a trial; one of that number that is kept already stays."""
        with _unharmed(f"trial {trial.number} cannot be kept for another attempt"):
            if self._store:
                self._store.create(_key(trial.number), canonical_json(trial.document()))


def drop_trials(cache: Path, usecase: str, search: str) -> None:
    """Forget the trials of a search; nothing happens where none are kept."""
    shutil.rmtree(cache / FOLDER / usecase / search, ignore_errors=True)


@contextmanager
def _unharmed(what: str) -> Iterator[None]:
    try:
        yield
    except (LaurelError, ValueError) as error:
        _LOG.warning("%s: %s", what, error)


def _key(number: int) -> str:
    return f"{number:06}.json"
