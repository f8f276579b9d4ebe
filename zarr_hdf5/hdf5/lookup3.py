"""Jenkins' lookup3, the checksum of HDF5's version 2 metadata.

Source: HDF5 File Format Specification 3.0, "Checksum" fields throughout. Computed by numcodecs.
"""

import numpy as np
from numcodecs.jenkins import jenkins_lookup3

__all__ = ["lookup3"]


def lookup3(data: bytes | bytearray | memoryview) -> int:
    """The 32-bit checksum of `data`, as HDF5 stores it (initial value 0)."""
    return int(jenkins_lookup3(np.frombuffer(data, "u1"), 0))
