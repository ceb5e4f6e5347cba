"""The JSON schema of a report's document, generated from the types that it is made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from laurel.domain.report import SCHEMA, Report, Standing

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ADDED = {
    "schema": {"const": SCHEMA, "description": "The version of this schema."},
    "verdict": {"type": "string", "description": "The report in one sentence."},
    "standing": {
        "enum": list(get_args(Standing)),
        "description": "alarmed; deserved; or unknown where labels are too few to say.",
    },
}
"""What the document says besides the fields of the report."""
DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


class _Undefined(GenerateJsonSchema):
    """Numbers that may be undefined are null then, never 0."""

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:  # noqa: ARG002
        return {"type": ["number", "null"]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Without defaults: the document says every field."""
        return self.generate_inner(schema["schema"])


def report_schema() -> dict[str, Any]:
    """The schema of ``report.json``, with the meaning of each field as its description.

    >>> sorted(report_schema()["required"])[:2]
    ['alarms', 'bounds']
    """
    for kind in set(_kinds(Report)):
        # where field descriptions come from, and no field is left out or added
        documented = ConfigDict(use_attribute_docstrings=True, extra="forbid")
        kind.__pydantic_config__ = documented
    found = TypeAdapter(Report).json_schema(mode="serialization", schema_generator=_Undefined)
    definitions = found.pop("$defs")
    own = found["properties"]
    digest_of = "Digest of the counts over the profile's bins that the next nights add up."
    own["counts"] = {**DIGEST, "description": digest_of}
    definitions["ChampionFacts"]["properties"]["profile"] = {
        **DIGEST,
        "description": "Digest of the profile of what the model saw in training.",
    }
    for each in definitions.values():
        _every_field(each)
    whole = {**found, "properties": {**ADDED, **own}, "$defs": definitions}
    _every_field(whole)
    return {"$schema": DIALECT, **whole, "title": "Nightly report", "description": REPORT}


def schema_text() -> str:
    """The schema as it is printed, and kept in ``docs/report.schema.json``."""
    return json.dumps(report_schema(), indent=2, sort_keys=True) + "\n"


REPORT = (
    "What is known of a champion on one partition, by what was known at the partition's end. "
    "Undefined numbers are null. Equal inputs give equal bytes."
)


def _every_field(schema: dict[str, Any]) -> None:
    if "properties" in schema:
        schema["required"] = sorted(schema["properties"])
        schema["additionalProperties"] = False


def _kinds(kind: Any) -> Iterator[Any]:
    """A dataclass and all those that its fields hold."""
    if is_dataclass(kind):
        yield kind
        hints = get_type_hints(kind)
        for item in fields(kind):
            yield from _kinds(hints[item.name])
    for argument in get_args(kind):
        yield from _kinds(argument)
