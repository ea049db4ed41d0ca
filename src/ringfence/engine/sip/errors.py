"""Errors of the SIP room.

EngineError
+-- SipError
    +-- PlainListenerRefused
    +-- ListenerFailed
"""

from ringfence.engine.errors import EngineError


class SipError(EngineError):
    """The SIP edge failed. See its log and the health page."""


class PlainListenerRefused(SipError):
    """Off loopback, SIP is offered over TLS and WSS only. Switch the other listeners off, or allow them for a trunk."""


class ListenerFailed(SipError):
    """A SIP listener could not be opened. Choose another port, or stop the program that holds it."""
