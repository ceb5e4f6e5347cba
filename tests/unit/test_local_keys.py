from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from laurel.errors import LaurelError
from laurel.local.keys import USER, read_keys, write_passwords
from laurel.local.layout import Layout, create_folders


@pytest.fixture
def places(tmp_path: Path) -> Layout:
    places = Layout(tmp_path / "local")
    create_folders(places)
    return places


def test_keys_are_generated_once(places: Layout) -> None:
    assert read_keys(places) == read_keys(places)
    assert read_keys(places) != read_keys(Layout(places.root / "other"))


def test_keys_are_readable_by_their_owner_alone(places: Layout) -> None:
    write_passwords(places, read_keys(places))

    assert stat.S_IMODE(places.keys.stat().st_mode) == 0o600
    assert stat.S_IMODE(places.passwords.stat().st_mode) == 0o600


def test_the_password_file_holds_the_one_user(places: Layout) -> None:
    keys = read_keys(places)
    write_passwords(places, keys)

    assert json.loads(places.passwords.read_text()) == {USER: keys.password}


def test_the_fernet_key_is_32_bytes(places: Layout) -> None:
    assert len(base64.urlsafe_b64decode(read_keys(places).fernet)) == 32


def test_keys_do_not_show_themselves(places: Layout) -> None:
    assert read_keys(places).password not in repr(read_keys(places))


def test_broken_keys_say_which_file_and_show_none_of_it(places: Layout) -> None:
    places.keys.write_text('{"fernet": "precious"')

    with pytest.raises(LaurelError) as error:
        read_keys(places)

    assert str(places.keys) in str(error.value)
    assert "precious" not in str(error.value)
