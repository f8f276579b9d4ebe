"""From the address of a dataset's object header to how its elements are stored."""

from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.data_layout import ContiguousLayout, Layout, parse_layout
from zarr_hdf5.hdf5.index_walk import FileSpace, Walk
from zarr_hdf5.hdf5.object_header import DATA_LAYOUT, EXTERNAL_FILES, walk_messages

__all__ = ["walk_layout"]


def walk_layout(space: FileSpace, header_address: int) -> Walk[Layout]:
    """The layout of the dataset whose object header lies at `header_address`.

    Raises
    ------
    CorruptDataError, UnsupportedFeatureError
        The latter also where the elements lie in other files.
    """
    messages = yield from walk_messages(space, header_address, until=DATA_LAYOUT)
    found = next((m for m in messages if m.type == DATA_LAYOUT), None)
    if found is None:
        raise CorruptDataError(
            "no data layout message: not a dataset", structure="object header", offset=header_address
        )
    layout = parse_layout(found.body, found.offset)
    if isinstance(layout, ContiguousLayout) and layout.address is None:
        # Never allocated, or in external files, which another block may name.
        messages = yield from walk_messages(space, header_address)
        if any(m.type == EXTERNAL_FILES for m in messages):
            raise UnsupportedFeatureError("elements in external files")
    return layout
