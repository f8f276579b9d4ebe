"""How much of a corpus of real HDF5 files reads equal to what h5py reads of it.

    python tests/real_input/tally.py [CORPUS] [--store]

`CORPUS` holds the files and `inventory.jsonl`, a row a file: what h5py reads of each dataset, with the sha256 of its
bytes. With `--store`, zarr-python reads instead, through the store that shows HDF5 files to it.
"""

import argparse
import hashlib
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  (libhdf5 finds its filters by this import)
import numpy as np
from numpy.lib.recfunctions import repack_fields

import zarr_hdf5 as zh
from zarr_hdf5.errors import ZarrHDF5Error

DEFAULT = Path(os.environ.get("ZARR_HDF5_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
Read = Callable[[str], Any]


def inventory(corpus: Path) -> list[dict[str, Any]]:
    """The rows of `inventory.jsonl`; none where there is no corpus."""
    path = corpus / "inventory.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def is_equal(values: Any, dataset: dict[str, Any], file: Path, *, packed: bool = False) -> bool:
    """Whether values are those that h5py has read: by their bytes, or, where they have none, one by one."""
    if "f16" in str(dataset.get("np_dtype")):  # six of its sixteen bytes mean nothing, and differ each time
        with h5py.File(file, "r") as opened:
            return bool(np.array_equal(values, opened[dataset["path"]][()].astype("<f8"), equal_nan=True))
    if "sha256" in dataset:
        found = np.asarray(values)
        # A scalar string comes without the zeros at its end, from h5py too.
        if dataset["kind"] in tuple("biufcmMS") and not (dataset["kind"] == "S" and dataset["shape"] == []):
            found = found.astype(dataset["np_dtype"])
        if hashlib.sha256(np.ascontiguousarray(found).tobytes()).hexdigest() == dataset["sha256"]:
            return True
        return packed and dataset["kind"] == "compound" and _are_packed(found, dataset, file)
    with h5py.File(file, "r") as opened:
        wanted, is_text = opened[dataset["path"]][()], h5py.check_string_dtype(opened[dataset["path"]].dtype)
        if isinstance(wanted, h5py.Empty):
            return bool(np.size(values) == 0)
        if dataset["kind"] in tuple("biufcmMS") or dataset["kind"] == "opaque":
            return bool(np.array_equal(np.asarray(values), wanted))
        elements = [wanted] if dataset["shape"] == [] else list(np.asarray(wanted).reshape(-1))
        texts = [_text(item, opened) for item in elements]
    plain = np.asarray(values).reshape(-1).tolist()
    if not is_text:  # sequences and compounds come as JSON, references as paths
        plain = [json.loads(item) if str(item)[:1] in ("[", "{") or item == "null" else item for item in plain]
    return bool(plain == texts)


def _are_packed(values: Any, dataset: dict[str, Any], file: Path) -> bool:
    """Whether compounds are those that h5py has read, but packed and little-endian, as Zarr has them."""
    with h5py.File(file, "r") as opened:
        wanted = opened[dataset["path"]][()]
    packed = wanted.astype(repack_fields(wanted.dtype.newbyteorder("<"), recurse=True))
    return bool(values.dtype.names == wanted.dtype.names and values.tobytes() == packed.tobytes())


def _text(item: Any, file: h5py.File) -> Any:
    """What h5py has read, as this library puts it."""
    match item:
        case h5py.h5r.RegionReference():
            return _region(item, file) if item else None
        case h5py.h5r.Reference():
            return file[item].name if item else ""
        case bytes():
            return item.decode("utf-8", "surrogateescape")
        case np.void() if item.dtype.names:
            return {name: _text(item[name], file) for name in item.dtype.names}
        case tuple() | list() | np.ndarray():
            return [_text(one, file) for one in item]
        case np.generic():
            return _text(item.item(), file)
        case float() if item != item:
            return "NaN"
    return item


def _region(item: h5py.h5r.RegionReference, file: h5py.File) -> dict[str, Any]:
    space = h5py.h5r.get_region(item, file.id)
    match space.get_select_type():
        case h5py.h5s.SEL_POINTS:
            return {"path": file[item].name, "points": space.get_select_elem_pointlist().tolist()}
        case h5py.h5s.SEL_HYPERSLABS:
            return {"path": file[item].name, "blocks": space.get_select_hyper_blocklist().tolist()}
        case kind:
            return {"path": file[item].name, "selection": "all" if kind == h5py.h5s.SEL_ALL else "none"}


def outcomes(row: dict[str, Any], corpus: Path, read: Read | None = None) -> Iterator[tuple[str, str, str]]:
    """For every dataset that h5py reads: its path, "equal", "different" or "refused", and why it is refused."""
    file = corpus / row["file"]
    store = zh.open(file).store
    for dataset in row.get("datasets", []):
        if not dataset.get("readable"):
            continue
        try:
            values = read(dataset["path"]) if read else zh.open_array(store, path=dataset["path"])[...]
        except ZarrHDF5Error as error:
            yield dataset["path"], "refused", str(error)
            continue
        # Zarr's own readers are told of compounds that are packed.
        same = is_equal(values, dataset, file, packed=read is not None)
        yield dataset["path"], "equal" if same else "different", ""


def opens_or_refuses(row: dict[str, Any], corpus: Path) -> str:
    """What comes of a file that h5py does not open: "opens", or the error's name."""
    try:
        node = zh.open(corpus / row["file"])
        if isinstance(node, zh.Group):
            for _, member in node.members(max_depth=None):
                if isinstance(member, zh.Array):
                    member[...]
    except ZarrHDF5Error as error:
        return type(error).__name__
    return "opens"


def zarr_python_reader(file: Path) -> Read:
    """zarr-python, reading an HDF5 file through the store that shows it."""
    import zarr

    from zarr_hdf5.legacy.names import escape_name
    from zarr_hdf5.plugins.zarr_python import HDF5Store

    store = HDF5Store(str(file))

    def read(path: str) -> Any:
        try:
            return zarr.open_array(store, path="/".join(map(escape_name, path.split("/")[1:])), mode="r")[...]
        except ZarrHDF5Error:
            raise
        except Exception as error:
            raise ZarrHDF5Error(f"zarr-python: {type(error).__name__}: {error}") from error

    return read


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--store", action="store_true", help="read with zarr-python, through HDF5Store")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = inventory(options.corpus)
    tally: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for row in rows:
        if not row["opens"]:
            broken[opens_or_refuses(row, options.corpus)] += 1
            continue
        read = zarr_python_reader(options.corpus / row["file"]) if options.store else None
        for path, outcome, why in outcomes(row, options.corpus, read):
            tally[outcome] += 1
            if outcome != "equal":
                print(f"{outcome}: {row['file']} {path} {' '.join(why.split())}")
    print(f"{sum(row['opens'] for row in rows)} files that h5py opens: datasets that it reads: {dict(tally)}")
    print(f"{sum(broken.values())} files that it does not open: {dict(broken)}")
    return 1 if tally["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
