"""Alarms through Airflow's notifiers, to real servers on loopback: escaped, without secrets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from laurel.domain.alarms.message import Message, News
from laurel.domain.config.alarms import Mail, Slack, Webhook
from laurel.errors import ChannelFault, ConfigError
from laurel_airflow.notifiers import make_notifier
from support.listening import Hook, Mailbox, hook, mailbox

EVIL = "<script>alert(1)</script> {{ 7 * 7 }} <!channel> \u202e & more"
LINK = "http://localhost:8080/laurel/pages/runs/toy/monitor/1a2b/report.html"
TOKEN = "s3cret-token-of-the-hook"  # noqa: S105
SLACK = "T0/B0/x"
CONTEXT: Any = {}


def message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "usecase": "toy",
        "title": "Visits that end in a return",
        "partition": "2024-02-20",
        "run": "1a2b",
        "backfilled": False,
        "verdict": f"1 alarm: {EVIL}.",
        "page": "runs/toy/monitor/1a2b/report.html",
        "news": (News("drift/shop", "confirmed critical", EVIL, "PSI 0.4", "PSI 0.1", "1 of 90"),),
    }
    return Message(**fields | changes)


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with mailbox() as box:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_OPS", box.connection)
        yield box


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with hook() as kept:
        known = kept.connection(password=TOKEN, extra={"path": "/alarms"})
        monkeypatch.setenv("AIRFLOW_CONN_HOOK", known)
        monkeypatch.setenv(
            "AIRFLOW_CONN_SLACK_OPS", kept.connection("slackwebhook", password=SLACK)
        )
        yield kept


def html(mail: Any) -> str:
    """The text of the part that a person sees."""
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/html"]
    return str(part.get_payload(decode=True).decode())


def test_a_mail_arrives_escaped_and_no_text_of_it_is_a_template(box: Mailbox) -> None:
    channel = Mail(kind="mail", connection="smtp_ops", to=("ops@example.org", "risk@example.org"))

    make_notifier(channel, message(), link=LINK).notify(CONTEXT)

    (mail,) = box.mails
    assert mail["Subject"] == "[laurel] toy 2024-02-20: 1 confirmed critical"
    assert (mail["To"], mail["From"]) == ("ops@example.org, risk@example.org", "laurel@example.org")
    body = html(mail)
    assert "<script" not in body
    assert "&lt;script&gt;" in body
    assert "{{ 7 * 7 }}" in body, "49 would be a template that was rendered"
    assert f'href="{LINK}"' in body


def test_a_backfilled_night_is_called_so_in_a_mail(box: Mailbox) -> None:
    channel = Mail(kind="mail", connection="smtp_ops", to=("ops@example.org",))

    make_notifier(channel, message(backfilled=True), link=LINK).notify(CONTEXT)

    (mail,) = box.mails
    assert mail["Subject"].startswith("[laurel] backfilled: toy")
    assert "a backfilled night" in html(mail)


def test_a_webhook_is_sent_plain_values_with_its_token(posted: Hook) -> None:
    channel = Webhook(kind="webhook", connection="hook")

    make_notifier(channel, message(), link=LINK).notify(CONTEXT)

    (sent,) = posted.posts
    assert posted.paths == ["/alarms"]
    assert posted.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert sent == {**message().document(), "link": LINK}
    assert sent["alarms"][0]["reason"] == EVIL, "JSON escapes by itself"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_refuses_is_a_fault_that_names_no_secret(posted: Hook, status: int) -> None:
    posted.statuses.append(status)
    channel = Webhook(kind="webhook", connection="hook")

    with pytest.raises(ChannelFault, match=f"hook: status {status}") as failure:
        make_notifier(channel, message(), link=LINK).notify(CONTEXT)

    assert failure.value.retryable
    assert TOKEN not in str(failure.value)
    assert str(posted.port) not in str(failure.value)


def test_a_webhook_that_is_gone_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with hook() as kept:
        gone = kept.connection()
    monkeypatch.setenv("AIRFLOW_CONN_HOOK", gone)

    with pytest.raises(ChannelFault, match="hook: ConnectError"):
        make_notifier(Webhook(kind="webhook", connection="hook"), message(), link=LINK).notify(
            CONTEXT
        )


def test_slack_is_told_plain_text_in_which_nothing_is_a_mention(posted: Hook) -> None:
    make_notifier(Slack(kind="slack", connection="slack_ops"), message(), link=LINK).notify(CONTEXT)

    (sent,) = posted.posts
    assert posted.paths == ["/T0/B0/x"]
    assert {block["text"]["type"] for block in sent["blocks"]} == {"plain_text"}
    assert EVIL in "\n".join(block["text"]["text"] for block in sent["blocks"])
    assert "<" not in sent["text"]


def test_slack_without_its_provider_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "airflow.providers.slack.notifications.slack_webhook", None)

    with pytest.raises(ConfigError, match=r"pip install 'laurel\[slack\]'"):
        make_notifier(Slack(kind="slack", connection="slack_ops"), message(), link=LINK)


def test_a_connection_id_is_no_address() -> None:
    with pytest.raises(ValueError, match="String should match pattern"):
        Webhook(kind="webhook", connection="https://hooks.example.org/secret")


class _Made(SimpleNamespace):
    """A notifier that does as it is told."""

    def notify(self, _context: Any) -> None:
        if self.error:
            raise self.error


def _tell(monkeypatch: pytest.MonkeyPatch, errors: dict[str, Exception | None]) -> list[str]:
    """Run the task over channels that fail or not; the names of those remembered."""
    from laurel_airflow import alarming

    remembered: list[str] = []
    channels = [Webhook(kind="webhook", connection=name) for name in errors]
    monkeypatch.setattr(
        "laurel.runs.tell.messages", lambda *_, **__: iter((c, message()) for c in channels)
    )
    monkeypatch.setattr(
        "laurel.runs.tell.remember", lambda *_, channel, **__: remembered.append(channel.connection)
    )
    monkeypatch.setattr(
        "laurel_airflow.notifiers.make_notifier",
        lambda channel, *_, **__: _Made(error=errors[channel.connection]),
    )
    task = alarming.TellOperator(task_id="tell", usecase="toy")
    given: Any = {
        "ti": SimpleNamespace(xcom_pull=lambda task_ids: {"run": f"of {task_ids}"}),
        "dag_run": SimpleNamespace(run_type="scheduled"),
    }
    nothing: Any = None
    try:
        task.run_verb(nothing, nothing, given)
    except ChannelFault as fault:
        remembered.append(str(fault))
    return remembered


def test_a_channel_that_fails_does_not_silence_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, fault = _tell(
        monkeypatch, {"a": None, "b": RuntimeError(f"at https://x/{TOKEN}"), "c": None}
    )

    assert (first, second) == ("a", "c")
    assert "webhook:b: RuntimeError" in fault
    assert TOKEN not in fault
