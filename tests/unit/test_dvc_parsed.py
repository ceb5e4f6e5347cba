"""YAML that DVC reads and writes: parsed once, and always what DVC's own parser makes of it."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from unittest.mock import Mock, patch

from dvc.utils.serialize import _yaml, load_yaml, modify_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from laurel.adapters.dvc import parsed
from laurel.adapters.dvc.parsed import parsing_once

TEXTS = st.sampled_from(
    ["yes", "1e3", "0o17", "012", "2013-01-02", "null", "~", "a: b", "#", "", " x ", "é\n\ty"]
) | st.text(max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.dates(min_value=date(1900, 1, 1))
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


def dumped(data: object) -> str:
    stream = io.StringIO()
    _yaml._dump(data, stream)
    return stream.getvalue()


def unless_refused(parse: Callable[[], object]) -> object:
    """What a parser gives; ``None`` where the text is not for it, as control characters are."""
    try:
        return parse()
    except _yaml.YAMLError:
        return None


@settings(max_examples=25)
@given(data=st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_was_written_reads_as_dvc_itself_would_read_it(data: dict[str, object]) -> None:
    text = dumped(OrderedDict(data))
    plain = unless_refused(lambda: _yaml.parse_yaml(text, "dvc.lock"))
    with parsing_once():
        assert dumped(OrderedDict(data)) == text
        if plain is not None:
            found = _yaml.parse_yaml(text, "dvc.lock")
            assert found == plain
            assert dumped(_yaml.parse_yaml_for_update(text, "dvc.lock")) == text


def test_a_text_is_parsed_once_and_no_caller_sees_what_another_changed(tmp_path: Path) -> None:
    file = tmp_path / "dvc.yaml"
    file.write_text("stages:\n  a: {deps: [one]}\n")
    parse = Mock(wraps=_yaml.parse_yaml)
    with patch.object(_yaml, "parse_yaml", parse), parsing_once():
        load_yaml(file)["stages"]["a"]["deps"].append("two")
        assert load_yaml(file) == {"stages": {"a": {"deps": ["one"]}}}
        assert parse.call_count == 1
        file.write_text("stages: {}\n")
        assert load_yaml(file) == {"stages": {}}


LOCKED = st.fixed_dictionaries({"cmd": TEXTS, "params": st.dictionaries(TEXTS, VALUES, max_size=3)})


@settings(max_examples=25)
@given(stages=st.dictionaries(st.from_regex(r"[a-z]{1,9}_[a-z]{1,9}", fullmatch=True), LOCKED))
def test_a_lock_that_is_put_together_from_its_stages_is_what_dvc_writes(
    stages: dict[str, object],
) -> None:
    lock = {"schema": "2.0", "stages": OrderedDict(stages)}
    text = dumped(lock)
    with parsing_once():
        assert dumped(lock) == text
        assert dumped(lock) == text


@settings(max_examples=25)
@given(stage=LOCKED, name=st.sampled_from(["train", "flights_train", "no", "count@f", "1e3"]))
def test_an_entry_of_the_run_cache_is_what_the_lock_says_of_its_stage(
    stage: dict[str, object], name: str
) -> None:
    lock = {"schema": "2.0", "stages": OrderedDict({name: stage})}
    locked = dumped(lock)
    plain = unless_refused(lambda: _yaml.parse_yaml(locked, "dvc.lock"))
    with parsing_once():
        entry = dumped(OrderedDict(stage))
        assert dumped(lock) == locked
    if plain is not None:
        assert _yaml.parse_yaml(entry, "entry") == plain["stages"][name]


def test_what_is_modified_is_read_as_modified(tmp_path: Path) -> None:
    file = tmp_path / "dvc.lock"
    with patch.object(parsed, "KEPT", 3), parsing_once():
        for number in range(9):
            with modify_yaml(file) as data:
                data.setdefault("stages", OrderedDict())[f"s{number}"] = {"cmd": str(number)}
        found = load_yaml(file)

    assert len(found["stages"]) == 9
    assert found == load_yaml(file)
