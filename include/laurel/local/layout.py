"""Where the embedded stack keeps its files, all under ``<home>/local`` but long socket paths."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from laurel.errors import LaurelError
from laurel.settings import Settings

# sockaddr_un holds 108 bytes with the closing NUL; the longest name we put in the folder is
# supervisord's temporary ``supervisor.sock.<pid>``.
SOCKET_ROOM = 107 - len("/supervisor.sock.4194304")


@dataclass(frozen=True)
class Layout:
    """The files and folders of one embedded stack; nothing is created by naming them."""

    root: Path

    @property
    def airflow(self) -> Path:
        """``AIRFLOW_HOME``."""
        return self.root / "airflow"

    @property
    def plugins(self) -> Path:
        """An empty folder: plugins come by entry point only."""
        return self.root / "airflow" / "plugins"

    @property
    def passwords(self) -> Path:
        """The file the simple auth manager reads passwords from."""
        return self.root / "airflow" / "passwords.json"

    @property
    def database(self) -> Path:
        """PostgreSQL's data directory."""
        return self.root / "postgres"

    @property
    def schema(self) -> Path:
        """The version of Airflow whose tables the database holds."""
        return self.root / "schema"

    @property
    def logs(self) -> Path:
        """One log file for each process; task logs are in the folder ``tasks``."""
        return self.root / "logs"

    @property
    def pids(self) -> Path:
        """The last process id of each supervised process."""
        return self.root / "pids"

    @property
    def keys(self) -> Path:
        """The generated keys and the password, readable by the owner alone."""
        return self.root / "keys.json"

    @property
    def state(self) -> Path:
        """What the running stack recorded of itself."""
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        """Held while a stack is started or stopped."""
        return self.root / "lock"

    @property
    def supervision(self) -> Path:
        """The supervisor's configuration."""
        return self.root / "supervisor.conf"

    @property
    def sockets(self) -> Path:
        """The folder of the Unix sockets: here if the path is short enough, else a short one."""
        near = self.root / "run"
        if len(os.fsencode(near)) <= SOCKET_ROOM:
            return near
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"laurel-{os.geteuid()}-{digest}"

    @property
    def control(self) -> Path:
        """The supervisor's socket."""
        return self.sockets / "supervisor.sock"


def layout(settings: Settings) -> Layout:
    """The layout under the settings' home."""
    return Layout(settings.home / "local")


def create_folders(places: Layout) -> None:
    """Create the folders, closed to other users; raises :class:`LaurelError` for a foreign one."""
    for folder in (places.root, places.airflow, places.plugins, places.logs, places.pids):
        folder.mkdir(parents=True, exist_ok=True)
    # The database trusts whoever reaches its socket, so these two folders are the door.
    places.root.chmod(0o700)
    create_private(places.sockets)


def create_private(folder: Path) -> None:
    """Create a folder only we can enter, or check that the one found is ours and closed."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise LaurelError(
            "the folder for the sockets belongs to somebody else",
            found=f"{folder}, owner {found.st_uid}",
            expected=f"a folder owned by user {os.geteuid()}",
            hint="set LAUREL_HOME to a shorter path, or TMPDIR to a folder of your own",
        )
    if len(os.fsencode(folder)) > SOCKET_ROOM:
        raise LaurelError(
            "the path of the sockets is too long for the system",
            found=f"{folder} ({len(os.fsencode(folder))} bytes)",
            expected=f"at most {SOCKET_ROOM} bytes",
            hint="set LAUREL_HOME or TMPDIR to a shorter path",
        )
    folder.chmod(0o700)
