"""Cells of files that people open in a spreadsheet."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(cell: str) -> str:
    """The text as it is; what a spreadsheet would compute is led by an apostrophe, so that it is only shown."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
