"""Homes of the use case ``toy`` in which whole runs are made, from a committed checkout.

The checkout is a copy of this source tree with one commit, so that neither the state of the
developer's tree nor a shallow clone matters, and nothing changes under a run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import laurel
import laurel.settings
from laurel.adapters.tables import write_table
from laurel.domain.canonical import parse_instant
from laurel.domain.catalog import Revision
from laurel.domain.catalog import sameness as catalog_sameness
from laurel.domain.config import PREDICTIONS
from laurel.domain.ledger import sameness as ledger_sameness
from laurel.domain.partition import Partition
from laurel.runs.decide import Decided, decide
from laurel.runs.ingest import Ingested, ingest
from laurel.runs.monitor import Monitored, monitor
from laurel.runs.score import score
from laurel.runs.scored import Scored
from laurel.runs.site import Site, open_site
from laurel.runs.train import Trained, train
from laurel.settings import Settings, load_settings
from laurel.stages.publish import Checked, publish, push_files
from laurel.usecase import UseCase, get_usecase
from support.synthetic import NAME, SOURCE_PY, write_toy

ROOT = Path(__file__).resolve().parents[2]
FIRST, LAST = "2024-01-01", "2024-02-29"
AS_OFS = (parse_instant("2024-02-12"), parse_instant("2024-02-19"))
SCORED = ("2024-02-13", "2024-02-14", "2024-02-20", "2024-02-21")
"""Two partitions by the first champion, two by the second."""
DATASETS = ("climate", "returns", "visits")
EVERYTHING = (*DATASETS, PREDICTIONS)
HIDDEN = (".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore")
"""Files of a clone that begin with a dot."""

OVERRIDES = '''

_made = read


def read(
    dataset: str, start: datetime, end: datetime, options: Mapping[str, str]
) -> pd.DataFrame:
    """As made from the day; a file in ``overrides`` stands for its whole day."""
    folder = Path(__file__).parent / "overrides" / dataset
    if not folder.is_dir():
        return _made(dataset, start, end, options)
    parts = []
    for day in pd.date_range(start, end - timedelta(microseconds=1), freq="D"):
        file = folder / f"{day:%Y-%m-%d}.parquet"
        here = file.exists()
        parts.append(
            pd.read_parquet(file) if here else _made(dataset, day, day + timedelta(1), options)
        )
    return pd.concat(parts, ignore_index=True)


def state(dataset: str, day: date, options: Mapping[str, str]) -> str:
    """What a day follows from: its own file, or the code that makes it."""
    file = Path(__file__).parent / "overrides" / dataset / f"{day}.parquet"
    own = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""
    return fingerprint(dataset, options) + own
'''


@dataclass(frozen=True)
class Home:
    """A folder with a use case, a store and a cache of its own, and the runs made in it."""

    folder: Path
    environ: Mapping[str, str]
    settings: Settings
    trained: list[Trained] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """How long a verb took, where a test asks."""

    @property
    def usecase(self) -> UseCase:
        """As its folder says now."""
        return get_usecase(NAME, self.settings)

    @property
    def site(self) -> Site:
        return open_site(self.settings)

    def ingest(self, dataset: str, first: str = FIRST, last: str = LAST) -> Ingested:
        """Ingest days, both ends included."""
        start, end = Partition.of(first).start, Partition.of(last).end
        return ingest(self.site, self.usecase, dataset=dataset, start=start, end=end)

    def train(self, as_of: datetime) -> Trained:
        started = time.monotonic()
        made = train(self.site, self.usecase, as_of=as_of)
        self.seconds["train"] = time.monotonic() - started
        self.trained.append(made)
        return made

    def decide(self, run: str) -> Decided:
        return decide(self.site, self.usecase, run=run)

    def score(self, day: str) -> Scored:
        return score(self.site, self.usecase, partition=Partition.of(day))

    def monitor(self, day: str) -> Monitored:
        return monitor(self.site, self.usecase, partition=Partition.of(day), backfilled=False)

    def predictions_of(self, day: str) -> tuple[Revision, ...]:
        """The revisions of a partition's predictions."""
        return self.site.catalog(self.usecase, PREDICTIONS).read().revisions.get(day, ())

    def predictions(self, day: str) -> pd.DataFrame:
        """The newest predictions of a partition, fetched from the remote."""
        return self.table(self.predictions_of(day)[-1].md5)

    def table(self, md5: str) -> pd.DataFrame:
        """A published table, fetched by its md5."""
        file = self.folder / "looked-at" / f"{md5}.parquet"
        self.site.plane.place({file: md5})
        return pd.read_parquet(file)

    def lines(self, md5: str) -> list[dict[str, Any]]:
        """The lines of a file of JSON, fetched by its md5."""
        file = self.folder / "looked-at" / f"{md5}.jsonl"
        self.site.plane.place({file: md5})
        return [json.loads(line) for line in file.read_text().splitlines()]

    def catalogs(self) -> dict[str, dict[str, list[str]]]:
        """What makes the catalogs the same as others."""
        found = {name: self.site.catalog(self.usecase, name).read() for name in EVERYTHING}
        return {name: catalog_sameness(state) for name, state in found.items()}

    def ledger(self) -> list[list[object]]:
        """What makes the ledger the same as another."""
        return ledger_sameness(self.site.ledger(self.usecase).read())

    def audit(self, *, objects: Sequence[str] = EVERYTHING) -> None:
        """Recompute every journal, and look for every object that those of ``objects`` name."""
        self.site.ledger(self.usecase).audit()
        for name in EVERYTHING:
            state = self.site.catalog(self.usecase, name).audit().state
            if name not in objects:
                continue
            md5s = {r.md5 for revisions in state.revisions.values() for r in revisions}
            assert self.site.plane.missing([*md5s, *([state.tree] if state.tree else [])]) == ()

    def keys(self, prefix: str = "") -> list[str]:
        return list(self.site.store.keys(prefix))

    def override(self, dataset: str, day: str) -> Path:
        """Where to put a file that stands for a day of the source."""
        file = self.usecase.folder / "overrides" / dataset / f"{day}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def source(self, dataset: str, day: str) -> pd.DataFrame:
        """What the source gives of a day."""
        usecase, partition = self.usecase, Partition.of(day)
        options = usecase.config.source.options
        frame = usecase.source().read(dataset, partition.start, partition.end, options)
        assert isinstance(frame, pd.DataFrame)
        return frame

    def laurel(
        self, *words: str, timeout: float = 300, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        return subprocess.run(
            self.command(words),
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def killed(self, *words: str, after: float) -> bool:
        """``kill -9`` a command some seconds after it began its work; false if it was done then.

        It begins when it makes its workspace: how long a busy machine takes to load it all does
        not count.
        """
        before = self._workspaces()
        process = subprocess.Popen(
            self.command(words),
            env=dict(self.environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and self._workspaces() <= before:
            time.sleep(0.002)
        try:
            process.wait(timeout=after)
        except subprocess.TimeoutExpired:
            process.kill()
        return process.wait() < 0

    def killed_before(self, text: str, *words: str) -> bool:
        """Run a command that ends by ``kill -9`` before it writes to a path with ``text`` in it."""
        done = subprocess.run(
            [sys.executable, "-m", "support.killed_command", str(self.folder), text, *words],
            cwd=ROOT / "tests",
            env=dict(self.environ),
            capture_output=True,
            check=False,
        )
        return done.returncode == -signal.SIGKILL

    def _workspaces(self) -> set[str]:
        root = self.settings.home / "workspaces"
        return {path.name for path in root.iterdir()} if root.is_dir() else set()

    @staticmethod
    def command(words: Sequence[str]) -> list[str]:
        return [str(Path(sys.executable).with_name("laurel")), *words]

    def copy(self, folder: Path) -> Home:
        """A home with a copy of the store and of the use case, and an empty cache."""
        shutil.copytree(self.folder / "cases", folder / "cases")
        shutil.copytree(self.folder / "store", folder / "store")
        return replace(open_home(folder, fresh=False), trained=list(self.trained))


def open_home(folder: Path, *, fresh: bool = True, **environ: str) -> Home:
    """A home in a folder; a fresh one gets the use case, whose source knows overrides."""
    if fresh:
        usecases, _ = write_toy(folder / "cases")
        imports = "from pathlib import Path\n\nimport numpy"
        plain = SOURCE_PY.replace("import datetime,", "import date, datetime,", 1)
        source = plain.replace("\nimport numpy", f"{imports}", 1) + OVERRIDES
        (usecases / NAME / "source.py").write_text(source)
    given = {
        "LAUREL_HOME": str(folder / "home"),
        "LAUREL_STORE": f"file://{folder}/store",
        "LAUREL_USECASES": str(folder / "cases" / "usecases"),
        "LAUREL_EXPECTATIONS": str(folder / "cases" / "expectations"),
        **environ,
    }
    kept = {name: text for name, text in os.environ.items() if not name.startswith("LAUREL_")}
    return Home(folder=folder, environ={**kept, **given}, settings=load_settings(given))


def make_checkout(folder: Path) -> Path:
    """A git checkout of the source as it is now, in one commit."""
    for name in ("dags", "expectations", "include"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    (folder / ".dvc").mkdir()
    for name in ("dvc.yaml", "params.yaml", "pyproject.toml", *HIDDEN):
        shutil.copyfile(ROOT / name, folder / name)
    author = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "All of it"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)
    return folder


@contextmanager
def running_from(checkout: Path) -> Iterator[None]:
    """Let the package take itself, and what it starts, for that of the checkout."""
    package = checkout / "include" / "laurel"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(laurel, "__file__", str(package / "__init__.py"))
        patch.setattr(laurel.settings, "__file__", str(package / "settings.py"))
        patch.setenv("PYTHONPATH", str(package.parent))
        yield


def prepare(home: Home) -> Home:
    """The loop in its usual order: ingest all, then train, decide, score and monitor by time."""
    for dataset in DATASETS:
        home.ingest(dataset)
    for number, as_of in enumerate(AS_OFS):
        home.decide(home.train(as_of).run)
        for day in SCORED[2 * number : 2 * number + 2]:
            home.score(day)
            home.monitor(day)
    return home


def keep(home: Home) -> None:
    """Write down in a home what it knows of its runs, for :func:`kept_home`."""
    trained = [{**asdict(made), "as_of": made.as_of.isoformat()} for made in home.trained]
    document = {"trained": trained, "seconds": home.seconds}
    (home.folder / "kept.json").write_text(json.dumps(document))


def kept_home(folder: Path) -> Home:
    """The home in a copy of a folder that was kept."""
    document = json.loads((folder / "kept.json").read_text())
    trained = [
        Trained(
            **made
            | {
                "as_of": datetime.fromisoformat(made["as_of"]),
                "reasons": tuple(made["reasons"]),
            }
        )
        for made in document["trained"]
    ]
    home = open_home(folder, fresh=False)
    return replace(home, trained=trained, seconds=document["seconds"])


def restate(home: Home, dataset: str, day: str, frame: pd.DataFrame) -> None:
    """Let the source give other rows of a day, and ingest that day again."""
    frame.to_parquet(home.override(dataset, day))
    assert home.ingest(dataset, day, day).published == (day,)


def publish_rows(home: Home, dataset: str, day: str, frame: pd.DataFrame) -> None:
    """Publish other rows of a day past every suite, as if the source had corrected them in time."""
    partition, site = Partition.of(day), home.site
    file = home.folder / "corrected" / dataset / f"{day}.parquet"
    checked = Checked(
        path=file,
        facts=write_table(frame, file),
        suite="none",
        outcome="passed",
        fingerprint="by hand",
        corrected_at=partition.end,
    )
    files = push_files(site.plane, {partition: checked})
    assert publish(site.catalog(home.usecase, dataset), site.plane, files, run="by-hand")
