"""How wide the columns of a grid become on a page of given width."""

from __future__ import annotations

from collections.abc import Sequence

from planner.render.document import Column, Grid

GAP = 2  # blanks between two columns
LONGEST_WORD = 14  # a word up to this long is not cut
LONGEST_NAME = 40  # nor is a name up to this long in a column kept whole


def column_widths(grid: Grid, page: int) -> tuple[int, ...]:
    """Widths that fit `page` columns: words, numbers and names in one piece, what is left to long texts.

    >>> row = ("h100_sxm_80gb", "costs more than the plan for each request")
    >>> column_widths(Grid((Column("GPU", whole=True), Column("Why")), (row,)), 40)
    (13, 25)
    """
    cells = [[column.title, *(row[i] for row in grid.rows)] for i, column in enumerate(grid.columns)]
    natural = [max(len(line) for cell in column for line in cell.split("\n")) for column in cells]
    available = page - GAP * (len(natural) - 1)
    if sum(natural) <= available:
        return tuple(natural)
    least = [_least(column, cells[i]) for i, column in enumerate(grid.columns)]
    while sum(least) > max(available, len(least)):
        least[least.index(max(least))] -= 1
    return _shared(least, natural, available)


def _least(column: Column, cells: Sequence[str]) -> int:
    if column.whole or column.right:
        pieces = [*column.title.split(), *(line for cell in cells[1:] for line in cell.split("\n"))]
        return min(max(map(len, pieces), default=1), LONGEST_NAME)
    return min(max((len(word) for cell in cells for word in cell.split()), default=1), LONGEST_WORD)


def _shared(least: list[int], natural: list[int], available: int) -> tuple[int, ...]:
    """`least`, with the spare columns given in proportion to what each still wants."""
    wanted = [n - w for n, w in zip(natural, least, strict=True)]
    spare, total = max(0, available - sum(least)), sum(wanted) or 1
    widths = [w + spare * want // total for w, want in zip(least, wanted, strict=True)]
    rest = available - sum(widths)
    for i in sorted(range(len(widths)), key=lambda i: widths[i] - natural[i])[: max(0, rest)]:
        widths[i] += 1
    return tuple(widths)
