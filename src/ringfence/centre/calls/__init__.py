"""The log of every call (R7): what reached us, what became of it, and how it sounded; also of calls never recorded."""
