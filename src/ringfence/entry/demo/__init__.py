"""Simulated callers and handset agents for `make demo`: real SIP and RTP over loopback."""
