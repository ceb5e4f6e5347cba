"""The stage ``tune`` by itself, on a frame that was made before."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from laurel.adapters.documents import write_json
from laurel.domain.config import UseCaseConfig
from laurel.settings import load_settings
from laurel.stages.assemble import assemble
from laurel.stages.featurize import featurize
from laurel.stages.tune import tune
from laurel.usecase import UseCase, get_usecase

SPACE = {
    "eta": {"kind": "float", "low": 0.02, "high": 0.5, "log": True},
    "max_depth": {"kind": "int", "low": 2, "high": 8},
    "min_child_weight": {"kind": "float", "low": 1, "high": 100, "log": True},
    "subsample": {"kind": "float", "low": 0.5, "high": 1.0},
}


def searching(name: str, trials: int) -> UseCase:
    """The use case with a search; no trial is pruned, so that both sides fit the same."""
    usecase = get_usecase(name, load_settings())
    document = usecase.config.document()
    document["training"]["tuning"] = {
        "trials": trials,
        "space": SPACE,
        "pruner": {"kind": "none"},
    }
    return UseCase(usecase.folder, UseCaseConfig.model_validate(document))


def prepare(folder: Path, name: str, made: Path) -> None:
    """Lay the workspace of a training, with its frame."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made / "workspace", folder)
    usecase = searching(name, 1)
    write_json({name: list(usecase.config.rows.key)}, folder / "key.json")
    assemble(usecase, folder)
    featurize(usecase, folder)


def search(folder: Path, name: str, trials: str) -> None:
    """Search anew, each trial kept for a retry as in a run."""
    shutil.rmtree(folder / "cache", ignore_errors=True)
    tune(searching(name, int(trials)), folder, cache=folder / "cache", threads=1)


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
    else:
        search(Path(sys.argv[2]), sys.argv[3], sys.argv[4])
