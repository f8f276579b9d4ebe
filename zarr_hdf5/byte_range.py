"""Ranges of bytes within one stored object, as values."""

from dataclasses import dataclass

from zarr_hdf5.errors import CorruptDataError

__all__ = ["ByteRange", "SuffixRange", "resolve"]


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`nbytes` bytes from byte `offset` of an object."""

    offset: int
    nbytes: int

    @property
    def end(self) -> int:
        """First byte after the range."""
        return self.offset + self.nbytes


@dataclass(frozen=True, slots=True)
class SuffixRange:
    """The last `nbytes` bytes of an object."""

    nbytes: int


def resolve(wanted: ByteRange | SuffixRange, size: int, key: str) -> ByteRange:
    """The range as offset and length within an object of `size` bytes.

    Raises
    ------
    CorruptDataError
        If the object is too small for it.
    """
    offset = size - wanted.nbytes if isinstance(wanted, SuffixRange) else wanted.offset
    if offset < 0 or wanted.nbytes < 0 or offset + wanted.nbytes > size:
        raise CorruptDataError(
            f"a range of {wanted.nbytes} bytes lies outside the object, which has {size} bytes",
            offset=max(offset, 0),
            key=key,
        )
    return ByteRange(offset, wanted.nbytes)
