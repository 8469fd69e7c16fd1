"""Channels beside the ledger: attached tmux clients, e-mail, webhooks for text messages and Slack, and what Apprise knows.

Each has 10 s.  A contact that is not configured is a warning; a failure is an error of that channel alone.
"""

from __future__ import annotations

from gastown_core.model.plain_text import clean, clean_lines
from gastown_core.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE_S = 10.0
_SMTPS = 465


class Delivery(Record):
    """The result of one route: ``channel`` (bead, mail, email, …), its target, and why it failed or was not used."""

    channel: str
    target: str = ""
    error: str = ""
    warning: str = ""


def send(action: str, contacts: Mapping[str, str], severity: str, title: str, reason: str) -> Delivery:
    """Use one channel for an escalation; never raises."""
    kind = action.partition(":")[0]
    needed = {"email": ("human_email", "smtp_host"), "sms": ("human_sms", "sms_webhook"), "slack": ("slack_webhook",)}
    missing = [key for key in needed.get(kind, ("apprise",)) if not contacts.get(key)]
    if missing:
        return Delivery(kind, warning=f"contacts.{missing[0]} is not set in settings/escalation.json")
    # no terminal of ours shows it, but one of the reader's may
    subject, reason = f"[{severity.upper()}] {clean(title)}", "\n".join(clean_lines(reason))
    try:
        if kind == "email":
            return _email(contacts, subject, reason)
        if kind == "sms":
            to = contacts["human_sms"]
            return _post("sms", contacts["sms_webhook"], {"to": to, "body": f"{subject}: {reason}"[:480]}, to)
        if kind == "slack":
            return _post("slack", contacts["slack_webhook"], {"text": f"{subject}\n{reason}"}, "")
        return _apprise(contacts["apprise"].split(), subject, reason)
    except Exception as error:  # noqa: BLE001  a mail server or a library may raise anything; it is told as this channel's error
        return Delivery(kind, error=f"{type(error).__name__}: {error}"[:300])


def show(root: str, severity: str, title: str) -> Delivery:
    """Show an escalation in every attached tmux client of the town; never raises."""
    return announce(root, f"[{severity.upper()}] {title} (gt escalate list)")


def announce(root: str, words: str) -> Delivery:
    """Show words in every attached tmux client of the town; never raises."""
    from gastown_core.errors import GastownError
    from gastown_core.tmux.clients import show_message
    from gastown_core.town.sessions import server_of

    try:
        count = show_message(server_of(root), words)
    except GastownError as error:
        return Delivery("tmux", warning=str(error))
    return Delivery("tmux", f"{count} clients" if count != 1 else "1 client")


def _email(contacts: Mapping[str, str], subject: str, reason: str) -> Delivery:
    import smtplib
    import ssl
    from email.message import EmailMessage

    message = EmailMessage()
    message["Subject"] = " ".join(subject.split())
    message["From"] = contacts.get("smtp_from") or contacts.get("smtp_user") or "gastown@localhost"
    message["To"] = contacts["human_email"]
    message.set_content(reason)
    port = int(contacts.get("smtp_port") or "587")
    host, user, password = contacts["smtp_host"], contacts.get("smtp_user"), contacts.get("smtp_pass")
    context = ssl.create_default_context()
    made = (
        smtplib.SMTP_SSL(host, port, timeout=PATIENCE_S, context=context)
        if port == _SMTPS
        else smtplib.SMTP(host, port, timeout=PATIENCE_S)
    )
    with made as server:
        server.ehlo()
        is_private = port == _SMTPS
        if not is_private and server.has_extn("starttls"):
            server.starttls(context=context)
            is_private = True
        if user and password:
            if not is_private:
                return Delivery("email", error=f"{host} offers no TLS, so the password is not sent")
            server.login(user, password)
        server.send_message(message)
    return Delivery("email", contacts["human_email"])


def _post(channel: str, url: str, value: dict[str, str], target: str) -> Delivery:
    import json
    from urllib.parse import urlsplit
    from urllib.request import Request, urlopen

    if urlsplit(url).scheme not in ("http", "https"):
        return Delivery(channel, target, error="the webhook is not an http or https address")
    request = Request(url, json.dumps(value).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=PATIENCE_S):
        return Delivery(channel, target)


def _apprise(urls: list[str], subject: str, reason: str) -> Delivery:
    try:
        import apprise
    except ImportError:
        return Delivery("notify", warning="the package apprise is not installed: pip install gastown-tui[notify]")
    told = apprise.Apprise()
    if not all(told.add(url) for url in urls):
        return Delivery("notify", error="contacts.apprise has an address that Apprise does not know")
    sent = told.notify(title=" ".join(subject.split()), body=reason or subject)
    return Delivery("notify") if sent else Delivery("notify", error="Apprise could not send it")
