"""Every example in the documentation of sources is one that Laurel takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from laurel.domain.config import Source

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "sources.md").read_text()
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]
SAID = [example["source"] for example in EXAMPLES] + [
    dataset["source"] for example in EXAMPLES for dataset in example.get("datasets", {}).values()
]


@pytest.mark.parametrize("said", SAID, ids=lambda said: str(said.get("kind", "python")))
def test_an_example_is_taken_as_it_stands(said: dict[str, Any]) -> None:
    source = TypeAdapter(Source).validate_python(said)

    dumped = source.model_dump(mode="json", exclude_unset=True)
    assert {*said} <= {*dumped, "kind"}


def test_every_kind_has_an_example() -> None:
    kinds = {said.get("kind", "python") for said in SAID}

    assert kinds == {"dvc", "files", "http", "python", "s3", "sql"}
    assert all(f"## {kind}: " in TEXT for kind in kinds)


def test_every_option_is_named() -> None:
    options = {
        name
        for kind in TypeAdapter(Source).json_schema()["$defs"].values()
        for name in kind["properties"]
    }

    assert [name for name in sorted(options) if name not in TEXT] == []
