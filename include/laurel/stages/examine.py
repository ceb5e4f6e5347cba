"""Examine: what each feature of a trained model gains, and whether less would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from laurel.adapters.frames import frame_batches, frame_files
from laurel.adapters.tables import table_rows
from laurel.adapters.xgboost import Model, load_model
from laurel.domain.config import UseCaseConfig
from laurel.domain.config.examination import Examination
from laurel.domain.examination import Effect, Examined, Finding, Group, Rival, judge, stand
from laurel.domain.part import split_part
from laurel.domain.window import SPLITS, Split
from laurel.errors import ConfigError
from laurel.stages.effects import PLANTED, Effects, Said
from laurel.stages.rivals import Learning, Made, learned_by, rivals

Parts = Mapping[str, Sequence[str]]
"""Features by part of the feature code."""


def examine(
    data: Path,
    config: UseCaseConfig,
    wanted: Examination,
    *,
    identity: Mapping[str, str],
    parts: Parts,
    said: Said,
) -> Examined:
    """Examine the model and the frame in ``data``; equal bytes there give an equal answer.

    identity: ``run`` and ``model_version``. parts: groups, where the use case names none. said:
    is told what is done next. Raises :class:`ConfigError` for a metric or a group that is not.
    """
    work = _effects(data, config, wanted)
    groups = _groups(work.names, wanted, parts)
    said(f"shuffling {len(work.names)} features, {wanted.repeats} times each")
    loss = {name: work.permuted([name]) for name in work.names}
    ranked = sorted(work.names, key=lambda name: (-(loss[name].value or 0.0), name))
    said(f"training with {PLANTED} planted columns of noise")
    noise = work.noise(ranked)
    floor = max([0.0, *(each.high or 0.0 for each in noise.values())])
    without = dict(_ablated(work, ranked, said))
    said("training with each feature alone")
    features = [_finding(work, name, loss[name], without.get(name), floor) for name in ranked]
    return Examined(
        usecase=config.name,
        model_version=identity["model_version"],
        run=identity["run"],
        as_of=str(work.learning.model.about["as_of"]),
        objective=work.learning.objective.name,
        metric=work.metric.name,
        bigger_is_better=work.metric.bigger_is_better,
        rows=work.rows,
        base=work.metrics(work.scores),
        floor=floor,
        noise=noise,
        features=tuple(features),
        groups=tuple(_group(work, name, groups[name], floor, said) for name in groups),
        rivals=tuple(
            _rival(work, made) for made in rivals(work.learning, ranked=ranked, said=said)
        ),
        settings=wanted.model_dump(mode="json"),
    )


def _effects(data: Path, config: UseCaseConfig, wanted: Examination) -> Effects:
    """The model with its rows; where they are thinned, one trained on as many as its rivals."""
    model = load_model(data / "model")
    counts: dict[str, int] = {
        name: sum(map(table_rows, frame_files(data, (name,)))) for name in SPLITS
    }
    most = {"holdout": wanted.holdout_rows}
    frames = {name: _thinned(data, name, most.get(name, wanted.train_rows)) for name in SPLITS}
    train, validation, holdout = (split_part(frames[name], name, config) for name in SPLITS)
    learning = Learning(
        model=model,
        train=train,
        validation=validation,
        holdout=holdout,
        config=learned_by(model.about),
        calibration=config.training.calibration,
    )
    if max(counts["train"], counts["validation"]) > wanted.train_rows:
        learning = replace(learning, model=_again(learning))
    looked = {f"{name}_looked_at": len(frame) for name, frame in frames.items()}
    return Effects(learning, wanted, {**counts, **looked})


def _again(learning: Learning) -> Model:
    fitted = learning.fitted(learning.names)
    return replace(fitted, about={**learning.model.about, **fitted.about})


def _thinned(data: Path, name: Split, most: int) -> pd.DataFrame:
    """Evenly taken rows of a part of the frame, so many at most, read file by file."""
    step = -(-sum(map(table_rows, frame_files(data, (name,)))) // most) or 1
    kept, seen = [], 0
    for batch in frame_batches(data, name):
        kept.append(batch.iloc[-seen % step :: step])
        seen += len(batch)
    return pd.concat(kept, ignore_index=True)


def _ablated(work: Effects, ranked: Sequence[str], said: Said) -> Iterator[tuple[str, Effect]]:
    """What training without a feature loses, of as many of the weakest as are wanted."""
    ablate, count = work.wanted.ablate, len(ranked)
    wanted = {"all": count, "none": 0}[ablate] if isinstance(ablate, str) else min(ablate, count)
    for name in ranked[count - wanted :] if count > 1 else ():
        said(f"training without {name}")
        yield name, work.without([name])


def _finding(
    work: Effects, name: str, loss: Effect, ablated: Effect | None, floor: float
) -> Finding:
    facts, alone, wanted = work.facts[name], work.alone(name), work.wanted
    rows = len(work.learning.train.labels)
    remarks = facts.remarks(constant_share=wanted.constant_share, rows=rows)
    suspect = alone is not None and alone >= wanted.suspicious
    if suspect:
        remarks.append(f"takes away {alone:.0%} of the loss by itself: is it known at the cutoff?")
    return Finding(
        facts=facts,
        permuted=loss,
        ablated=ablated,
        alone=alone,
        verdict=judge(loss, ablated, floor=floor),
        suspect=suspect,
        remarks=tuple(remarks),
    )


def _group(work: Effects, name: str, features: tuple[str, ...], floor: float, said: Said) -> Group:
    loss, ablated = work.permuted(features), None
    if work.wanted.ablate not in ("none", 0) and len(features) < len(work.names):
        said(f"training without the {len(features)} features of {name}")
        ablated = work.without(features)
    return Group(name, features, loss, ablated, judge(loss, ablated, floor=floor))


def _rival(work: Effects, made: Made) -> Rival:
    behind = work.effect([made.scores])
    return Rival(
        name=made.name,
        title=made.title,
        features=made.features,
        rounds=made.rounds,
        metrics=work.metrics(made.scores),
        behind=behind,
        standing=stand(behind, margin=work.wanted.margin),
        simpler=made.simpler,
    )


def _groups(names: Sequence[str], wanted: Examination, parts: Parts) -> dict[str, tuple[str, ...]]:
    """Groups of features by name; raises :class:`ConfigError` for one without features."""
    patterns: Parts = wanted.groups or parts
    found = {
        group: tuple(n for n in names if any(fnmatchcase(n, pattern) for pattern in said))
        for group, said in sorted(patterns.items())
    }
    empty = next((group for group, features in found.items() if not features), None)
    if empty is not None and wanted.groups:
        raise ConfigError(
            "a group of examination.groups has no feature in it",
            found=f"{empty}: {', '.join(patterns[empty])}",
            expected=f"names or patterns of {', '.join(names)}",
        )
    return {group: features for group, features in found.items() if features}
