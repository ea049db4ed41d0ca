"""Where the digits go that a caller keys in: payment adapters, and what a whole field looks like (R29)."""

from ringfence.engine.payments.sandbox import SandboxPaymentAdapter

__all__ = ["SandboxPaymentAdapter"]
