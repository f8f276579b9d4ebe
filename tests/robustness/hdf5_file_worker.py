"""Opens damaged copies of an HDF5 file; run as a process of its own, which libhdf5 may bring down.

python hdf5_file_worker.py FILE WORK reads lines [byte, mask, length] from standard input: the byte to change, the bits
to flip in it, and the length to cut to. Answers each by a line: "ours", an error of this library, for the file or for
some of its objects; "values", the right ones; "others" of the declared shape; or what else came of it.

It ends by a signal where a damage takes more than SECONDS, and where libhdf5 does.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import hdf5plugin  # noqa: F401  (libhdf5 finds its filters by this import)
import numpy as np

import zarr_hdf5 as zh
from zarr_hdf5.errors import ZarrHDF5Error

SECONDS = 10
SPARE_NBYTES = 1 << 30
LARGEST = 1 << 16
MAX_MEMBERS = 100


def contents(group: zh.Group) -> Iterator[tuple[str, Any]]:
    """What is refused, values of all arrays, attributes of all nodes; raises the first error."""
    refused: list[str] = []
    found: list[tuple[str, Any]] = []
    nodes: list[tuple[str, zh.Array | zh.Group]] = [("", group), *islice(group.members(max_depth=None), MAX_MEMBERS)]
    for path, node in nodes:
        found.append((path, {**node.attrs}))
        if isinstance(node, zh.Group):
            refused += [f"{path}/{name}" for name in node.unreadable()]
            continue
        part = node[...] if node.nbytes <= LARGEST else node[(0,) * node.ndim]
        if node.nbytes <= LARGEST and np.shape(part) != node.shape:
            raise AssertionError(f"{np.shape(part)} of {node.shape}")
        found.append((path, (node.shape, str(node.dtype), np.asarray(part).tolist())))
    yield "refused", sorted(refused)
    yield "found", found


def outcome(work: Path, expected: dict[str, str]) -> str:
    try:
        found = {name: repr(values) for name, values in contents(zh.open_group(work))}
    except ZarrHDF5Error as error:
        return "ours" if str(error) else "without a message"
    except Exception as error:
        return f"foreign {type(error).__name__}: {error}"
    if found == expected:
        return "values"
    return "others" if found["refused"] == expected["refused"] else "ours"


def main(file: Path, work: Path) -> None:
    data = file.read_bytes()
    work.write_bytes(data)
    expected = {name: repr(values) for name, values in contents(zh.open_group(work))}
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + SPARE_NBYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # plugins of libhdf5 print there
    for line in sys.stdin:
        byte, mask, length = json.loads(line)
        damaged = bytearray(data[:length])
        if byte < length:
            damaged[byte] ^= mask
        work.write_bytes(damaged)
        signal.alarm(SECONDS)
        print(outcome(work, expected).replace("\n", " "), file=answers, flush=True)
        signal.alarm(0)


main(Path(sys.argv[1]), Path(sys.argv[2]))
