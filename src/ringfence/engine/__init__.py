"""The exchange: SIP, media, calls, flows, queues and the recorder. Asyncio, no web framework.

It reaches the world through :mod:`ringfence.engine.ports` only.
"""
