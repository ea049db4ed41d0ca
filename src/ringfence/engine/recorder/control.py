"""What may be kept of a recording (domain C12): a set of reasons for silence, and one final stop. Pure and plain data.

Audio is kept only while the set is empty and nothing has stopped the recording. Closing the payment page cannot undo
an agent's mask, because they are two reasons in one set.
"""

from typing import Self

import msgspec

from ringfence.control.facts import Span, StopReason, SuppressionReason


class Suppression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reason in force."""

    reason: SuppressionReason
    actor: str
    code: str = ""
    """Of a mask: a MaskCode."""


class RecordingControl(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Media times are milliseconds from the start; one earlier than the last change counts as that change's time.

    Each event returns the next state, or the very same one when it changes nothing.
    """

    active: tuple[Suppression, ...] = ()
    """In the order they came; the first one names the running span."""
    silent_since_ms: int | None = None
    """Start of the running span."""
    closed: tuple[Span, ...] = ()
    """Finished spans: in order, never overlapping, never empty."""
    stopped: StopReason | None = None
    last_ms: int = 0

    @classmethod
    def beginning(cls, active: tuple[Suppression, ...]) -> Self:
        """A recording that begins with these reasons in force."""
        return cls(active=active, silent_since_ms=0 if active else None)

    @property
    def reasons(self) -> frozenset[SuppressionReason]:
        return frozenset(each.reason for each in self.active)

    @property
    def audible(self) -> bool:
        """Audio is kept now."""
        return self.stopped is None and not self.active

    @property
    def running(self) -> Span | None:
        """The span that has not ended yet, as far as it is known."""
        if self.silent_since_ms is None:
            return None
        return self._span(self.silent_since_ms, max(self.silent_since_ms, self.last_ms))

    def suppress(self, reason: SuppressionReason, actor: str, code: str = "", *, at_ms: int) -> Self:
        """``reason`` joins the set."""
        if self.stopped is not None or reason in self.reasons:
            return self
        at = max(at_ms, self.last_ms)
        return msgspec.structs.replace(
            self,
            active=(*self.active, Suppression(reason=reason, actor=actor, code=code)),
            silent_since_ms=max(at, self._closed_end) if self.silent_since_ms is None else self.silent_since_ms,
            last_ms=at,
        )

    def resume(self, reason: SuppressionReason, *, at_ms: int, guard_ms: int = 0) -> Self:
        """``reason`` leaves the set; when it named the running span, the next reason begins a span of its own.

        Silence that ends with the last reason lasts ``guard_ms`` longer.
        """
        if self.stopped is not None or reason not in self.reasons:
            return self
        at = max(at_ms, self.last_ms)
        remaining = tuple(each for each in self.active if each.reason is not reason)
        if remaining and self.active[0].reason is not reason:
            return msgspec.structs.replace(self, active=remaining, last_ms=at)
        if remaining:
            since = max(at, self.silent_since_ms or 0)
            return msgspec.structs.replace(
                self, active=remaining, silent_since_ms=since, closed=self._closed_at(at), last_ms=at
            )
        closed = self._closed_at(at + guard_ms)
        return msgspec.structs.replace(self, active=(), silent_since_ms=None, closed=closed, last_ms=at)

    def name(self, reason: SuppressionReason, code: str) -> Self:
        """The silence for ``reason`` has this code: the one in force, or else the last one that ended."""
        if reason in self.reasons:
            active = tuple(
                msgspec.structs.replace(each, code=code) if each.reason is reason else each for each in self.active
            )
            return msgspec.structs.replace(self, active=active)
        last = max((place for place, span in enumerate(self.closed) if span.reason is reason), default=None)
        if last is None:
            return self
        named = msgspec.structs.replace(self.closed[last], code=code)
        return msgspec.structs.replace(self, closed=(*self.closed[:last], named, *self.closed[last + 1 :]))

    def stop(self, reason: StopReason, *, at_ms: int) -> Self:
        """The end; nothing changes any more. The set stays as it was."""
        if self.stopped is not None:
            return self
        at = max(at_ms, self.last_ms)
        closed = clip(self._closed_at(at), upto_ms=at)
        return msgspec.structs.replace(self, silent_since_ms=None, closed=closed, stopped=reason, last_ms=at)

    def spans(self, *, upto_ms: int) -> tuple[Span, ...]:
        """Every silent stretch before ``upto_ms``."""
        if self.silent_since_ms is None:
            spans = self.closed
        else:
            spans = (*self.closed, self._span(self.silent_since_ms, max(upto_ms, self.silent_since_ms)))
        return clip(spans, upto_ms=upto_ms)

    @property
    def _closed_end(self) -> int:
        return self.closed[-1].end_ms if self.closed else 0

    def _closed_at(self, at: int) -> tuple[Span, ...]:
        if self.silent_since_ms is None or self.silent_since_ms >= at:
            return self.closed
        return (*self.closed, self._span(self.silent_since_ms, at))

    def _span(self, start: int, end: int) -> Span:
        first = self.active[0]
        return Span(start_ms=start, end_ms=end, reason=first.reason, actor=first.actor, code=first.code)


def clip(spans: tuple[Span, ...], *, upto_ms: int) -> tuple[Span, ...]:
    """The spans as far as they lie before ``upto_ms``; empty ones are left out."""
    return tuple(
        span if span.end_ms <= upto_ms else msgspec.structs.replace(span, end_ms=upto_ms)
        for span in spans
        if span.start_ms < min(span.end_ms, upto_ms)
    )
