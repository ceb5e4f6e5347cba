from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from laurel.errors import LaurelError
from laurel.local.layout import SOCKET_ROOM, Layout, create_folders, create_private


def test_sockets_stay_in_the_home_when_its_path_is_short() -> None:
    assert Layout(Path("/srv/laurel/local")).sockets == Path("/srv/laurel/local/run")


def test_sockets_of_a_long_home_lie_in_a_short_folder_of_its_own() -> None:
    one, other = (Layout(Path("/" + "long" * 40 + name)) for name in "ab")

    assert len(os.fsencode(one.sockets)) <= SOCKET_ROOM
    assert one.sockets != other.sockets
    assert one.sockets == Layout(one.root).sockets


def test_folders_are_closed_to_other_users(tmp_path: Path) -> None:
    places = Layout(tmp_path / "home" / "local")

    create_folders(places)
    create_folders(places)

    assert stat.S_IMODE(places.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(places.sockets.stat().st_mode) == 0o700
    assert not list(places.plugins.iterdir())


def test_an_open_folder_for_sockets_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)

    create_private(folder)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_link_in_the_place_of_the_sockets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(LaurelError, match="belongs to somebody else"):
        create_private(tmp_path / "run")


def test_too_long_a_path_for_a_socket_is_refused_with_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(LaurelError, match="set LAUREL_HOME or TMPDIR"):
        create_private(tmp_path / ("x" * SOCKET_ROOM))
