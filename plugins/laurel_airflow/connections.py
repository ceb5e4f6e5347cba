"""Connections of sources, as Airflow keeps them: in its database, a secrets backend, variables."""

from __future__ import annotations

from airflow.sdk import Connection as Known
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowNotFoundException,
    AirflowRuntimeError,
)

from laurel.adapters.sources.connections import Connection, kind_of
from laurel.errors import ConfigError, StoreFault


class AirflowConnections:
    """Asks Airflow, which also hides in its logs what is secret in a connection."""

    def get(self, conn_id: str) -> Connection:
        """The connection; raises :class:`ConfigError` where Airflow has none."""
        try:
            known = Known.get(conn_id)
            extra = known.extra_dejson
        except AirflowNotFoundException:
            raise ConfigError(
                "Airflow has no such connection",
                found=conn_id,
                hint=f"airflow connections add {conn_id}, or the variable "
                f"AIRFLOW_CONN_{conn_id.upper()}",
            ) from None
        except (AirflowException, AirflowRuntimeError) as error:
            raise StoreFault(
                "Airflow did not say a connection", found=f"{conn_id}: {type(error).__name__}"
            ) from error
        return Connection(
            conn_id,
            kind_of(known.conn_type or ""),
            host=known.host,
            port=known.port,
            login=known.login,
            password=known.password,
            schema=known.schema,
            extra=extra,
        )
