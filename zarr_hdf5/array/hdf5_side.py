"""`array.hdf5`: the shards as HDF5 files, or the one file that holds them all as one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from io import RawIOBase

import h5py

from zarr_hdf5.array.bounds import stored_objects
from zarr_hdf5.array.readers import HDF5Form
from zarr_hdf5.errors import NotFoundError, StorageError, UnsupportedFeatureError
from zarr_hdf5.hdf5.library import memory_file_name
from zarr_hdf5.hdf5.virtual_dataset import create_virtual_dataset
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.chunk_key_encoding import KeyEncoding
from zarr_hdf5.shard.compose import Shards
from zarr_hdf5.shard.hdf5_view import HDF5View
from zarr_hdf5.shard.sink import ShardSink
from zarr_hdf5.shard.virtual import virtual_dataset
from zarr_hdf5.stored_array import StoredArray
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Store

__all__ = ["HDF5Side", "HDF5Store", "OneFileSide"]


@dataclass(frozen=True, slots=True)
class HDF5Side:
    """How HDF5 programs see an array: each shard is a file with one dataset."""

    store: Store
    parts: Shards
    view: HDF5View
    prefix: str
    encoding: KeyEncoding

    @property
    def sink(self) -> ShardSink:
        """Who writes the shards."""
        return self.parts.sink

    def at(self, shard_coords: tuple[int, ...]) -> "HDF5Side":
        """The same for shards of the shape of the one at these coordinates, in the stored order of dimensions."""
        parts = self.parts.at(shard_coords)
        return self if parts.view is None else replace(self, parts=parts, view=parts.view)

    @property
    def dataset(self) -> str:
        """Absolute path of the dataset within each shard."""
        return self.view.options.path

    @property
    def libver(self) -> str:
        """Oldest HDF5 that reads the shards: "earliest" or "v110"."""
        return self.view.options.libver

    @property
    def form(self) -> HDF5Form:
        """What decides who reads it."""
        options = self.view.options
        return HDF5Form(self.view.twin.filters, options.libver, options.index_location)

    @property
    def order(self) -> tuple[int, ...]:
        """Axis i of the HDF5 dataset is this axis of the array; another order where codecs transpose."""
        return self.view.dataset_order()

    def key(self, chunk_coords: tuple[int, ...]) -> str:
        """Key, in the array's store, of the shard at `chunk_coords` of the shard grid. Raises SelectionError."""
        stored = tuple(chunk_coords[axis] for axis in self.view.order)
        self.view.grid.objects.check(stored)
        return self.sink.key(stored)

    def file(self, chunk_coords: tuple[int, ...]) -> str:
        """Path (or URL) of the shard at `chunk_coords` of the shard grid."""
        key = self.key(chunk_coords)
        return str(self.store.path_of(key)) if isinstance(self.store, LocalStore) else f"{self.store.url}/{key}"

    def shards(self) -> list[tuple[int, ...]]:
        """Coordinates, in the stored order of dimensions, of the shards that exist."""
        grid_shape = self.view.grid.objects.grid_shape
        found = stored_objects(self.store, self.prefix, self.encoding, self.view.order)
        return [coords for coords in found if all(c < n for c, n in zip(coords, grid_shape, strict=True))]

    def open(self) -> h5py.Dataset:
        """The whole array as a read-only h5py dataset: a virtual dataset, kept in memory, over the shards that exist.

        Close its `.file` when done. Raises UnsupportedFeatureError where the shards are not local files.
        """
        store = self.store
        if not isinstance(store, LocalStore):
            raise UnsupportedFeatureError(f"libhdf5 opens local files, not {store.url}")
        whole = virtual_dataset(self.view, self.shards(), lambda coords: str(store.path_of(self.sink.key(coords))))
        # Reopened as an image, because a file open for writing would open its sources for writing too.
        name = memory_file_name()
        with h5py.File(name, "w", driver="core", backing_store=False, libver=("v110", "v110")) as file:
            create_virtual_dataset(file, self.dataset, whole)
            file.flush()
            image = file.id.get_file_image()
        return h5py.File(h5py.h5f.open_file_image(image))[self.dataset]


@dataclass(frozen=True, slots=True)
class OneFileSide:
    """How HDF5 programs see an array in one file: as a dataset of it.

    dataset
        Absolute path of the dataset.
    order
        Axis i of the dataset is this axis of the array; another order where codecs transpose.
    form
        What decides who reads it.
    path
        Of the file, or its URL where it is not a local one.
    """

    dataset: str
    order: tuple[int, ...]
    form: HDF5Form
    path: str

    @property
    def libver(self) -> str:
        """Oldest HDF5 that reads the file: "earliest"."""
        return self.form.libver

    def file(self, chunk_coords: tuple[int, ...]) -> str:
        """Path (or URL) of the file, which is the same for all shards."""
        return self.path

    def open(self) -> h5py.Dataset:
        """The array as a read-only h5py dataset. Close its `.file` when done.

        Raises
        ------
        NotFoundError, StorageError
            If the array was not finished yet, by `close` or `flush`.
        UnsupportedFeatureError
            If the file is not a local one.
        """
        if "://" in self.path:
            raise UnsupportedFeatureError(f"libhdf5 opens local files, not {self.path}")
        try:
            file = h5py.File(self.path, "r")
        except OSError as error:
            raise StorageError(f"{self.path} cannot be opened, unfinished as it may be: {error}") from error
        if self.dataset not in file:
            file.close()
            raise NotFoundError(f"{self.path} has no dataset {self.dataset}; flush what was written")
        return file[self.dataset]


class HDF5Store(ABC):
    """A store that is an HDF5 file itself, and holds a Zarr hierarchy."""

    @abstractmethod
    def hdf5_side(self, path: str, metadata: ArrayMetadata, stored: StoredArray) -> OneFileSide | None:
        """The HDF5 side of the array at `path`; None where it has none."""

    @abstractmethod
    def hdf5_file(self) -> str | RawIOBase:
        """What libhdf5 opens: the file's name, or what reads it where it is no local file."""

    @abstractmethod
    def start(self, key: str) -> int:
        """The byte of the file at which an object begins. Raises NotFoundError, CorruptDataError."""
