"""SMTP backend for addresses with a non-ASCII local part (RFC 6531).

Django encodes such addresses as header words (RFC 2047), which mail servers reject.
"""

import email
from collections.abc import Sequence
from email.policy import SMTPUTF8
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp


class EmailBackend(smtp.EmailBackend):
    def _send(self, email_message: EmailMessage) -> bool:
        recipients = email_message.recipients()
        if all(address.isascii() for address in recipients):
            return bool(super()._send(email_message))  # type: ignore[misc]  # not in the stubs
        connection: Any = self.connection
        # Raises SMTPNotSupportedError if the server does not offer it.
        connection.sendmail(
            email_message.from_email,
            recipients,
            _message_for(email_message, recipients),
            mail_options=["SMTPUTF8", "BODY=8BITMIME"],
        )
        return True


def _message_for(email_message: EmailMessage, recipients: Sequence[str]) -> bytes:
    """Render the message with its addresses in UTF-8."""
    rendered = email.message_from_bytes(email_message.message().as_bytes(), policy=SMTPUTF8)
    del rendered["To"]
    rendered["To"] = ", ".join(recipients)
    return rendered.as_bytes()
