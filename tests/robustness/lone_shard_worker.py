"""Open damaged copies of a shard by its HDF5 side; run as a process of its own, which libhdf5 may bring down.

python lone_shard_worker.py SHARD WORK reads lines [byte, mask, length] from standard input: the byte to change, the
bits to flip in it, and the length to cut to. Answers each by a line: ours, values, others, foreign.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import zarr_hdf5 as zh
from zarr_hdf5.errors import ZarrHDF5Error
from zarr_hdf5.legacy.hierarchy import HDF5Hierarchy


class Refused(Exception):
    """A member is left out of its group, and the reason is given."""


def read_all(node: zh.Array | zh.Group) -> list[Any]:
    if isinstance(node, zh.Array):
        return [node[...].tolist()]
    if isinstance(node.store, HDF5Hierarchy) and node.store.refused(node.path):
        raise Refused
    return [values for _, member in node.members(max_depth=None) for values in read_all(member)]


def outcome(work: Path, expected: list[Any]) -> str:
    try:
        values = read_all(zh.open(work))
    except Refused:
        return "ours"
    except ZarrHDF5Error as error:
        return "ours" if str(error) else "without a message"
    except Exception as error:
        return f"foreign {type(error).__name__}: {error}"
    return "values" if values == [expected] else "others"


def main(shard: Path, work: Path) -> None:
    data = shard.read_bytes()
    expected = np.arange(1, 65).reshape(8, 8).tolist()
    for line in sys.stdin:
        byte, mask, length = json.loads(line)
        damaged = bytearray(data[:length])
        if byte < length:
            damaged[byte] ^= mask
        work.write_bytes(damaged)
        print(outcome(work, expected), flush=True)


main(Path(sys.argv[1]), Path(sys.argv[2]))
