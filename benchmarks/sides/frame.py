"""``python -m sides.frame WORKSPACE USECASE``: the frame of a workspace whose inputs are laid."""

from __future__ import annotations

import sys
from pathlib import Path

from laurel.settings import load_settings
from laurel.stages.assemble import assemble
from laurel.stages.featurize import featurize
from laurel.usecase import get_usecase


def main(folder: Path, name: str) -> None:
    """Assemble and featurize."""
    usecase = get_usecase(name, load_settings())
    assemble(usecase, folder)
    featurize(usecase, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
