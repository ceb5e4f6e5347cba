"""Laurel's pages in a real API server: closed to all who are not logged in."""

from __future__ import annotations

import httpx
import pytest

from laurel.pages.card import END, START
from support.loop import First, Running

pytest_plugins = ["support.loop_fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

SEEN_BY_NOBODY = (
    "/laurel/",
    "/laurel/icon.svg",
    "/laurel/pages/runs/toy/train/0123456789abcdef/decision.html",
    "/laurel/pages/x",
)
DESCRIPTIONS = ("/laurel/docs", "/laurel/redoc", "/laurel/openapi.json")
FORGED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."  # algorithm none, user admin
NO_PAGES = (
    "../ledger/toy/entries/00000001",
    "..%2f..%2fetc%2fpasswd",
    "catalog/toy/visits/entries/00000001",
    "runs/toy/train/0123456789abcdef/bundle.json",
    "runs/toy/train/0123456789abcdef/%2e%2e/bundle.json",
)


@pytest.mark.parametrize("path", SEEN_BY_NOBODY)
def test_nobody_sees_a_page(running: Running, path: str) -> None:
    answer = running.page(path, token=None)

    assert answer.status_code == 401
    assert "toy" not in answer.text


def test_nobody_sees_a_page_that_is_there(running: Running, first: First) -> None:
    for key in first.done.keys:
        if key.endswith(".html"):
            assert running.page(f"/laurel/pages/{key}", token=None).status_code == 401, key


def test_a_token_of_somebody_else_s_making_is_no_login(running: Running) -> None:
    answer = running.page("/laurel/", token=FORGED)

    assert answer.status_code in (401, 403)


@pytest.mark.parametrize("path", DESCRIPTIONS)
@pytest.mark.parametrize("logged_in", [False, True])
def test_the_routes_are_described_to_nobody(running: Running, path: str, logged_in: bool) -> None:
    answer = running.page(path) if logged_in else running.page(path, token=None)

    assert answer.status_code in (401, 404)
    assert "openapi" not in answer.text.replace(path, "")


def test_the_overview_names_the_champion_and_its_report(running: Running, first: First) -> None:
    answer = running.page("/laurel/")

    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    for entry in first.done.ledger.history:
        assert f"/laurel/pages/runs/toy/train/{entry.run}/decision.html" in answer.text
        assert str(entry.model_version) in answer.text
    assert "The champion is <strong>toy-" in answer.text
    assert "backfilled" in answer.text


def test_every_page_that_a_run_wrote_is_served(running: Running, first: First) -> None:
    pages = [key for key in first.done.keys if key.endswith(".html")]
    kinds = {key.split("/")[2] for key in pages}

    assert kinds == {"ingest", "train", "score", "monitor"}
    for key in pages:
        answer = running.page(f"/laurel/pages/{key}")
        assert answer.status_code == 200, key
        stored = running.home.site.store.read(key)
        if key.endswith(
            ("/card.html", "/decision.html")
        ):  # in them stands what the ledger says at the moment
            assert around_the_standing(answer.text) == around_the_standing(stored.decode())
            assert answer.content != stored
        else:
            assert answer.content == stored


def around_the_standing(card: str) -> tuple[str, str]:
    return card.partition(START)[0], card.partition(END)[2]


@pytest.mark.parametrize("key", NO_PAGES)
def test_what_is_not_a_page_is_not_there(running: Running, key: str) -> None:
    assert running.page(f"/laurel/pages/{key}").status_code == 404


def test_bundles_and_records_are_not_served(running: Running, first: First) -> None:
    for key in [key for key in first.done.keys if not key.endswith(".html")][:20]:
        assert running.page(f"/laurel/pages/{key}").status_code == 404, key


def test_the_icon_comes_with_the_session_alone_as_an_image_is_asked_for(running: Running) -> None:
    """The navigation's ``<img>`` sends the session's cookie and no header."""
    with httpx.Client(base_url=running.stack.api.url, trust_env=False) as browser:
        browser.cookies.set("_token", running.token)
        answer = browser.get("/laurel/icon.svg")

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/svg+xml"
        browser.cookies.clear()
        assert browser.get("/laurel/icon.svg").status_code == 401


def test_the_plugin_is_registered_once_and_loads_without_errors(running: Running) -> None:
    plugins = [p for p in running.api.get("/plugins")["plugins"] if p["name"] == "laurel"]

    (plugin,) = plugins
    assert running.api.get("/plugins/importErrors")["import_errors"] == []
    assert [app["url_prefix"] for app in plugin["fastapi_apps"]] == ["/laurel"]
    (view,) = plugin["external_views"]
    assert running.page(view["icon"]).status_code == 200
    assert running.page(view["href"]).status_code == 200
    assert "EntryPoint(name='laurel'" in plugin["source"]
