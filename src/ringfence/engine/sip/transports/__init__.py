"""Sockets for SIP: UDP, TCP, TLS, WS and WSS."""
