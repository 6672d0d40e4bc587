"""Sees to it that no secret leaves: every answer and every log line of every test is read.

Looked for are hashes, tokens, the passwords of the factories, and whatever passwords, PINs and
terminal tokens a test sends or is shown, until its end; further ones after `remember("...")`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client
from structlog.stdlib import ProcessorFormatter

# A hash by its method, and a token of ours: parts of which the first begins with `{"`. Each is
# searched for only where the word before it stands, which is found a hundred times as quickly.
HASHES = {
    "argon2": re.compile("argon2"),
    "pbkdf2": re.compile("pbkdf2"),
    "md5$": re.compile(r"md5\$\w+\$"),
}
TOKEN = {"eyJ": re.compile(r"(?<![\w-])eyJ[\w-]{10,}\.[\w-]+")}
# What gives tokens out: their own answers, and nobody else's.
GIVES_TOKENS = re.compile(
    r"/api/v1/auth/(?:token/|token/refresh/|signup/|password/|reauth/|pin/)\Z"
)
# What shows a secret once, and where it stands in the answer.
SHOWS_ONCE = re.compile(
    r"/api/v1/(?:users/(?:[0-9a-f-]+/reset-password/)?|registers/[0-9a-f-]+/pair/"
    r"|webhooks/(?:[0-9a-f-]+/rotate/)?)\Z"
)
SHOWN = re.compile(r'"(?:temporary_password|terminal_token|secret)": ?"([^"]+)"')
# In what is sent, by the name of the field or of the header.
SENT = re.compile(r"password|\bpin\b|terminal.token", re.IGNORECASE)
# Others are words and figures that stand in answers for reasons of their own.
WORTH_KEEPING = re.compile(r"\d{6,}|.{12,}", re.DOTALL)


# The passwords of the factories and of most tests.
ALWAYS = {f"{number} green bottles" for number in ("seven", "eight", "nine", "ten")}


def whole(secret: str) -> "re.Pattern[str]":
    """A PIN is not part of an amount, of a time or of an id."""
    return re.compile(rf"(?<![\w.-]){re.escape(secret)}(?![\w.-])")


class Leaks:
    """What was found, and by which words it is known."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.begin()

    def begin(self) -> None:
        """Another test, with secrets of its own."""
        self.found.clear()
        self.secrets = set(ALWAYS)

    def remember(self, *secrets: object) -> None:
        for secret in secrets:
            if isinstance(secret, str) and WORTH_KEEPING.fullmatch(secret):
                self.secrets.add(secret)

    def remember_sent(self, sent: object) -> None:
        """What a body or the headers of a request name a secret."""
        if not isinstance(sent, dict):
            return
        for name, value in sent.items():
            if SENT.search(str(name)):
                self.remember(value)
            self.remember_sent(value)

    def read(self, text: str, *, where: str, tokens: bool = True) -> None:
        looked_for = HASHES | (TOKEN if tokens else {})
        looked_for |= {secret: whole(secret) for secret in self.secrets if secret in text}
        self.found += [
            f"{where}: {match[0][:60]}"
            for word, kind in looked_for.items()
            if word in text and (match := kind.search(text))
        ]

    def read_answer(self, path: str, response: Any) -> None:
        if response.streaming:
            return
        text = response.content.decode("utf-8", "replace")
        if SHOWS_ONCE.match(path):
            shown = SHOWN.findall(text)
            text = SHOWN.sub("", text)
            self.remember(*shown)
        self.read(text, where=f"the answer of {path}", tokens=not GIVES_TOKENS.match(path))


leaks = Leaks()
remember = leaks.remember


@contextmanager
def watch_leaks(patch: Any) -> Iterator[None]:
    """From here on every answer to a test's client is read, and every line that is logged."""
    request, write = Client.request, ProcessorFormatter.format

    def read_request(self: Client, **environ: Any) -> Any:
        response = request(self, **environ)
        leaks.read_answer(environ.get("PATH_INFO", ""), response)
        return response

    def read_line(self: ProcessorFormatter, record: Any) -> str:
        line = write(self, record)
        leaks.read(line, where=f"the log of {record.name}")
        return line

    with patch.context() as patched:
        patched.setattr(Client, "request", read_request)
        patched.setattr(ProcessorFormatter, "format", read_line)
        yield
