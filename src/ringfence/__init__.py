"""Ringfence: a contact-centre telephone platform that ring-fences what callers say."""

__version__ = "0.1.0"
