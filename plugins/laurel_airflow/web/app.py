"""The web application behind Laurel's entry in Airflow's navigation.

Plugin routes are open by default in Airflow 3; every route here demands a logged-in user, and the
routes that describe the API are closed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, TypeVar, get_args

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, HTTPException, Path
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader

from laurel.adapters.openmetrics import CONTENT_TYPE
from laurel.adapters.store import Store, open_store
from laurel.domain.bundle import Kind
from laurel.errors import LaurelError, NotFound
from laurel.settings import load_settings
from laurel.usecase import UseCase, find_usecases
from laurel_airflow.links import page_url
from laurel_airflow.web.cards import with_ledger
from laurel_airflow.web.nights import newest_metrics, nights_page
from laurel_airflow.web.overview import overview

Made = TypeVar("Made")
Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,40}$")]

PAGE = re.compile(
    rf"runs/[a-z][a-z0-9_]*/({'|'.join(get_args(Kind))})"
    r"/[0-9a-f]{8,64}/([a-z0-9_-]+/)?[a-z0-9_-]+\.html"
    r"|weeks/[a-z][a-z0-9_]*/[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9a-f]{16}/(week|nights)\.html"
)
"""Keys of the store that are pages: nothing else is served."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
        "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#4c8c4a" '
    'stroke-width="1.8" stroke-linecap="round"><path d="M7 21C3 17 2.5 10 6 4"/>'
    '<path d="M17 21c4-4 4.5-11 1-17"/><path d="M4 13c2 0 3-1 3.5-3M4.5 17.5c2 .2 3.5-.5 4-2.5'
    'M5 8.5c1.600 0 2.600-1 3-2.800"/><path d="M20 13c-2 0-3-1-3.5-3M19.5 17.5c-2 .2-3.5-.5-4-2.5'
    'M19 8.5c-1.600 0-2.600-1-3-2.800"/></svg>'
)


def create_app() -> FastAPI:
    """Build the application; every route demands a logged-in user."""
    app = FastAPI(
        title="Laurel",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(requires_access_view(AccessView.WEBSITE))],
    )
    templates = Environment(
        loader=PackageLoader("laurel_airflow.web"), autoescape=True, trim_blocks=True
    )
    templates.filters["url"] = page_url

    @app.get("/")
    async def index() -> HTMLResponse:
        """Champions, decisions and reports of every use case."""
        return await run_in_threadpool(_index, templates)

    @app.get("/pages/{key:path}")
    async def page(key: Annotated[str, Path(max_length=300)]) -> HTMLResponse:
        """A page that a run has written."""
        return await run_in_threadpool(_page, key)

    @app.get("/nights/{usecase}")
    async def nights(usecase: Name) -> HTMLResponse:
        """Every reported night of a use case."""
        return await run_in_threadpool(_drawn, usecase, nights_page)

    @app.get("/metrics/{usecase}")
    async def metrics(usecase: Name) -> Response:
        """The newest report of a use case as OpenMetrics text."""
        text = await run_in_threadpool(_of_usecase, usecase, newest_metrics)
        return Response(text, media_type=CONTENT_TYPE, headers=HEADERS)

    @app.get("/icon.svg")
    async def icon() -> Response:
        """The laurel in the navigation."""
        return Response(ICON, media_type="image/svg+xml", headers=HEADERS)

    return app


def _index(templates: Environment) -> HTMLResponse:
    try:
        settings = load_settings()
        store = open_store(settings)
        cases = [overview(store, usecase) for usecase in find_usecases(settings).values()]
    except LaurelError as error:
        text = templates.get_template("fault.html").render(error=str(error))
        return HTMLResponse(text, status_code=503, headers=HEADERS)
    text = templates.get_template("index.html").render(cases=cases)
    return HTMLResponse(text, headers=HEADERS)


def _drawn(name: str, draw: Callable[[Store, UseCase], str]) -> HTMLResponse:
    return HTMLResponse(_of_usecase(name, draw), headers=HEADERS)


def _of_usecase(name: str, make: Callable[[Store, UseCase], Made]) -> Made:
    try:
        settings = load_settings()
        usecase = find_usecases(settings).get(name)
        if usecase is None:
            raise HTTPException(status_code=404, detail="there is no such use case")
        return make(open_store(settings), usecase)
    except LaurelError as error:
        raise HTTPException(status_code=503, detail=error.fact) from None


def _page(key: str) -> HTMLResponse:
    if not PAGE.fullmatch(key):
        raise HTTPException(status_code=404, detail="there is no such page")
    try:
        store = open_store(load_settings())
        data = with_ledger(store, key, store.read(key))
    except NotFound:
        raise HTTPException(status_code=404, detail="there is no such page") from None
    except LaurelError as error:
        raise HTTPException(status_code=503, detail=error.fact) from None
    return HTMLResponse(data, headers=HEADERS)
