"""The filter pipeline message: which filters a dataset's chunks have gone through.

Finds the filters in it, and encodes one by another name. Source: HDF5 File Format Specification 3.0, IV.A.2.l "The Data
Storage - Filter Pipeline Message", versions 1 and 2.
"""

from collections.abc import Iterator

from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError
from zarr_hdf5.hdf5.filters import Filter, filter_name

__all__ = ["NAME_VALUES", "encode_third_party", "filter_id_fields"]

NAME_NBYTES = 8
NAME_VALUES = NAME_NBYTES // 4
"""A filter's name takes the room of so many client values."""
OPTIONAL = 1


def filter_id_fields(body: bytes | memoryview, offset: int) -> list[tuple[int, int]]:
    """Each filter's number, and the byte of the file where that u16 lies, for a message whose body is at `offset`."""
    if len(body) < 2:
        raise CorruptDataError("truncated", structure="filter pipeline message", offset=offset)
    if body[0] not in (1, 2):
        raise UnsupportedFeatureError(f"filter pipeline message version {body[0]}")
    return list(_fields(body, offset, body[0]))


def _fields(body: bytes | memoryview, offset: int, version: int) -> Iterator[tuple[int, int]]:
    at = 8 if version == 1 else 2
    for _ in range(body[1]):
        number = _u16(body, at)
        yield number, offset + at
        # Version 2 has no name, nor its length, for the filters that come with HDF5.
        named = version == 1 or number >= 256
        name_nbytes = _u16(body, at + 2) if named else 0
        count = _u16(body, at + (6 if named else 4))
        at += (8 if named else 6) + name_nbytes + 4 * count
        # Version 1 keeps every filter's description a multiple of eight bytes.
        at += 4 if version == 1 and count % 2 else 0


def _u16(body: bytes | memoryview, at: int) -> int:
    if at + 2 > len(body):
        raise CorruptDataError("truncated", structure="filter pipeline message")
    return int.from_bytes(body[at : at + 2], "little")


def encode_third_party(filter_: Filter) -> bytes:
    """The description of a filter that does not come with HDF5, without padding; the same in both versions.

    It has a name, because HDF5's h5repack 1.10 crashes where there is none.
    """
    name = filter_name(filter_.id).encode()[: NAME_NBYTES - 1].ljust(NAME_NBYTES, b"\0")
    head = (filter_.id, NAME_NBYTES, OPTIONAL, len(filter_.values))
    values = b"".join(value.to_bytes(4, "little") for value in filter_.values)
    return b"".join(field.to_bytes(2, "little") for field in head) + name + values
