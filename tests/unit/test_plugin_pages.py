"""Laurel's pages in Airflow: only for who is logged in, only pages, nothing that bites."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from laurel.adapters.records import Ledger
from laurel.adapters.store import open_store
from laurel.domain.bundle import Kind
from laurel.domain.canonical import canonical_json
from laurel.settings import load_settings
from laurel.stages.monitor import monitor
from laurel_airflow.web.app import PAGE, create_app
from laurel_airflow.web.lazy import LazyApp
from support.monitoring import make_input, make_usecase
from support.records import decision
from support.synthetic import write_toy

RUN = "0123456789abcdef"
KEY = f"runs/toy/train/{RUN}/decision.html"
ROUTES = ("/", f"/pages/{KEY}", "/nights/toy", "/icon.svg")
CLOSED = (*ROUTES, "/metrics/toy")
DESCRIPTIONS = ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect")
HOSTILE = "<script>alert(1)</script>"
NO_PAGES = (
    "runs/toy/train/0123456789abcdef/bundle.json",
    "runs/toy/train/0123456789abcdef/",
    "runs/toy/train/0123456789abcdef/../../../../secret.html",
    "runs/toy/train/0123456789abcdef/%2e%2e/%2e%2e/secret.html",
    "runs/toy/train/0123456789abcdef/..%2fdecision.html",
    "../runs/toy/train/0123456789abcdef/decision.html",
    "/runs/toy/train/0123456789abcdef/decision.html",
    "//etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "catalog/toy/visits/entries/00000001",
    "ledger/toy/entries/00000001",
    "quarantine/toy/visits/2024-02-23/reasons.html",
    "runs/toy/train/0123456789abcdef/decision.html%00",
    "runs/toy/train/ABCDEF0123456789/decision.html",
    "runs/toy/shell/0123456789abcdef/decision.html",
    "",
)


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The toy alone beside what is shipped, with a store of its own."""
    usecases, suites = write_toy(tmp_path)
    given = {
        "LAUREL_HOME": str(tmp_path / "home"),
        "LAUREL_STORE": f"file://{tmp_path}/store",
        "LAUREL_USECASES": str(usecases),
        "LAUREL_EXPECTATIONS": str(suites),
    }
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    return given


@pytest.fixture
def anonymous(environ: dict[str, str]) -> Iterator[TestClient]:
    """The application as it is, asked by nobody in particular."""
    with TestClient(create_app(), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def granted() -> set[str]:
    """The views that the user of these tests may see."""
    return {"WEBSITE"}


@pytest.fixture
def client(
    environ: dict[str, str], granted: set[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """The application, asked by a logged-in user."""
    from airflow.api_fastapi.core_api import security

    def may_see(*, access_view: Any, user: Any) -> bool:
        return user.name == "ada" and access_view.name in granted

    manager = SimpleNamespace(is_authorized_view=may_see)
    monkeypatch.setattr(security, "get_auth_manager", lambda: manager)
    app = create_app()
    app.dependency_overrides[security.get_user] = lambda: SimpleNamespace(name="ada")
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


def crown(reason: str = "all thresholds hold") -> None:
    """Put a champion, its page and a report into the store."""
    store = open_store(load_settings())
    entry = decision(1, name="toy-20130702-0123456")
    Ledger(store, "toy").decide(entry.model_copy(update={"run": RUN, "reasons": (reason,)}))
    store.create(KEY, b"<h1>the decision</h1>")
    report = {
        "partition": "2013-07-03",
        "run": RUN,
        "sentence": reason,
        "alarms": 0,
        "backfilled": True,
        "page": f"runs/toy/monitor/{RUN}/report.html",
    }
    store.create(f"reports/toy/2013-07-03/{RUN}.json", canonical_json(report))


@pytest.mark.parametrize("route", CLOSED)
def test_nobody_gets_nothing(anonymous: TestClient, route: str) -> None:
    crown()

    answer = anonymous.get(route)

    assert answer.status_code == 401
    assert answer.json() == {"detail": "Not authenticated"}


@pytest.mark.parametrize("route", DESCRIPTIONS)
def test_the_routes_are_described_to_nobody(client: TestClient, route: str) -> None:
    assert client.get(route).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_pages_are_only_read(client: TestClient, method: str) -> None:
    assert client.request(method, "/").status_code == 405


@pytest.mark.parametrize("route", CLOSED)
def test_a_user_without_the_website_is_refused(
    client: TestClient, granted: set[str], route: str
) -> None:
    granted.clear()

    assert client.get(route).status_code == 403


@pytest.mark.parametrize("route", ROUTES)
def test_a_logged_in_user_is_served_with_closed_headers(client: TestClient, route: str) -> None:
    crown()

    answer = client.get(route)

    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in answer.headers["cache-control"]


def test_the_icon_is_a_picture(client: TestClient) -> None:
    answer = client.get("/icon.svg")

    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith("<svg")


def test_the_overview_names_the_champion_and_leads_to_the_pages(client: TestClient) -> None:
    crown()

    text = client.get("/").text

    assert "The champion is <strong>toy-20130702-0123456</strong>" in text
    assert f'href="/laurel/pages/{KEY}"' in text
    assert f'href="/laurel/pages/runs/toy/monitor/{RUN}/report.html"' in text
    assert "backfilled" in text


def test_all_nights_are_a_page_that_leads_to_their_reports(client: TestClient) -> None:
    crown(reason=HOSTILE)

    text = client.get("/nights/toy").text

    assert 'href="/laurel/nights/toy"' in client.get("/").text
    assert f'href="/laurel/pages/runs/toy/monitor/{RUN}/report.html"' in text
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert client.get("/nights/nobody").status_code == 404
    assert client.get("/nights/..%2fsecret").status_code in (404, 422)


def test_the_newest_report_is_told_as_metrics(client: TestClient) -> None:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    nothing = client.get("/metrics/toy")
    assert (nothing.status_code, nothing.text) == (200, "# EOF\n")

    store = open_store(load_settings())
    crown()
    document = monitor(make_usecase(), make_input()).document()
    store.create(f"runs/toy/monitor/{RUN}/report.json", canonical_json(document))
    answer = client.get("/metrics/toy")
    found = {family.name: family for family in text_string_to_metric_families(answer.text)}

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert found["laurel_report_rows"].samples[0].value == 900


def test_an_empty_store_says_what_to_do(client: TestClient) -> None:
    text = client.get("/").text

    assert "No champion reigns yet" in text
    assert "run toy_monitor" in text


def test_a_page_is_served_as_it_was_written(client: TestClient) -> None:
    crown()

    answer = client.get(f"/pages/{KEY}")

    assert answer.content == b"<h1>the decision</h1>"
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_page_of_every_kind_of_run_is_served(client: TestClient, kind: str) -> None:
    """Links of tasks lead to them: that of an examination, too."""
    key = f"runs/toy/{kind}/{RUN}/page.html"
    open_store(load_settings()).create(key, b"<h1>a page</h1>")

    assert client.get(f"/pages/{key}").content == b"<h1>a page</h1>"


@pytest.mark.parametrize("key", NO_PAGES)
def test_what_is_not_a_page_is_not_there(
    client: TestClient, environ: dict[str, str], key: str
) -> None:
    crown()
    root = Path(environ["LAUREL_STORE"].removeprefix("file://"))
    (root / "secret.html").write_text("secret")
    (root / "runs/toy/train" / RUN / "bundle.json").write_text("secret")

    answer = client.get(f"/pages/{key}")

    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_a_page_that_was_never_written_is_not_there(client: TestClient) -> None:
    assert client.get(f"/pages/{KEY}").json() == {"detail": "there is no such page"}


@given(st.from_regex(PAGE, fullmatch=True))
def test_the_key_of_a_page_stays_inside_the_runs(key: str) -> None:
    assert key.startswith(("runs/", "weeks/"))
    assert key.endswith(".html")
    assert ".." not in key
    assert "//" not in key
    assert "\n" not in key


def test_restatements_are_listed_with_the_newest_first(client: TestClient) -> None:
    crown()
    store = open_store(load_settings())
    for number, moment in enumerate(("2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z")):
        run = f"{number}" * 16
        page = f"runs/toy/restate/{run}/restatement.html"
        listed = {
            "run": run,
            "dataset": "visits",
            "partitions": ["2024-02-05", "2024-02-06"],
            "known_by": moment,
            "sentence": f"{HOSTILE} flips",
            "page": page,
        }
        store.create(f"restatements/toy/{run}.json", canonical_json(listed))
        store.create(page, b"<p>differs</p>")

    shown = client.get("/").text

    assert "<script" not in shown
    assert "visits 2024-02-05 to 2024-02-06" in shown
    assert shown.index("2024-03-02T00:00:00Z") < shown.index("2024-03-01T00:00:00Z")
    assert f"/laurel/pages/{page}" in shown
    assert client.get(f"/pages/{page}").text == "<p>differs</p>"


def test_hostile_words_are_only_words(client: TestClient, environ: dict[str, str]) -> None:
    crown(reason=HOSTILE)
    config = Path(environ["LAUREL_USECASES"]) / "toy" / "usecase.yaml"
    text = config.read_text()
    for line in ("title: Visits that end in a return", "owner: tests"):
        name = line.partition(":")[0]
        text = text.replace(line, f"{name}: {HOSTILE}")
    config.write_text(text)

    shown = client.get("/").text

    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") >= 4


def test_a_store_that_cannot_be_read_is_an_error_and_never_an_empty_page(
    client: TestClient, environ: dict[str, str]
) -> None:
    Path(environ["LAUREL_STORE"].removeprefix("file://")).write_text("a file, no folder")

    overview, page = client.get("/"), client.get(f"/pages/{KEY}")

    assert overview.status_code == page.status_code == 503
    assert "The records cannot be read" in overview.text
    assert "the store" in overview.text
    assert overview.headers["content-security-policy"]
    assert "No champion" not in overview.text


def test_no_secret_is_told_with_a_fault(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUREL_STORE", "s3://laurel/here")
    monkeypatch.setenv("LAUREL_S3_ENDPOINT", "http://ada:hunter2@127.0.0.1:1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter3")

    for route in ("/", f"/pages/{KEY}"):
        answer = client.get(route)
        assert answer.status_code == 503
        assert "hunter" not in answer.text


def test_a_use_case_that_cannot_be_read_is_named(
    client: TestClient, environ: dict[str, str]
) -> None:
    config = Path(environ["LAUREL_USECASES"]) / "toy" / "usecase.yaml"
    config.write_text(config.read_text() + "\nlables: <b>\n")

    answer = client.get("/")

    assert answer.status_code == 503
    assert "lables: unknown key" in answer.text


def test_the_application_is_made_at_its_first_request(environ: dict[str, str]) -> None:
    lazy = LazyApp("laurel_airflow.web.app:create_app")
    assert "app" not in vars(lazy)

    with TestClient(lazy) as client:
        assert client.get("/").status_code == 401
        made = lazy.app
        assert client.get("/icon.svg").status_code == 401
        assert lazy.app is made


def test_the_plugin_alone_loads_no_web_application() -> None:
    """Airflow imports it in every process."""
    code = (
        "import sys, laurel_airflow; "
        "heavy = {'fastapi', 'jinja2', 'pandas', 'dvc', 'laurel_airflow.web.app'}; "
        "print(sorted(set(sys.modules) & heavy - before))"
    )
    code = f"import sys, airflow.plugins_manager; before = set(sys.modules); {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
