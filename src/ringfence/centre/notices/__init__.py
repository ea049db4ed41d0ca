"""The public privacy notice of each client: drafted, agreed by the DPO, published, never lost (R93)."""
