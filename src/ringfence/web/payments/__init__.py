"""Payments: the window in which a payment page opens, the providers' events, the list of pages, the report."""
