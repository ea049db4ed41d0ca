"""Messages, transactions, dialogs and digest as plain rules: bytes and now in, events and bytes out (RFC 3261)."""
