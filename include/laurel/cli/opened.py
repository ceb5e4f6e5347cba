"""The configured site and a use case, for commands that append records."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from laurel.runs.site import Site
    from laurel.usecase import UseCase


def open_case(name: str) -> tuple[Site, UseCase]:
    """Open the store for writing and find the use case; raises as either does."""
    from laurel.runs.site import open_site
    from laurel.usecase import get_usecase

    site = open_site()
    return site, get_usecase(name, site.settings)
