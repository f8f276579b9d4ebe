"""Filters: the numbers by which HDF5 knows them.

Source: HDF5 File Format Specification 3.0, IV.A.2.l "The Data Storage - Filter Pipeline Message", and the registry of
third-party filters.
"""

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["Filter", "FilterId", "filter_name"]


class FilterId(IntEnum):
    """Filter identification numbers."""

    DEFLATE = 1
    SHUFFLE = 2
    FLETCHER32 = 3
    SZIP = 4
    NBIT = 5
    SCALEOFFSET = 6
    BZIP2 = 307
    LZF = 32000
    BLOSC = 32001
    LZ4 = 32004
    BITSHUFFLE = 32008
    ZFP = 32013
    ZSTD = 32015
    BLOSC2 = 32026


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of a pipeline: its number and its client data (u32 values)."""

    id: int
    values: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Of a well-known filter; of another, its number."""
        return filter_name(self.id)


def filter_name(number: int) -> str:
    """The name of a filter, or its number where it is not a well-known one."""
    return FilterId(number).name.lower() if number in set(FilterId) else f"filter {number}"
