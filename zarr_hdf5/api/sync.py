"""`sync`: a one-file's two sides brought together, after a change that was not finished, or that one side missed.

`compact`: a one-file without gaps.
"""

from pathlib import Path
from typing import Literal

from zarr_hdf5.api.locate import URL
from zarr_hdf5.api.take_hdf5 import take_hdf5
from zarr_hdf5.api.verify import Report, verify
from zarr_hdf5.errors import ReadOnlyError, UnsupportedFeatureError
from zarr_hdf5.onefile.front import FRONT_NBYTES, is_one_file
from zarr_hdf5.onefile.store import OneFileStore, one_file_store
from zarr_hdf5.onefile.transaction import cut_off_unfinished
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.resolve import store_from_url

__all__ = ["compact", "sync"]


def sync(url: URL, *, prefer: Literal["newest", "hdf5", "zarr"] = "newest") -> Report:
    """Make both sides of the one-file at `url` agree.

    What was written and never finished, by `close` or `flush`, is cut off: the file is again what it was before.

    Parameters
    ----------
    prefer
        Whose word counts where the sides differ: "hdf5": attributes, elements, arrays and groups are taken from there;
        "zarr": the HDF5 side is made anew. "newest" is "hdf5", for programs that know only ZIP make other files.

    Returns
    -------
    Report
        What `verify` finds then.

    Raises
    ------
    UnsupportedFeatureError
        If this is no one-file on a local disk, or HDF5 has something that Zarr cannot have.
    StorageError
        If another program has it open.
    CorruptDataError
        If it is damaged in another way.
    """
    if prefer not in ("newest", "hdf5", "zarr"):
        raise ValueError(f"prefer must be one of 'newest', 'hdf5', 'zarr', not {prefer!r}")
    path = _path_of(url)
    cut_off_unfinished(path)
    report = verify(path)
    if report:
        return report
    store = one_file_store(path)
    store.recover()
    try:
        if prefer != "zarr":
            store.let_read()
            take_hdf5(store)
    except BaseException:
        store.discard()
        raise
    store.flush()
    return verify(path)


def compact(url: URL) -> int:
    """Write the one-file at `url` anew without the gaps that replaced and deleted shards have left.

    The new file takes the place of the old one when it is complete. Returns the bytes that were saved. Raises as `sync`
    does, and CorruptDataError where the two sides should be synchronised before.
    """
    path = _path_of(url)
    before = path.stat().st_size
    one_file_store(path).compact()
    return before - path.stat().st_size


def _path_of(url: URL) -> Path:
    if isinstance(url, OneFileStore):
        return url.path
    store = store_from_url(url)
    if not isinstance(store, LocalStore) or not store.root.is_file():
        raise UnsupportedFeatureError(f"{url}: only one file, on a local disk, has two sides that can be synchronised")
    if store.read_only:
        raise ReadOnlyError(f"{store.url} was opened for reading only")
    with open(store.root, "rb") as file:
        if not is_one_file(file.read(FRONT_NBYTES)):
            raise UnsupportedFeatureError(f"{store.url} was not written by zarr_hdf5 as one file")
    return store.root
