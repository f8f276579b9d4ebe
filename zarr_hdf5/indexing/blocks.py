"""Block selections: whole chunks of the array's grid (shards, where there are any), as zarr-python's `blocks`.

https://zarr.readthedocs.io/en/stable/user-guide/arrays/#block-indexing
"""

from zarr_hdf5.chunk_grid import ChunkGrid
from zarr_hdf5.errors import SelectionError
from zarr_hdf5.indexing.basic import DimSelection, Selection, parse_basic

__all__ = ["parse_blocks"]


def parse_blocks(selection: object, grid: ChunkGrid) -> Selection[DimSelection]:
    """The elements of the blocks that a basic selection takes of the grid; an integer drops no dimension.

    Raises
    ------
    SelectionError
        For anything but integers and slices of step 1, and for blocks outside the grid.
    """
    chosen = parse_basic(selection, grid.grid_shape)
    dims = chosen.dims
    items = selection if isinstance(selection, tuple) else (selection,)
    if chosen.new_axes or any(isinstance(item, slice) and item.step not in (None, 1) for item in items):
        raise SelectionError("a selection of blocks is of integers and slices of step 1")
    last = tuple(dim.start + max(0, dim.count - 1) for dim in dims)
    begins = grid.chunk_origin(tuple(dim.start for dim in dims))
    ends = [a + n for a, n in zip(grid.chunk_origin(last), grid.clipped_shape(last), strict=True)]
    return Selection(
        tuple(
            DimSelection(begin, 1, end - begin, False) if dim.count else DimSelection(0, 1, 0, False)
            for dim, begin, end in zip(dims, begins, ends, strict=True)
        )
    )
