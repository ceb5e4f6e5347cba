"""A message to Slack, through Airflow's own provider, which ``laurel[slack]`` installs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from laurel.errors import ConfigError

if TYPE_CHECKING:
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

    from laurel.domain.alarms.message import Message
    from laurel.domain.config.alarms import Slack

LONGEST = 2_900
"""Characters of a section of Slack's blocks, which takes 3,000."""


def escaped(text: str) -> str:
    """A text in which Slack sees no markup, link or mention.

    Source: Slack, Formatting text for app surfaces, escaping text.

    >>> escaped("<!channel> a & b")
    '&lt;!channel&gt; a &amp; b'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slack_notifier(channel: Slack, message: Message, *, link: str) -> SlackWebhookNotifier:
    """A message in Slack: one section for each change, none of it marked up by data."""
    try:
        from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
    except ImportError:
        raise ConfigError(
            "Slack's provider is not installed",
            usecase=message.usecase,
            found=f"a channel of kind slack: {channel.connection}",
            hint="pip install 'laurel[slack]'",
        ) from None
    parts = ["\n".join(news.lines()) for news in message.shown]
    texts = [message.subject, message.verdict, *parts, message.rest, link]
    return SlackWebhookNotifier(
        slack_webhook_conn_id=channel.connection,
        text=escaped(message.subject),
        blocks=[_section(text) for text in texts if text],
        unfurl_links=False,
        unfurl_media=False,
    )


def _section(text: str) -> dict[str, object]:
    return {
        "type": "section",
        "text": {"type": "plain_text", "emoji": False, "text": text[:LONGEST]},
    }
