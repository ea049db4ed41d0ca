"""The media engine inside this process: RTP, SRTP, DTLS, ICE-lite, prompts, DTMF, RTCP and taps."""
