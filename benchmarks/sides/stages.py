"""The six training stages in one process: what they compute, without DVC and without records."""

from __future__ import annotations

import sys
from pathlib import Path

from laurel.settings import load_settings
from laurel.stages.assemble import assemble
from laurel.stages.evaluate import evaluate
from laurel.stages.featurize import featurize
from laurel.stages.train import train
from laurel.stages.validate import validate
from laurel.stages.verdict import verdict
from laurel.usecase import get_usecase


def main(folder: Path, name: str) -> None:
    """Run the stages in a workspace whose inputs are laid."""
    settings = load_settings()
    usecase = get_usecase(name, settings)
    assemble(usecase, folder)
    validate(usecase, folder, settings)
    featurize(usecase, folder)
    train(usecase, folder)
    evaluate(usecase, folder)
    verdict(usecase, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
