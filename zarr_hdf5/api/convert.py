"""`convert`: anything that opens, into arrays whose shards are HDF5 files, or into one file that is HDF5 as a whole.

Works through an array in blocks of whole shards, so that memory is bounded by a block and its encoding.
"""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

import numpy as np
from tqdm import tqdm

from zarr_hdf5.api.locate import URL, new_store_at
from zarr_hdf5.api.open import open
from zarr_hdf5.array.array import Array
from zarr_hdf5.array.chunking import auto_shards
from zarr_hdf5.array.copy import copy_chunks, has_same_chunks
from zarr_hdf5.array.create import ArrayOptions
from zarr_hdf5.array.source_options import options_like
from zarr_hdf5.errors import (
    AlreadyExistsError,
    CodecError,
    CorruptDataError,
    InvalidMetadataError,
    NotFoundError,
    StorageError,
    UnsupportedFeatureError,
    ZarrHDF5Error,
)
from zarr_hdf5.group import Group, create_array_at, create_group_at
from zarr_hdf5.hierarchy import join
from zarr_hdf5.legacy.hierarchy import HDF5Hierarchy
from zarr_hdf5.master.file import MasterFollower, wants_master
from zarr_hdf5.onefile.store import OneFileStore
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.protocol import Store, flush_store
from zarr_hdf5.stores.zip import ZipStore
from zarr_hdf5.v2.hierarchy import V2Hierarchy

__all__ = ["Conversion", "convert", "copy_elements"]

READING_ERRORS = (CodecError, CorruptDataError, InvalidMetadataError, NotFoundError, UnsupportedFeatureError)
"""What can be wrong with one array of the source and leave the others whole."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What `convert` did.

    url
        The new hierarchy or array.
    converted
        Paths of the arrays written.
    zarr_only
        Those of them that have no HDF5 side although one was wanted: scalars, and elements that HDF5 cannot store in
        chunks, such as strings of variable length.
    skipped
        Paths of what could not be converted, and why.
    nbytes
        Bytes of the elements converted.
    """

    url: str
    converted: tuple[str, ...]
    zarr_only: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    nbytes: int


def convert(
    src: URL,
    dst: URL,
    *,
    include: str | Sequence[str] | None = None,
    chunks: Any = None,
    shards: Any = None,
    compressors: Any = None,
    progress: bool = False,
    overwrite: bool = False,
    hdf5: bool | HDF5 = True,
) -> Conversion:
    """Copy arrays, groups and attributes.

    Parameters
    ----------
    src
        Whatever `open` opens.
    dst
        A new Zarr directory; or, with a suffix of HDF5 files such as .h5, one file.
    include
        Shell patterns; only arrays whose path matches one of them are converted.
    chunks, shards, compressors
        As for `create_array`. By default those of the source as far as they can be kept: its chunks become the inner
        chunks, its codecs stay if HDF5 has filters for them.
    progress
        Draw a progress bar.
    overwrite
        Replace whatever is at `dst`.
    hdf5
        As for `create_array`.

    Raises
    ------
    AlreadyExistsError
        If there is something at `dst` and `overwrite` is false, or if one of `src` and `dst` lies within the other.

    Returns
    -------
    Conversion
        Objects that cannot be converted are named there, with the reason; they do not stop the rest.
    """
    source, target = open(src), new_store_at(dst)
    _check_apart(source.store, target)
    create_master = wants_master(target, hdf5)
    if isinstance(hdf5, HDF5):
        hdf5 = replace(hdf5, virtual_dataset=False)  # once, when all arrays are there
    patterns = [include] if isinstance(include, str) else include
    wanted: dict[str, Any] = {"chunks": chunks, "shards": shards, "compressors": compressors}
    overrides = {name: value for name, value in wanted.items() if value is not None}
    if "chunks" in overrides:
        overrides.setdefault("shards", "auto")
    skipped: list[tuple[str, str]] = []
    if isinstance(source, Array):
        found: list[tuple[str, Array]] = [("", source)]
        overrides["overwrite"] = overwrite
    else:
        create_group_at(target, "", attributes=source.attrs.asdict(), overwrite=overwrite)
        found = [(path, array) for path, array in _walk(source, "", target, skipped) if _matches(path, patterns)]
        skipped = [(path, why) for path, why in skipped if _matches(path, patterns)]
    done: list[str] = []
    zarr_only: list[str] = []
    nbytes = 0
    total = sum(array.nbytes for _, array in found)
    with tqdm(total=total, unit="B", unit_scale=True, disable=not progress, delay=1, leave=False) as bar:
        for path, array in found:
            options: Any = {
                **options_like(array, hdf5=hdf5, one_file=isinstance(target, OneFileStore)),
                **(overrides if array.shape else {}),
            }
            reason = _convert_array(array, target, path, options, bar.update)
            if reason:
                skipped.append((path, reason))
            else:
                done.append(path)
                zarr_only += [path] if hdf5 and not options["hdf5"] else []
                nbytes += array.nbytes
    MasterFollower(target).metadata_changed(create=create_master)
    flush_store(target)
    return Conversion(target.url, tuple(done), tuple(zarr_only), tuple(skipped), nbytes)


def _check_apart(source: Store, target: Store) -> None:
    """Neither may lie within the other: what is read would be deleted, or what is written be read again."""
    places = [_place(source), _place(target)]
    if places[0].startswith(places[1]) or places[1].startswith(places[0]):
        raise AlreadyExistsError(f"cannot convert {source.url} to {target.url}: one lies within the other")


def _place(store: Store) -> str:
    """Where a store is, whatever links lead there, ending in "/"."""
    if isinstance(store, HDF5Hierarchy):
        path = store.file.local_path
        return (os.path.realpath(path) if path else store.url) + "/"
    if isinstance(store, OneFileStore):
        return f"{store.path}/"
    if isinstance(store, V2Hierarchy):
        return _place(store.store)
    if isinstance(store, ZipStore):
        return (os.path.realpath(store.local_path) if store.local_path else store.url) + "/"
    return (os.path.realpath(store.root) if isinstance(store, LocalStore) else store.url).rstrip("/") + "/"


def _convert_array(
    source: Array, target: Store, path: str, options: ArrayOptions, advance: Callable[[int], object]
) -> str:
    """Convert one array; returns why it could not be, "" if it was."""
    try:
        array = create_array_at(target, path, options)
    except StorageError as error:
        return _name_too_long(error)
    except READING_ERRORS as error:
        return str(error)
    try:
        copy_elements(source, array, advance)
    except READING_ERRORS as error:
        # Half an array would look like a whole one.
        target.delete_prefix(path)
        return str(error)
    return ""


def _name_too_long(error: StorageError) -> str:
    """What to say of a name that the target cannot hold; any other failure of the target is raised again."""
    if error.errno != errno.ENAMETOOLONG:
        raise error
    return "its name is too long for the file system"


def _matches(path: str, patterns: Sequence[str] | None) -> bool:
    return patterns is None or any(fnmatchcase(path, pattern.strip("/")) for pattern in patterns)


def _walk(group: Group, path: str, target: Store, skipped: list[tuple[str, str]]) -> Iterator[tuple[str, Array]]:
    """All arrays below `group`, making its groups in `target` on the way."""
    if isinstance(group.store, HDF5Hierarchy):
        skipped += [(f"{path}/{name}".lstrip("/"), why) for name, why in group.store.refused(group.path)]
    for name in group:
        below = f"{path}/{name}".lstrip("/")
        try:
            join(path, name)
            node = group[name]
        except ZarrHDF5Error as error:
            skipped.append((below, str(error)))
            continue
        if isinstance(node, Array):
            yield below, node
        else:
            try:
                create_group_at(target, below, attributes=node.attrs.asdict())
            except StorageError as error:
                skipped.append((below, _name_too_long(error)))
                continue
            yield from _walk(node, below, target, skipped)


def copy_elements(source: Array, target: Array, advance: Callable[[int], object]) -> None:
    """Copy encoded chunks where both arrays have the same; else all elements, in blocks of whole shards."""
    sink = target.stored.sink
    if sink is not None and has_same_chunks(source.stored, target.stored):
        copy_chunks(source.stored, target.stored, sink, advance)
        return
    unit = target.shards or target.chunks
    block = auto_shards(target.shape, unit, target.dtype.itemsize)
    for start in product(*(range(0, n, b) for n, b in zip(target.shape, block, strict=True))):
        region = tuple(slice(a, min(a + b, n)) for a, b, n in zip(start, block, target.shape, strict=True))
        values = np.asarray(source[region], source.dtype)
        target[region] = values
        advance(values.nbytes)
        del values  # before the next block is read beside it
