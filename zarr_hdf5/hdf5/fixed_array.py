"""Fixed Arrays: the chunk index of datasets whose maximum size is fixed, since HDF5 1.10.

Source: HDF5 File Format Specification 3.0, VII.C "The Fixed Array Index" (appendix C).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.hdf5.lookup3 import lookup3

__all__ = ["encode_fixed_array", "page_bits"]

HEADER_NBYTES = 28
UNDEFINED = 2**64 - 1


def page_bits(count: int) -> int:
    """log2 of the entries per page that keeps `count` entries in a single, unpaged data block."""
    return max(10, (count - 1).bit_length())


def encode_fixed_array(
    addresses: npt.NDArray[np.uint64],
    nbytes: npt.NDArray[np.uint64] | None,
    chunk_nbytes: int,
    address: int,
) -> bytes:
    """Header and data block, one after the other, to be placed at `address`.

    Parameters
    ----------
    addresses
        (count,) one for each chunk of the maximum size, in C order; all ones where there is none.
    nbytes
        (count,) stored bytes of each chunk where the dataset has filters, else None.
    chunk_nbytes
        Bytes of an unfiltered chunk: it decides how wide a stored size is.
    address
        Where the header will lie.
    """
    client = 0 if nbytes is None else 1
    if nbytes is None:
        entries: npt.NDArray[Any] = addresses.astype("<u8")
        entry_nbytes = 8
    else:
        width = min(8, 1 + (chunk_nbytes.bit_length() - 1 + 8) // 8)
        entry_nbytes = 8 + width + 4
        entries = np.zeros((len(addresses), entry_nbytes), "u1")
        present = addresses != np.uint64(UNDEFINED)
        entries[:, :8] = addresses.astype("<u8").view("u1").reshape(-1, 8)
        sizes = np.where(present, nbytes, np.uint64(0)).astype("<u8")
        entries[:, 8 : 8 + width] = sizes.view("u1").reshape(-1, 8)[:, :width]
    header = b"FAHD" + bytes([0, client, entry_nbytes, page_bits(len(addresses))])
    header += len(addresses).to_bytes(8, "little") + (address + HEADER_NBYTES).to_bytes(8, "little")
    block = b"FADB" + bytes([0, client]) + address.to_bytes(8, "little") + entries.tobytes()
    return b"".join(part + lookup3(part).to_bytes(4, "little") for part in (header, block))
