"""What all models of the configuration share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]


def _is_cron(text: str) -> str:
    from croniter import croniter

    if not croniter.is_valid(text):
        raise ValueError(f"{text!r} is not a cron expression")
    return text


Cron = Annotated[str, AfterValidator(_is_cron)]


class Frozen(BaseModel):
    """Base of all models: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
