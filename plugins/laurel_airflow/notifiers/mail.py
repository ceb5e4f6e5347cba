"""A mail, through Airflow's SMTP provider; the connection holds server, account and sender."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from laurel.domain.alarms.message import Message
    from laurel.domain.config.alarms import Mail


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("laurel_airflow.notifiers"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def mail_notifier(channel: Mail, message: Message, *, link: str) -> SmtpNotifier:
    """A mail of a message: everything from data is escaped."""
    body = _templates().get_template("mail.html").render(message=message, link=link)
    return SmtpNotifier(
        to=list(channel.to),
        subject=f"[laurel] {message.subject}",
        html_content=body,
        mime_subtype="alternative",
        smtp_conn_id=channel.connection,
    )
