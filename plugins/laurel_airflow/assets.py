"""The datasets and the champion as Airflow assets, so that other teams can subscribe."""

from __future__ import annotations

from airflow.sdk import Asset


def dataset_asset(usecase: str, dataset: str) -> Asset:
    """The asset of a dataset.

    >>> dataset_asset("flights", "labels").uri
    'x-laurel://flights/labels'
    """
    return Asset(name=f"{usecase}.{dataset}", uri=f"x-laurel://{usecase}/{dataset}", group="laurel")


def champion_asset(usecase: str) -> Asset:
    """The asset that changes when a decision about the champion is made."""
    return Asset(name=f"{usecase}.champion", uri=f"x-laurel://{usecase}/champion", group="laurel")


def report_asset(usecase: str) -> Asset:
    """The asset of the nightly reports."""
    return Asset(name=f"{usecase}.report", uri=f"x-laurel://{usecase}/report", group="laurel")


def examination_asset(usecase: str) -> Asset:
    """The asset of the checks of features."""
    return Asset(
        name=f"{usecase}.examination", uri=f"x-laurel://{usecase}/examination", group="laurel"
    )


def restatement_asset(usecase: str) -> Asset:
    """The asset of the reports on what corrections change."""
    return Asset(
        name=f"{usecase}.restatement", uri=f"x-laurel://{usecase}/restatement", group="laurel"
    )
