"""Where a run computes: in memory, beside its memory on disk, or on a Dask cluster."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from laurel.domain.config.base import Frozen


class Memory(Frozen):
    """All rows of the frame in memory at once, on this machine: the default."""

    kind: Literal["memory"] = "memory"


class External(Frozen):
    """The frame on disk, in memory one file of it at a time, on this machine.

    XGBoost keeps its histogram index in files beside the frame while it learns.
    """

    kind: Literal["external"] = "external"
    memory_mb: int = Field(default=256, ge=32)
    """What matching labels with rows may take, in MB, before it writes to disk."""


class Dask(Frozen):
    """The workers of a Dask cluster: a local one for the run, or one that is there already."""

    kind: Literal["dask"] = "dask"
    address: str | None = Field(default=None, pattern=r"^(tcp|tls)://[^/\s@]+:\d+$")
    """The scheduler, ``tcp://host:port`` or ``tls://host:port``; the setting
    ``LAUREL_DASK_SCHEDULER`` goes before it. A local cluster when neither is given."""
    workers: int = Field(default=2, ge=1, le=1024)
    """How many workers learn: with another number the model has other bytes. Of scoring: how many
    there are at least; its bytes are the same."""
    threads: int = Field(default=1, ge=1)
    """Threads of each worker of a local cluster."""
    memory_mb: int | None = Field(default=None, ge=64)
    """Memory of each worker of a local cluster, in MB; its share of the machine when left out."""
    wait_seconds: int = Field(default=60, ge=1)
    """How long to wait for the scheduler, and for so many workers."""

    @model_validator(mode="after")
    def _a_local_cluster_or_another(self) -> Dask:
        if self.address is not None and (self.memory_mb is not None or self.threads != 1):
            raise ValueError("threads and memory_mb are of a local cluster: leave them out")
        return self


def _by_name(value: Any) -> Any:
    """``engine: external`` says as much as ``engine: {kind: external}``."""
    return {"kind": value} if isinstance(value, str) else value


Engine = Annotated[
    Annotated[Memory | External | Dask, Field(discriminator="kind")], BeforeValidator(_by_name)
]

ScoringEngine = Annotated[
    Annotated[Memory | Dask, Field(discriminator="kind")], BeforeValidator(_by_name)
]


def changes_bytes(engine: Memory | External | Dask) -> tuple[str, ...]:
    """The keys of an engine that the bytes of a model depend on.

    >>> changes_bytes(External()), changes_bytes(Dask())
    (('kind',), ('kind', 'workers'))
    """
    return ("kind", "workers") if isinstance(engine, Dask) else ("kind",)
