"""The engine's end of the control channel: a Unix socket that only its own user may open."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from ringfence.control.channel import ControlError, Decoder, FrameError, encode
from ringfence.control.commands import Acknowledge, Answer, AnyCommand, Follow, Refused, Reply, Request, ToEngine
from ringfence.engine.journal import FactJournal
from ringfence.kit.tasks import TaskOwner

log = logging.getLogger(__name__)

_READ_BYTES = 65_536
_TURNS = 5
"""Of the loop, in which a connection accepted just before the end is made, refused and closed."""
_MAX_CONNECTIONS = 64
_COMMAND_SECONDS = 15.0
_GATHER_SECONDS = 0.01
"""Facts that follow each other faster than this travel together: each frame is a system call and wakes a process."""


class AlreadyRunning(ControlError):
    """Another engine uses this control socket. Stop it first, or give this one a data folder of its own."""


class ControlServer:
    """Answers commands and feeds facts to one follower; a new follower takes the place of the old one."""

    def __init__(self, path: Path, handle: Callable[[AnyCommand], Awaitable[Reply]], journal: FactJournal) -> None:
        self._path = path
        self._handle = handle
        self._journal = journal
        self._tasks = TaskOwner("control")
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._closing = False
        self._follower: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._woken = False
        """A wake is on its way; written by any thread, and a wake too many does no harm."""
        self._stored = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    def claim(self) -> None:
        """Take the socket, so that no other engine starts here; commands wait until ``start``.

        Replaces the socket file of a dead engine; raises AlreadyRunning for a live one.
        """
        if self._listener is None:
            self._listener = _bind(self._path)

    async def start(self) -> None:
        """Serve; claims the socket if that was not done."""
        self.claim()
        loop = asyncio.get_running_loop()
        self._journal.on_fact(lambda: self._wake(loop))
        self._server = await asyncio.start_unix_server(self._connected, sock=self._listener)

    @property
    def followed(self) -> bool:
        """Somebody fetches the facts."""
        return self._follower is not None and not self._follower.done()

    async def close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is None:
            return
        if self._server is None:
            listener.close()
            self._path.unlink(missing_ok=True)
            return
        server, self._server, self._closing = self._server, None, True
        self._journal.on_fact(lambda: None)
        loop = asyncio.get_running_loop()
        if isinstance(loop, asyncio.SelectorEventLoop):
            # Its server leaks a connection that it accepts in the turn in which it is closed: stop accepting first.
            loop.remove_reader(listener.fileno())
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        server.close()
        writers = list(self._writers)
        await self._tasks.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                for writer in writers:
                    writer.close()  # a task cancelled before its first step has not done it
                    with contextlib.suppress(ConnectionError):
                        await writer.wait_closed()
                await server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def flush(self) -> None:
        """Return when the follower has acknowledged every fact so far."""
        upto = self._journal.newest
        while self._journal.acknowledged < upto:
            self._stored.clear()
            await self._stored.wait()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closing:
            writer.transport.abort()
            return
        if len(self._writers) >= _MAX_CONNECTIONS:
            log.error("too many control connections; one was refused")
            writer.transport.abort()
            return
        self._writers.add(writer)
        _ = self._tasks.start("connection", self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder: Decoder[ToEngine] = Decoder(ToEngine)
        follower: asyncio.Task[None] | None = None
        try:
            while data := await reader.read(_READ_BYTES):
                for message in decoder.feed(data):
                    match message:
                        case Request():
                            writer.write(encode(Answer(request_id=message.request_id, reply=await self._ask(message))))
                            await writer.drain()
                        case Follow():
                            follower = self._follow(writer)
                        case Acknowledge():
                            self._journal.acknowledge(message.boot_id, message.upto)
                            self._stored.set()
        except FrameError as error:
            log.error("control connection closed: %s", error)
        except ConnectionError:
            pass
        finally:
            if follower is not None:
                follower.cancel()
            self._writers.discard(writer)
            writer.close()

    async def _ask(self, request: Request) -> Reply:
        try:
            async with asyncio.timeout(_COMMAND_SECONDS):
                return await self._handle(request.command)
        except TimeoutError:
            log.error("command %s took too long", type(request.command).__name__)
            return Refused(code="timeout", message="The exchange did not finish in time. Look at the call, then retry.")
        except Exception:  # root of one request: logged with its trace, and answered
            log.exception("command %s failed", type(request.command).__name__)
            return Refused(code="internal", message="The exchange failed on this command. See its log.")

    def _follow(self, writer: asyncio.StreamWriter) -> asyncio.Task[None]:
        if self._follower is not None:
            self._follower.cancel()
        self._follower = self._tasks.start("follower", self._feed(writer))
        return self._follower

    async def _feed(self, writer: asyncio.StreamWriter) -> None:
        """The first fact after a pause leaves at once, those that follow it in frames of some milliseconds."""
        sent, loop = self._journal.acknowledged, asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while True:
                self._news.clear()
                # Before looking: a fact that comes after the look must find it False.
                self._woken = False
                while (facts := self._journal.after(sent)) is not None:
                    writer.write(encode(facts))
                    await writer.drain()
                    sent = facts.first + len(facts.facts) - 1
                earliest = loop.time() + _GATHER_SECONDS
                await self._news.wait()
                if (early := earliest - loop.time()) > 0:
                    await asyncio.sleep(early)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to wake
                loop.call_soon_threadsafe(self._news.set)


def _bind(path: Path) -> socket.socket:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_socket():
        if _alive(path):
            raise AlreadyRunning
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(_MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise ControlError(f"The control socket {path} cannot be made: {error.strerror or error}.") from None
    finally:
        os.umask(mask)
    return listener


def _alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except TimeoutError:
            return True
        except OSError:
            return False
    return True
