"""The recorder: suppression set, final stop, spans, and the path from tap to vault (domain C12)."""
