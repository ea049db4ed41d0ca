"""Keeps numbers, addresses and names out of the logs, whatever a caller of the logger forgot.

Logs carry ids, never bodies, numbers or names. This filter is the second wall behind that rule.
"""

import logging
import re

_SIP_URI = re.compile(r"\b(sips?|tel):[^\s<>;\"']+", re.IGNORECASE)
_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_NUMBER = re.compile(r"(?<![\w.:-])\+?\d(?:[ ()-]?\d){6,}(?![\w:-])")


def redact(text: str) -> str:
    """``text`` with SIP and telephone URIs, e-mail addresses and runs of seven or more digits replaced."""
    text = _SIP_URI.sub(r"\1:[redacted]", text)
    text = _EMAIL.sub("[redacted]", text)
    return _NUMBER.sub("[redacted]", text)


class RedactingFilter(logging.Filter):
    """Formats the record once and redacts the result; attach it to every handler."""

    def filter(self, record: logging.LogRecord) -> bool:  # type: ignore[explicit-override] # typing.override: 3.12
        record.msg = redact(record.getMessage())
        record.args = ()
        if record.exc_info and not record.exc_text:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True
