"""The command line: each command is in the file that the table names, and comes with no other."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from laurel.cli import COMMANDS, assemble

NAMES = [(name, file) for file, names in COMMANDS.items() for name in names]


def commands(*words: str) -> dict[str, str | None]:
    """What each command is for, by its name."""
    found = get_command(assemble(words))
    assert isinstance(found, TyperGroup)
    return {name: one.help for name, one in found.commands.items()}


@pytest.mark.parametrize(("name", "file"), NAMES)
def test_a_command_comes_alone_with_its_file_and_as_in_the_whole(name: str, file: str) -> None:
    assert commands(name) == {each: commands()[each] for each in COMMANDS[file]}


@pytest.mark.parametrize("words", [(), ("--help",), ("gate",), ("no-such-command",)])
def test_all_commands_are_there_where_none_is_asked_for(words: tuple[str, ...]) -> None:
    assert {name for name, _ in NAMES} < set(commands(*words))


def test_a_command_imports_no_file_of_another() -> None:
    script = (
        "import sys; from laurel.cli import assemble; assemble(['train']); "
        "print(sorted(name for name in sys.modules if name.startswith('laurel.cli.')))"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert said == "['laurel.cli.opened', 'laurel.cli.runs']\n"
