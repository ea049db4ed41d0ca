"""A blocking client of the engine's control socket, for the web process and the bridge's thread."""

import itertools
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from ringfence.control.channel import ControlError, Decoder, encode
from ringfence.control.commands import Acknowledge, Answer, AnyCommand, Facts, Follow, FromEngine, Reply, Request

_READ_BYTES = 1 << 16


class EngineDown(ControlError):
    """The exchange does not answer. Start it, or look at its log."""


class ControlClient:
    """Asks commands (any thread, one connection each) and follows facts (one thread, one connection)."""

    def __init__(self, path: Path, *, timeout_seconds: float = 5.0) -> None:
        self._path = path
        self._timeout = timeout_seconds
        self._ids = itertools.count(1)
        self._following: socket.socket | None = None

    def ask(self, command: AnyCommand) -> Reply:
        """The engine's one reply. Raises EngineDown when there is none; the command may then have taken effect."""
        request = Request(request_id=next(self._ids), command=command)
        decoder: Decoder[FromEngine] = Decoder(FromEngine)
        with self._connect() as link:
            try:
                link.sendall(encode(request))
                while data := link.recv(_READ_BYTES):
                    for message in decoder.feed(data):
                        if isinstance(message, Answer) and message.request_id == request.request_id:
                            return message.reply
            except TimeoutError:
                raise EngineDown(f"The exchange did not answer within {self._timeout:g} s. Look at its log.") from None
            except OSError:
                raise EngineDown("The exchange closed the connection. Look at its log.") from None
        raise EngineDown("The exchange closed the connection. Look at its log.")

    def follow(self, *, consumer: str = "bridge", idle_seconds: float = 1.0) -> Iterator[Facts | None]:
        """Batches of facts, unacknowledged ones first; None after each idle second, so that the thread can stop.

        Batches that arrived together come as one, so that a busy follower stores many facts in one transaction.

        Raises EngineDown when the engine goes away; call again to follow the next run.
        """
        self.close()
        link = self._connect()
        self._following = link
        decoder: Decoder[FromEngine] = Decoder(FromEngine)
        try:
            link.sendall(encode(Follow(consumer=consumer)))
            link.settimeout(idle_seconds)
            while True:
                try:
                    data = link.recv(_READ_BYTES)
                except TimeoutError:
                    yield None
                    continue
                if not data:
                    raise EngineDown
                yield from _joined(message for message in decoder.feed(data) if isinstance(message, Facts))
        except OSError:
            raise EngineDown from None
        finally:
            self.close()

    def acknowledge(self, facts: Facts) -> None:
        """Everything up to and including this batch is stored for good."""
        if self._following is None:
            raise EngineDown("Facts are acknowledged on the connection that follows them; follow first.")
        upto = facts.first + len(facts.facts) - 1
        try:
            self._following.sendall(encode(Acknowledge(boot_id=facts.boot_id, upto=upto)))
        except OSError:
            raise EngineDown from None

    def close(self) -> None:
        """Stop following."""
        link, self._following = self._following, None
        if link is not None:
            link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connect(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(self._timeout)
        try:
            link.connect(str(self._path))
        except FileNotFoundError:
            link.close()
            raise EngineDown(f"The exchange is not running: there is no control socket {self._path}.") from None
        except OSError as error:
            link.close()
            raise EngineDown(f"The exchange does not answer on {self._path}: {error.strerror or error}.") from None
        return link


def _joined(batches: Iterable[Facts]) -> Iterator[Facts]:
    """Consecutive batches of one run as one."""
    held: list[Facts] = []
    for batch in batches:
        last = held[-1] if held else None
        if last is not None and (last.boot_id != batch.boot_id or last.first + len(last.facts) != batch.first):
            yield _join(held)
            held = []
        held.append(batch)
    if held:
        yield _join(held)


def _join(held: list[Facts]) -> Facts:
    facts = tuple(fact for batch in held for fact in batch.facts)
    return Facts(boot_id=held[0].boot_id, first=held[0].first, facts=facts)
