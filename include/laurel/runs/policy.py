"""Replay a policy: what the gate would have decided, from stored evidence and without training."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from laurel.adapters.documents import read_json, write_json
from laurel.adapters.records import Ledger, read_bundle
from laurel.adapters.tables import read_table
from laurel.domain.bundle import Bundle
from laurel.domain.canonical import digest, instant
from laurel.domain.config import Gate, ShadowGate, UseCaseConfig
from laurel.domain.evidence import Evidence, measure
from laurel.domain.gate import Verdict, judge, policy_digest
from laurel.domain.ledger import Concluded, LedgerEntry, LedgerState, sameness
from laurel.domain.ledger.replay import Replayed, Step, replay
from laurel.domain.objective import find_objective
from laurel.domain.probation import ShadowEvidence, judge_shadow, shadow_policy_digest
from laurel.domain.window import read_window
from laurel.errors import Refused
from laurel.runs.probation import EVIDENCE
from laurel.runs.site import Site
from laurel.runs.train import trained_files
from laurel.stages.champion import champion_facts, champion_scores, load_champion
from laurel.stages.featurize import labelled, load_snapshot
from laurel.usecase import UseCase

Watch = Callable[[int, int], None]
FACTS = {
    "usecase",
    "as_of",
    "holdout",
    "champion",
    "champion_as_of",
    "champion_fault",
    "same_model",
    "trimmed",
    "reload_identical",
}
"""What evidence holds that is not measured from scores."""


@dataclass(frozen=True)
class PolicyReplay:
    """The ledger that a policy would have written, beside the one that was written."""

    usecase: str
    policy: str
    """The digest of the policy."""
    replayed: Replayed
    was: LedgerState
    rescored: int
    """Decisions for which another champion's scores were computed."""

    @property
    def flips(self) -> tuple[Step, ...]:
        """The decisions that would have been others."""
        return tuple(step for step in self.replayed.steps if step.flipped)

    @property
    def identical(self) -> bool:
        """Whether it is the same ledger, as far as it was replayed."""
        now = sameness(self.replayed.state)
        return now == sameness(self.was)[: len(now)]

    def sentence(self) -> str:
        """What would have been, in a sentence."""
        count = len(self.replayed.steps)
        if self.identical:
            return f"{count} decisions replayed: the identical ledger"
        return f"{count} decisions replayed: {len(self.flips)} would have been others"

    def document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "usecase": self.usecase,
            "policy": self.policy,
            "identical": self.identical,
            "rescored": self.rescored,
            "decisions": [
                {
                    "as_of": instant(step.was.as_of),
                    "model_version": step.was.model_version,
                    "was": step.was.event,
                    "now": step.now.event,
                    "flipped": step.flipped,
                    "champion_was": step.champion_was,
                    "champion_now": step.champion_now,
                    "reasons": list(step.now.reasons),
                }
                for step in self.replayed.steps
            ],
            "champions": [
                {
                    "model_version": reign.entry.model_version,
                    "from": instant(reign.start),
                    "to": instant(reign.end) if reign.end else None,
                }
                for reign in self.replayed.state.reigns()
            ],
            "notes": list(self.replayed.notes),
        }


def replay_policy(
    site: Site,
    usecase: str,
    policy: Gate | None,
    *,
    first: datetime,
    last: datetime,
    watch: Watch = lambda _done, _of: None,
) -> PolicyReplay:
    """Decide history anew by another policy (the one of each decision where ``None``).

    Where the champion is the one that was met, the stored evidence decides, measured again from
    the stored scores only if the policy asks for what it lacks. Where the history that follows has
    another champion, that model scores the stored hold-out by its own feature code.

    Raises :class:`Refused` where a slice asks for a column that the evidence does not keep.
    """
    state = Ledger(site.store, usecase).read()
    chosen = [e for e in state.history if first <= e.as_of <= last and e.event != "rolled_back"]
    with site.workspace() as folder:
        models = {e.model_version: e for e in state.history if e.model_version and e.run}
        # whom it asks, and what it asks of shadows, is no part of a policy
        bare = policy.model_copy(update={"approval": None, "shadow": None}) if policy else None
        shadow = policy.shadow if policy else None
        court = _Court(
            site, usecase, bare, models, folder, of=len(chosen), watch=watch, shadow=shadow
        )
        replayed = replay(
            state.history, court.judge, met=court.met, lag=court.effective, first=first, last=last
        )
    digest_of = policy_digest(policy) if policy else "that of each decision"
    return PolicyReplay(usecase, digest_of, replayed, state, court.rescored)


@dataclass
class _Court:
    """Judges entries from the store."""

    site: Site
    usecase: str
    policy: Gate | None
    models: Mapping[str, LedgerEntry]
    """The entry that names a model version's run."""
    folder: Path
    of: int
    watch: Watch
    shadow: ShadowGate | None = None
    """What is asked of shadows; what was asked of each where ``None``."""
    rescored: int = 0
    _trainings: dict[str, Bundle] = field(default_factory=dict)
    _done: int = 0

    def met(self, entry: LedgerEntry) -> str | None:
        """The champion that a challenger met."""
        found: str | None = self._training(entry).inputs["champion"]
        return found

    def effective(self, entry: LedgerEntry) -> datetime:
        """The moment from which a decision is effective."""
        return entry.as_of + self._config(entry).decision_lag

    def judge(self, entry: LedgerEntry, champion: str | None) -> LedgerEntry:
        """The entry that the policy makes of it, its challenger meeting that champion."""
        self.watch(self._done, self.of)
        self._done += 1
        if entry.concluded is not None:
            return self._after_probation(entry, entry.concluded)
        bundle = self._training(entry)
        own = Gate.model_validate(bundle.parameters["gate"])
        policy = self.policy or own
        evidence, verdict = self._judged(entry, bundle, policy, champion=champion)
        event = "registered" if entry.event == "registered" else "promoted"
        inputs = digest({"window": bundle.inputs["window"], "champion": champion})
        no_probation = {"probation": None, "effective_from": self.effective(entry)}
        return entry.model_copy(
            update={
                "event": event if verdict.promotes else "rejected",
                **({} if verdict.promotes else no_probation),
                "reasons": verdict.reasons,
                "evidence": evidence.digest(),
                "policy": entry.policy if policy == own else policy_digest(policy),
                "verdict": verdict.outcome,
                "inputs": inputs,
            }
        )

    def _after_probation(self, entry: LedgerEntry, concluded: Concluded) -> LedgerEntry:
        """What was shown in shadow, judged by what the policy asks of it."""
        bundle = read_bundle(
            self.site.store,
            self.usecase,
            "probation",
            run=concluded.run,
            expected=concluded.bundle,
        )
        own = ShadowGate.model_validate(bundle.parameters["shadow"])
        asked = self.shadow or own
        evidence = ShadowEvidence.model_validate(json.loads(bundle.files[EVIDENCE]))
        verdict = judge_shadow(evidence, asked)
        event = "registered" if entry.event == "registered" else "promoted"
        return entry.model_copy(
            update={
                "event": event if verdict.promotes else "rejected",
                "reasons": verdict.reasons,
                "policy": shadow_policy_digest(asked),
                "verdict": verdict.outcome,
            }
        )

    def _judged(
        self, entry: LedgerEntry, bundle: Bundle, policy: Gate, *, champion: str | None
    ) -> tuple[Evidence, Verdict]:
        stored = Evidence.model_validate(read_json(self._evidence(bundle) / "evidence.json"))
        own = Gate.model_validate(bundle.parameters["gate"])
        if champion == stored.champion and policy == own:
            return stored, judge(stored, policy)
        scores = read_table(self._evidence(bundle) / "scores.parquet")
        facts = stored.model_dump(include=FACTS)
        if champion != stored.champion:
            self.rescored += 1
            columns, met = self._met(entry, bundle, champion)
            scores, facts = scores.assign(**columns), {**facts, **met}
        missing = sorted({*policy.columns} - {*scores.columns})
        if missing:
            raise Refused(
                "the evidence does not keep the columns that the policy slices by",
                usecase=self.usecase,
                found=", ".join(missing),
                expected=", ".join(own.columns) or "no slice",
                hint="name them in gate.slices, so that later trainings keep them",
            )
        config = self._config(entry)
        evidence = measure(
            scores,
            policy,
            objective=find_objective(config.label),
            seed=stored.seed,
            method=config.training.calibration,
            threshold=config.scoring.threshold,
            facts=facts,
        )
        return evidence, judge(evidence, policy)

    def _met(
        self, entry: LedgerEntry, bundle: Bundle, champion: str | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What another champion says of the hold-out of a training, by its own feature code, and
        what evidence says of it."""
        config = self._config(entry)
        data = self.folder / bundle.id / "data" / self.usecase
        usecase = UseCase(folder=data, config=config)
        self._lay(bundle, "snapshot", data / "snapshot")
        place = data / "inputs" / (champion or "none")
        if champion is not None:
            files = trained_files(self.site, self._training(self.models[champion]))
            self._place({place / name: ref.md5 for name, ref in files.items()})
        write_json({"model_version": champion}, place / "champion.json")
        rows, past = load_snapshot(usecase, data)
        window = read_window(json.loads(bundle.files[f"data/{self.usecase}/window.json"]))
        rows = labelled(rows, window, config, splits=("holdout",))
        loaded = load_champion(place, config=config)
        scored = champion_scores(loaded, rows, past, config=config, window=window)
        if champion is not None:
            self._lay(bundle, "model", data / "model")
        return scored.columns, champion_facts(loaded, scored, challenger=data / "model")

    def _evidence(self, bundle: Bundle) -> Path:
        place = self.folder / bundle.id / "evidence"
        if not place.is_dir():
            self._lay(bundle, "evidence", place)
        return place

    def _lay(self, bundle: Bundle, output: str, place: Path) -> None:
        tree = bundle.outputs[f"data/{self.usecase}/{output}"]["md5"]
        self._place({place / name: md5 for name, md5 in self.site.plane.names(tree).items()})

    def _place(self, files: Mapping[Path, str]) -> None:
        for path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
        self.site.plane.place(files)

    def _training(self, entry: LedgerEntry) -> Bundle:
        run = entry.run or ""
        if run not in self._trainings:
            self._trainings[run] = read_bundle(
                self.site.store, self.usecase, "train", run=run, expected=entry.bundle
            )
        return self._trainings[run]

    def _config(self, entry: LedgerEntry) -> UseCaseConfig:
        return UseCaseConfig.model_validate(self._training(entry).parameters)
