"""Tune: search for parameters by folds of the train days, before the final fit.

Neither the validation days, which stop the final fit, nor the hold-out are looked at. Trials run
one after the other, so that each learns from all before it. Each is kept outside the workspace
when it is done: a run that was killed goes on where it was, and comes to the same trials.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any

import pandas as pd

import laurel
from laurel.adapters.documents import read_json, write_json
from laurel.adapters.frames import frame_files, read_frame
from laurel.adapters.optuna import Asked, Search
from laurel.adapters.trials import KeptTrials
from laurel.adapters.xgboost.folding import FoldFits
from laurel.domain.canonical import canonical_json, digest
from laurel.domain.config import UseCaseConfig
from laurel.domain.config.tuning import first_values
from laurel.domain.featureset import Part
from laurel.domain.folds import Fold
from laurel.domain.history import PARTITION
from laurel.domain.objective import find_objective
from laurel.domain.part import split_part
from laurel.domain.search import Plan, Progress, Tuned, plan_search
from laurel.domain.trial import BEST, SEARCH, TRIALS, TUNING, Point, Trial, best_of
from laurel.domain.window import Days, read_window
from laurel.errors import DataError
from laurel.usecase import UseCase

LIBRARIES = ("optuna", "xgboost-cpu", "numpy", "pandas", "scikit-learn")
"""Whose other version may come to other trials."""
Told = Callable[[Progress], object]


def tune(
    usecase: UseCase,
    folder: Path,
    *,
    cache: Path | None = None,
    threads: int | None = None,
    told: Told = lambda _progress: None,
) -> Tuned:
    """Write ``tuning/``: the best parameters, the search, and every trial as a line of JSON.

    cache: below it trials that are done are kept for the next attempt; nowhere when left out.
    threads changes the time, never a byte. told gets each trial when it is done. Raises
    :class:`Refused` where there are too few train days for the folds, :class:`DataError` where a
    fold lacks what the objective needs, :class:`ConfigError` without Optuna and for parameters
    that XGBoost refuses.
    """
    config, data = usecase.config, folder / "data" / usecase.name
    plan = plan_search(config, read_window(read_json(data / "window.json")))
    learned, tuning = config.training.model, plan.tuning
    fits = FoldFits(
        list(_parts(config, read_frame(data, ("train",)), plan.folds)),
        learned,
        objective=find_objective(config.label),
        metric=plan.metric if tuning.metric else None,
        threads=threads,
    )
    search = Search(
        tuning,
        first=first_values(tuning, learned.params),
        rounds=learned.rounds,
        seed=plan.seed,
        bigger_is_better=plan.metric.bigger_is_better,
    )
    kept = KeptTrials(cache, usecase.name, plan.digest, _state(data)) if cache else None
    trials = _run(plan, search, fits, kept=kept, told=told)
    best = best_of(trials, bigger_is_better=plan.metric.bigger_is_better)
    tuned = Tuned(plan, trials, best, search.importances())
    _write(tuned, data / TUNING)
    return tuned


def _run(
    plan: Plan, search: Search, fits: FoldFits, *, kept: KeptTrials | None, told: Told
) -> list[Trial]:
    tuning, metric = plan.tuning, plan.metric
    every, bound = tuning.report_rounds, plan.config.training.model.rounds
    trials: list[Trial] = []
    seconds, computed = 0.0, 0
    while len(trials) < tuning.trials:
        began = monotonic()
        asked = search.ask()
        known = kept.find(asked.number, asked.params) if kept else None
        points = known.reports if known else fits.points(asked.params, every=every)
        trial = _follow(asked, points, every=every, bound=bound)
        trials.append(trial)
        if not known:
            seconds, computed = seconds + monotonic() - began, computed + 1
            if kept:
                kept.keep(trial)
        left = seconds / computed * (tuning.trials - len(trials)) if computed else None
        best = best_of(trials, bigger_is_better=metric.bigger_is_better)
        told(Progress(trial, best, tuning.trials, metric.name, known is not None, left))
    return trials


def _follow(asked: Asked, points: Iterable[Point], *, every: int, bound: int) -> Trial:
    """Go through a trial to its end, or to where the pruner ends it.

    What an earlier attempt had computed is told again, so that the pruner knows what it knew.
    """
    reports: list[Point] = []
    for point in points:
        reports.append(point)
        if point.ends:
            following = (point.fitted // every + 1) * every
            asked.complete(point.value, later=range(following, bound + 1, every))
            break
        if asked.is_pruned(point.fitted, point.value):
            asked.prune()
            break
    return Trial(asked.number, asked.params, tuple(reports))


def _parts(
    config: UseCaseConfig, frame: pd.DataFrame, folds: Sequence[Fold]
) -> Iterator[tuple[Part, Part]]:
    """Rows of each fold to learn from and to validate on, in the frame's order."""
    for number, fold in enumerate(folds, 1):
        try:
            train, validation = (
                split_part(frame[_within(frame, days)], "train", config)
                for days in (fold.train, fold.validation)
            )
        except DataError as error:
            raise DataError(
                f"fold {number} of the search cannot be used: {error.fact}",
                usecase=config.name,
                found=error.found,
                expected=f"enough in {fold.train.first} to {fold.train.last}, and in "
                f"{fold.validation.first} to {fold.validation.last}",
                hint="ask for fewer or longer folds in training.tuning.folds",
            ) from error
        yield train, validation


def _within(frame: pd.DataFrame, days: Days) -> pd.Series[bool]:
    return frame[PARTITION].between(days.first.isoformat(), days.last.isoformat())


def _write(tuned: Tuned, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    write_json(tuned.document(), target / BEST)
    write_json({**tuned.plan.document(), "digest": tuned.plan.digest}, target / SEARCH)
    lines = [canonical_json(trial.document()) + b"\n" for trial in tuned.trials]
    (target / TRIALS).write_bytes(b"".join(lines))


def _state(data: Path) -> str:
    """The digest of what trials follow from besides the plan: rows, code, libraries."""
    package = Path(laurel.__file__).parent
    code = {
        file.relative_to(package).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(package.rglob("*.py"))
    }
    rows = [hashlib.sha256(file.read_bytes()).hexdigest() for file in frame_files(data, ("train",))]
    libraries: dict[str, Any] = {name: version(name) for name in LIBRARIES}
    return digest({"rows": rows, "code": code, "libraries": libraries})
