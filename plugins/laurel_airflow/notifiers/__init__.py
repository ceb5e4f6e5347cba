"""Alarms told through Airflow's own notifiers: mail, Slack, and a webhook.

Messages hold texts from data. They are escaped for where they go, and handed to ``notify`` itself:
calling a notifier renders its fields as templates, and no text from data may become one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from laurel.domain.config.alarms import Channel, Mail, Slack

if TYPE_CHECKING:
    from airflow.sdk import BaseNotifier

    from laurel.domain.alarms.message import Message


def make_notifier(channel: Channel, message: Message, *, link: str) -> BaseNotifier:
    """The notifier that tells a message to a channel; ``link`` leads to the report.

    Raises :class:`laurel.errors.ConfigError` where its provider is not installed.
    """
    if isinstance(channel, Mail):
        from laurel_airflow.notifiers.mail import mail_notifier

        return mail_notifier(channel, message, link=link)
    if isinstance(channel, Slack):
        from laurel_airflow.notifiers.slack import slack_notifier

        return slack_notifier(channel, message, link=link)
    from laurel_airflow.notifiers.webhook import WebhookNotifier

    document = {**message.document(), "link": link}
    return WebhookNotifier(connection=channel.connection, document=document)
