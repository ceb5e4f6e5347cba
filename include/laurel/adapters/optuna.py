"""Optuna: draws the parameters of trials and says which trials to end early.

A trial follows from the seed, its number and the trials before it alone: the sampler is made anew
for each, since Optuna does not keep the state of its random numbers. So a search that was ended
goes on as if it never had been, when it is told the trials that it knows already.

Importance is fANOVA (Hutter et al. 2014): the share of the variance of whole trials that a forest
over the parameters explains by each alone and not by the others.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from laurel.domain.config.space import Choice, FloatRange, Searched
from laurel.domain.config.tuning import Hyperband, MedianPruner, RandomSampler, Tuning
from laurel.errors import ConfigError

if TYPE_CHECKING:
    import optuna

NAME = "laurel"
"""Of every study: Hyperband deals trials to its brackets by the study's name."""


class Search:
    """A search: trials are asked for one after the other, and told what came of them."""

    def __init__(
        self,
        tuning: Tuning,
        *,
        first: Mapping[str, Any],
        rounds: int,
        seed: int,
        bigger_is_better: bool,
    ) -> None:
        """Begin.

        first: values of the first trial; what it lacks is drawn. rounds: the most that a trial is
        fitted. Raises :class:`ConfigError` where Optuna is not installed.
        """
        self._tuning, self._seed = tuning, seed
        with _quiet() as library:
            self._space = {
                name: _distribution(library, tuning.space[name]) for name in sorted(tuning.space)
            }
            self._study = library.create_study(
                study_name=NAME,
                direction="maximize" if bigger_is_better else "minimize",
                pruner=_pruner(library, tuning, rounds),
            )
            self._study.enqueue_trial(dict(first))
        self._number = 0

    def ask(self) -> Asked:
        """The next trial."""
        with _quiet() as library:
            seed = _seed_of(self._seed, self._number)
            self._study.sampler = _sampler(library, self._tuning, seed)
            trial = self._study.ask(self._space)
        self._number += 1
        return Asked(self._study, trial)

    def importances(self) -> dict[str, float]:
        """Parameter → its share of the variance, the greatest first; empty where undefined.

        It is undefined for fewer than two whole trials, and where all came to the same.
        """
        with _quiet() as library:
            from optuna.importance import FanovaImportanceEvaluator, get_param_importances

            whole = [t for t in self._study.trials if t.state == library.trial.TrialState.COMPLETE]
            if len({trial.value for trial in whole}) < 2:
                return {}
            evaluator = FanovaImportanceEvaluator(seed=self._seed % 2**32)
            try:
                found = get_param_importances(self._study, evaluator=evaluator)
            except RuntimeError:  # no tree of the forest found any variance
                return {}
        shares = {name: float(share) for name, share in found.items() if math.isfinite(share)}
        return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


class Asked:
    """A trial that is under way."""

    def __init__(self, study: optuna.Study, trial: optuna.Trial) -> None:
        self._study, self._trial = study, trial
        self.number: int = trial.number + 1
        self.params: dict[str, Any] = dict(trial.params)

    def is_pruned(self, rounds: int, value: float) -> bool:
        """Tell how good it is after so many rounds; returns whether to end it."""
        with _quiet():
            self._trial.report(value, rounds)
            return self._trial.should_prune()

    def prune(self) -> None:
        """End it before its own end."""
        with _quiet() as library:
            self._study.tell(self._trial, state=library.trial.TrialState.PRUNED)

    def complete(self, value: float, *, later: Iterable[int]) -> None:
        """Tell what it came to at its own end.

        later: numbers of rounds that others may be asked at; it stands there with the same value,
        since those who need fewer rounds are compared too.
        """
        for rounds in later:
            if self.is_pruned(rounds, value):
                break
        with _quiet():
            self._study.tell(self._trial, value)


@contextmanager
def _quiet() -> Iterator[Any]:
    """Optuna, which neither logs nor warns of what is still experimental in it."""
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            "a search for parameters needs Optuna, which is not installed",
            hint="install laurel[tuning], or take training.tuning out of usecase.yaml",
        ) from error
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield optuna
    finally:
        optuna.logging.set_verbosity(before)


def _seed_of(seed: int, number: int) -> int:
    drawn = hashlib.sha256(f"{seed} {number}".encode()).digest()
    return int.from_bytes(drawn[:4], "big")


def _distribution(library: Any, searched: Searched) -> Any:
    if isinstance(searched, Choice):
        return library.distributions.CategoricalDistribution(searched.of)
    kinds = library.distributions
    kind = kinds.FloatDistribution if isinstance(searched, FloatRange) else kinds.IntDistribution
    return kind(searched.low, searched.high, log=searched.log, step=searched.step)


def _sampler(library: Any, tuning: Tuning, seed: int) -> Any:
    if isinstance(tuning.sampler, RandomSampler):
        return library.samplers.RandomSampler(seed=seed)
    startup = tuning.sampler.startup_trials
    return library.samplers.TPESampler(n_startup_trials=startup, multivariate=True, seed=seed)


def _pruner(library: Any, tuning: Tuning, rounds: int) -> Any:
    pruner = tuning.pruner
    if isinstance(pruner, MedianPruner):
        return library.pruners.MedianPruner(
            n_startup_trials=pruner.startup_trials, n_warmup_steps=pruner.warmup_rounds
        )
    if isinstance(pruner, Hyperband):
        return library.pruners.HyperbandPruner(
            min_resource=pruner.minimum_rounds,
            max_resource=rounds,
            reduction_factor=pruner.reduction,
        )
    return library.pruners.NopPruner()
