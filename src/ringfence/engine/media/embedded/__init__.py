"""The media engine inside this process: RTP, SRTP, DTLS, ICE-lite, prompts, DTMF, RTCP and taps."""

from ringfence.engine.media.embedded.config import MediaConfig
from ringfence.engine.media.embedded.engine import EmbeddedMediaEngine

__all__ = ["EmbeddedMediaEngine", "MediaConfig"]
