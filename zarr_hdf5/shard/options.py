"""What a user may ask of the HDF5 side of an array."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from zarr_hdf5.errors import Problem

__all__ = ["EXTENSION_KEY", "HDF5", "ONE_FILE", "options_from_json", "options_to_json"]

EXTENSION_KEY = "zarr_hdf5"
"""The extra object of zarr.json that says how the shards are HDF5 files; other readers need not understand it."""
ONE_FILE = "one_file"
"""A member of it: the HDF5 side is that of the whole file which holds the hierarchy, the shards have none."""


@dataclass(frozen=True, slots=True)
class HDF5:
    """How the shards of an array are HDF5 files.

    libver
        "earliest": superblock version 0 and B-tree version 1, which every HDF5 tool reads, the pure JavaScript and
        Python ones too. "v110": HDF5 1.10's Fixed Array.
    index_location
        Where the Zarr index lies: "end" of the file, or "start", in an HDF5 user block, where HDF5 programs that edit
        the file never move it.
    dataset
        Absolute path of the dataset within each shard; None: the array's own name, or "data" for an array at the root.
    virtual_dataset
        Make the master file `x.zarr/x.h5` of the whole hierarchy, as `zarr_hdf5.link` does, and so have it kept
        current. For local directories only. Off by default, because zarr-python, listing a group, warns of files that
        are not Zarr's.
    """

    libver: Literal["earliest", "v110"] = "earliest"
    index_location: Literal["end", "start"] = "end"
    dataset: str | None = None
    virtual_dataset: bool = False

    def __post_init__(self) -> None:
        if self.libver not in ("earliest", "v110"):
            raise ValueError(f"libver must be 'earliest' or 'v110', not {self.libver!r}")
        if self.index_location not in ("end", "start"):
            raise ValueError(f"index_location must be 'end' or 'start', not {self.index_location!r}")
        if self.dataset is not None and not is_dataset_path(self.dataset):
            raise ValueError(f"not the absolute path of an HDF5 dataset: {self.dataset!r}")

    def named(self, path: str) -> "HDF5":
        """The same for the array at `path`: with a name for the dataset."""
        return self if self.dataset else replace(self, dataset=f"/{path.rpartition('/')[2] or 'data'}")

    @property
    def path(self) -> str:
        """Absolute path of the dataset."""
        return self.dataset or "/data"


def is_dataset_path(path: str) -> bool:
    """Whether HDF5 can create a dataset there."""
    parts = path.split("/")
    try:
        path.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return parts[0] == "" and len(parts) > 1 and all(p not in ("", ".", "..") for p in parts[1:]) and "\0" not in path


def options_to_json(options: HDF5) -> dict[str, Any]:
    """The extra object for zarr.json. Where the index lies is said by the sharding codec alone."""
    return {"must_understand": False, "libver": options.libver, "dataset": options.path}


def options_from_json(document: object, index_location: str, problems: list[Problem]) -> HDF5 | None:
    """The options written by `options_to_json`; other versions' extra members are left alone.

    None where the shards have no HDF5 side.
    """
    if not isinstance(document, dict):
        problems.append(Problem((EXTENSION_KEY,), "must be an object", "type"))
        return None
    if document.get(ONE_FILE) is True:
        return None
    libver: Any = document.get("libver")
    dataset = document.get("dataset")
    if libver not in ("earliest", "v110"):
        problems.append(Problem((EXTENSION_KEY, "libver"), f"must be 'earliest' or 'v110', not {libver!r}"))
    if not isinstance(dataset, str) or not is_dataset_path(dataset):
        problems.append(Problem((EXTENSION_KEY, "dataset"), f"not an absolute HDF5 path: {dataset!r}"))
    if problems:
        return None
    return HDF5(libver=libver, index_location="start" if index_location == "start" else "end", dataset=dataset)
