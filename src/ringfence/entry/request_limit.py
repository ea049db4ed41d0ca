"""Refuses requests larger than the limit before anything reads them, whether or not they tell their length.

Django would spool a long body to a temporary file; no upload may reach a disk in the clear, nor fill one.
"""

from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]

PAGE = (
    '<!DOCTYPE html>\n<html lang="en-GB"><head><meta charset="utf-8"><title>That is too large – Ringfence</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1"></head>\n'
    "<body><main><h1>That is too large</h1><p>What you sent has more than {megabytes} MB, so nothing of it was kept. "
    'Make the file smaller, or send less at once.</p><p><a href="/">Go to the start page</a></p></main></body></html>\n'
)


class TooLarge(Exception):
    """The body of a request grew over the limit."""


def limited(application: Application, max_bytes: int) -> Application:
    """``application``, which no body of more than ``max_bytes`` reaches: such a request is answered with 413."""

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not told.isdigit() or int(told[:20]) > max_bytes:
            await _refuse(send, max_bytes)
            return
        read, started = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > max_bytes:
                raise TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await application(scope, counted, watched)
        except TooLarge:
            if started:
                raise
            await _refuse(send, max_bytes)

    return guarded


async def _refuse(send: Send, max_bytes: int) -> None:
    body = PAGE.format(megabytes=max_bytes // 1_000_000).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", b"default-src 'none'"),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),  # the rest of the body is not read
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
