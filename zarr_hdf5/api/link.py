"""`link`: one HDF5 name for all shards of a hierarchy."""

import os
from dataclasses import dataclass
from pathlib import Path

from zarr_hdf5.api.locate import URL
from zarr_hdf5.api.open import open
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.legacy.hierarchy import HDF5Hierarchy
from zarr_hdf5.master.file import master_path, write_master
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.resolve import store_from_url
from zarr_hdf5.v2.hierarchy import V2Hierarchy

__all__ = ["Link", "link"]


@dataclass(frozen=True, slots=True)
class Link:
    """What `link` did.

    file
        Path of the master file.
    arrays
        Paths, in the file, of the arrays that are virtual datasets over their shards.
    copied
        Paths of small arrays without an HDF5 side, of which the file holds the values.
    left_out
        Paths of what is not in the file, and why.
    renamed
        Paths of arrays, a dimension of each, and what it had to be called instead: its name has another length there.
    shards
        Shards that the arrays are mapped to, be they written yet or not.
    """

    file: str
    arrays: tuple[str, ...]
    copied: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    renamed: tuple[tuple[str, str, str], ...]
    shards: int

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.file}: {len(self.arrays)} arrays over {self.shards} shards, {len(self.copied)} copied",
                *(f"left out: {path}: {why}" for path, why in self.left_out),
                *(f"{path}: dimension {name} is called {other}" for path, name, other in self.renamed),
            ]
        )


def link(url: URL, file: str | os.PathLike[str] | None = None) -> Link:
    """Write, or write anew, the HDF5 master file: the whole hierarchy under one name, for HDF5's and netCDF's programs.

    Each array is a virtual dataset over its shards, which are named relative to the master file. Shards that are not
    written yet are mapped too: until they are, they read as fill value, and writing them changes nothing here.
    Dimension names become shared dimensions as netCDF-4 has them, unlimited where they come first in every array that
    has them. Arrays without an HDF5 side are copied by value up to 1 MiB. As long as the file is there under its own
    name, whatever this library changes in the hierarchy is said in it too; what other programs change, `verify`
    notices, and `link` brings up to date.

    Open the file by its path: through a Python file object, libhdf5 does not find the shards, and all is fill value.
    It looks for a missing shard in the current directory, too: do not read from within a directory that holds other
    shards of the same names.

    Parameters
    ----------
    url
        A local directory that holds a hierarchy or an array.
    file
        The master file. Default: in the directory, called after it: `x.zarr/x.h5`. A file of another name, or in
        another place, is not kept current.

    Raises
    ------
    NotFoundError
        If there is no hierarchy.
    UnsupportedFeatureError
        If it is not in a local directory, for libhdf5 finds shards nowhere else; or if it is Zarr v2.
    AlreadyExistsError
        If there is a file of that name that is no master file.
    """
    store = open(url).store
    if isinstance(store, HDF5Hierarchy):
        raise UnsupportedFeatureError(f"{store.url} is an HDF5 file already")
    if isinstance(store, V2Hierarchy):
        raise UnsupportedFeatureError(f"{store.url} is Zarr v2, whose chunks are no HDF5 files; convert makes such")
    store = store_from_url(url)
    if not isinstance(store, LocalStore):
        raise UnsupportedFeatureError(f"{store.url}: a master file is for local directories; libhdf5 opens no others")
    done = write_master(store, master_path(store) if file is None else Path(os.path.abspath(file)))
    refused = dict(done.made.refused)
    paths = [variable.path for variable in done.contents.variables if variable.path not in refused]
    return Link(
        file=str(done.path),
        arrays=tuple(path for path in paths if path not in done.contents.copies),
        copied=tuple(path for path in paths if path in done.contents.copies),
        left_out=(*done.contents.left_out, *done.made.refused),
        renamed=done.made.renamed,
        shards=done.contents.nshards,
    )
