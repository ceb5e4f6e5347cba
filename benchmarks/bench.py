"""Where a benchmark works: a folder, a use case, and homes of Laurel that are prepared once."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from processes import environment, python, run_process, with_our_modules

TOY = "toy"
"""The synthetic use case of the tests; small, for a quick look."""


@dataclass(frozen=True)
class Bench:
    """A folder to work in, and the use case that is measured."""

    folder: Path
    usecase: str

    @cached_property
    def published(self) -> Ground:
        """A home whose catalogs hold what a training run and a day's score read; made once."""
        folder = self.folder / "published"
        ground = Ground(home=folder / "home", plain=folder / "plain" / "train", made=folder)
        if not ground.is_made:
            self._prepare("sides.prepare", folder, self.usecase, home=ground.home)
        return ground

    @cached_property
    def crowned(self) -> Ground:
        """The same home with a champion; made once."""
        before, folder = self.published, self.folder / "crowned"
        ground = Ground(home=folder / "home", plain=folder / "plain", made=folder / "plain")
        if not ground.is_made:
            # a home that the training was measured in has trained already
            trained = self.copy_of(before)
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(trained if trained.is_dir() else before.home, ground.home)
            told = (ground.plain, self.usecase, before.facts["as_of"], before.facts["day"])
            self._prepare("sides.crown", *told, home=ground.home)
        return ground

    def environ(self, home: Path | None = None) -> dict[str, str]:
        """The environment of a Laurel whose home, store and cache are in ``home``."""
        given = {
            "LAUREL_HOME": str(home or self.folder / "empty"),
            "AIRFLOW_HOME": str(self.folder / "airflow"),
        }
        if self.usecase == TOY:
            given["LAUREL_USECASES"] = str(self._toy / "usecases")
            given["LAUREL_EXPECTATIONS"] = str(self._toy / "expectations")
        return environment(**given)

    def fresh_copy(self, ground: Ground) -> Path:
        """A copy of a home of its own, since a repeated run finds what it did; not in the time.

        The copies before it stay: where files were just removed, some file systems look for a
        minute at each of their places before they make a new file.
        """
        copy = self._copies(ground) / f"{next(self._numbers):04}"
        shutil.copytree(ground.home, copy)
        os.sync()
        return copy

    def copy_of(self, ground: Ground) -> Path:
        """The last copy, if one was made."""
        return max(self._copies(ground).glob("*"), default=self._copies(ground) / "none")

    def _copies(self, ground: Ground) -> Path:
        return self.folder / "copies" / ground.home.parent.name

    def log(self, name: str) -> Path:
        """A file for the output of a process."""
        return self.folder / "logs" / f"{name}-{next(self._numbers)}.log"

    def _prepare(self, module: str, *arguments: str | Path, home: Path) -> None:
        environ = with_our_modules(self.environ(home))
        run_process(python(module, *arguments), environ=environ, log=self.log(module))

    @cached_property
    def _numbers(self) -> count[int]:
        return count(1)

    @cached_property
    def _toy(self) -> Path:
        folder = self.folder / "toy"
        environ = with_our_modules(environment())
        run_process(python("sides.toy", folder), environ=environ, log=self.log("toy"))
        return folder


@dataclass(frozen=True)
class Ground:
    """A home of Laurel, and the files that it works on in plain folders for the rivals."""

    home: Path
    plain: Path
    made: Path
    """The folder whose ``facts.json`` is written when everything is there."""

    @property
    def is_made(self) -> bool:
        """Whether it is whole."""
        return (self.made / "facts.json").is_file()

    @property
    def facts(self) -> dict[str, Any]:
        """What was prepared: the number of rows, and for training ``as_of`` and ``day``."""
        facts: dict[str, Any] = json.loads((self.made / "facts.json").read_text())
        return facts
