"""How a leg sounds, by the E-model of ITU-T G.107 reduced to G.711 with loss concealment."""

_BASE = 93.2
_CONCEALMENT = 25.1
"""Bpl of G.711 with packet loss concealment (ITU-T G.113 appendix I)."""
_FIXED_MS = 20.0
"""One packet is collected before it leaves."""


def estimate_mos(*, loss: float, one_way_ms: float, jitter_ms: float) -> float:
    """MOS from 1 to 4.5 for a random ``loss`` (0 to 1), network delay and jitter, which a buffer turns into delay."""
    delay = _FIXED_MS + one_way_ms + 2 * jitter_ms
    impairment = 0.024 * delay + (0.11 * (delay - 177.3) if delay > 177.3 else 0.0)
    percent = 100 * loss
    return mos_of(_BASE - impairment - 95 * percent / (percent + _CONCEALMENT))


def mos_of(rating: float) -> float:
    """G.107 annex B."""
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)
