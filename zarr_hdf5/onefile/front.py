"""What a one-file begins with: an HDF5 superblock, and a mark that tells it from other HDF5 files."""

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.hdf5.appended import SUPERBLOCK_NBYTES
from zarr_hdf5.hdf5.superblock import SIGNATURE, parse_superblock

__all__ = ["FRONT_NBYTES", "MARK", "end_of", "front", "is_one_file"]

MARK = b"This HDF5 file is a ZIP file of a Zarr hierarchy, too. (zarr_hdf5)\r\n".ljust(96)
FRONT_NBYTES = SUPERBLOCK_NBYTES + len(MARK)


def front(superblock: bytes) -> bytes:
    """The first bytes of a file with this superblock."""
    return superblock + MARK


def is_one_file(head: Buffer) -> bool:
    """Whether a file that begins so is a one-file; its ZIP side may have been lost all the same."""
    view = byte_view(head)
    return view[: len(SIGNATURE)] == SIGNATURE and view[SUPERBLOCK_NBYTES:FRONT_NBYTES] == MARK


def end_of(head: Buffer) -> int:
    """The byte at which a one-file that begins so ends; what lies behind was never finished.

    Raises CorruptDataError, UnsupportedFeatureError.
    """
    return parse_superblock(byte_view(head)).end_of_file
