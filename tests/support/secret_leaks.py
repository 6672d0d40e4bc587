"""Detect secrets in every response and every log line of every test.

Detected are hashes, tokens, the passwords of the factories, and passwords, PINs and terminal
tokens that a test sends or is shown, until its end; others after `remember("...")`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client
from structlog.stdlib import ProcessorFormatter

from tests.support.compression import unpack

# A hash by its method, and a token by its parts, of which the first begins with `{"`. Each is
# searched only if the word is found first, which is a hundred times faster.
HASHES = {
    "argon2": re.compile("argon2"),
    "pbkdf2": re.compile("pbkdf2"),
    "md5$": re.compile(r"md5\$\w+\$"),
}
TOKEN = {"eyJ": re.compile(r"(?<![\w-])eyJ[\w-]{10,}\.[\w-]+")}
# Responses that may contain tokens.
GIVES_TOKENS = re.compile(
    r"/api/v1/auth/(?:token/|token/refresh/|signup/|password/|reauth/|pin/)\Z"
)
# Responses that show a secret once, and its place.
SHOWS_ONCE = re.compile(
    r"/api/v1/(?:users/(?:[0-9a-f-]+/reset-password/)?|registers/[0-9a-f-]+/pair/"
    r"|webhooks/(?:[0-9a-f-]+/rotate/)?)\Z"
)
SHOWN = re.compile(r'"(?:temporary_password|terminal_token|secret)": ?"([^"]+)"')
# Names of fields and headers with a secret.
SENT = re.compile(r"password|\bpin\b|terminal.token|secret", re.IGNORECASE)
# Shorter values occur in responses for other reasons.
WORTH_KEEPING = re.compile(r"\d{6,}|.{12,}", re.DOTALL)


# The passwords of the factories and of most tests.
ALWAYS = {f"{number} green bottles" for number in ("seven", "eight", "nine", "ten")}


def whole_word(secret: str) -> "re.Pattern[str]":
    """Match the secret only as a whole word, because a PIN can be part of a number or id."""
    return re.compile(rf"(?<![\w.-]){re.escape(secret)}(?![\w.-])")


class Leaks:
    """Found leaks and known secrets."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.begin()

    def begin(self) -> None:
        """Start a test with new secrets."""
        self.found.clear()
        self.secrets = set(ALWAYS)

    def remember(self, *secrets: object) -> None:
        for secret in secrets:
            if isinstance(secret, str) and WORTH_KEEPING.fullmatch(secret):
                self.secrets.add(secret)

    def remember_sent(self, sent: object) -> None:
        """Remember the secrets in a request body or in headers."""
        if not isinstance(sent, dict):
            return
        for name, value in sent.items():
            if SENT.search(str(name)):
                self.remember(value)
            self.remember_sent(value)

    def read(self, text: str, *, where: str, tokens: bool = True) -> None:
        looked_for = HASHES | (TOKEN if tokens else {})
        looked_for |= {secret: whole_word(secret) for secret in self.secrets if secret in text}
        self.found += [
            f"{where}: {match[0][:60]}"
            for word, kind in looked_for.items()
            if word in text and (match := kind.search(text))
        ]

    def read_answer(self, path: str, response: Any) -> None:
        if response.streaming:
            return
        text = unpack(response).decode("utf-8", "replace")
        if SHOWS_ONCE.match(path):
            shown = SHOWN.findall(text)
            text = SHOWN.sub("", text)
            self.remember(*shown)
        self.read(text, where=f"the answer of {path}", tokens=not GIVES_TOKENS.match(path))


leaks = Leaks()
remember = leaks.remember


@contextmanager
def watch_leaks(patch: Any) -> Iterator[None]:
    """Check every response to test clients and every log line from here on."""
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
