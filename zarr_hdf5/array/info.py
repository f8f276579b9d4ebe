"""What there is to know about an array, in words.

Knows how facts are put for people to read. Does not know where they come from: any object with the members of
`SupportsInfo` will do.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from zarr_hdf5.data_type import FillValue
from zarr_hdf5.errors import UnsupportedFeatureError
from zarr_hdf5.text import human_nbytes, printable

__all__ = ["ArrayInfo", "HDF5Facts", "StorageFacts", "SupportsInfo"]

FOLLOWS_FROM_DATA_TYPE = {"elementsize", "typesize", "blocksize"}
LONGEST = 200
"""Characters shown of a type, a fill value or a codec chain."""


class HasURL(Protocol):
    """A store, as far as it is named."""

    @property
    def url(self) -> str:
        """Where the store is."""


@runtime_checkable
class StorageFacts(Protocol):
    """A store that has more to say of its arrays than their metadata."""

    def facts(self, path: str) -> dict[str, str]:
        """What, and the value."""


class HDF5Facts(Protocol):
    """The HDF5 side of an array, as far as it is described here."""

    @property
    def libver(self) -> str:
        """Oldest HDF5 that reads the shards."""

    @property
    def dataset(self) -> str:
        """Path of the dataset within each shard."""


class SupportsInfo(Protocol):
    """What `ArrayInfo.of` asks of an array."""

    @property
    def name(self) -> str:
        """Absolute path in the hierarchy."""

    @property
    def store(self) -> HasURL:
        """Where it is stored."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements along each dimension."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the elements."""

    @property
    def chunks(self) -> tuple[int, ...]:
        """Elements along each dimension of the smallest part that can be read alone."""

    @property
    def shards(self) -> tuple[int, ...] | None:
        """Elements along each dimension of a shard; None without shards."""

    @property
    def nchunks(self) -> int:
        """Number of chunks."""

    @property
    def nshards(self) -> int | None:
        """Number of shards; None without shards."""

    @property
    def fill_value(self) -> FillValue:
        """Value of elements never written."""

    @property
    def dimension_names(self) -> tuple[str | None, ...] | None:
        """Names of the dimensions."""

    @property
    def codecs(self) -> tuple[dict[str, Any], ...]:
        """Codecs as in zarr.json."""

    @property
    def nbytes(self) -> int:
        """Bytes of all elements in memory."""

    @property
    def read_only(self) -> bool:
        """Whether it may not be written."""

    @property
    def hdf5(self) -> HDF5Facts | None:
        """The HDF5 side; None where there is none."""


@dataclass(frozen=True, slots=True)
class ArrayInfo:
    """Facts about an array, as (what, value) rows; printed, an aligned table."""

    rows: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, array: SupportsInfo) -> "ArrayInfo":
        """The rows for `array`."""
        return cls(tuple(_rows(array)))

    def __repr__(self) -> str:
        width = max((len(what) for what, _ in self.rows), default=0)
        return "\n".join(f"{what:<{width}}  {printable(value)}" for what, value in self.rows)

    def __str__(self) -> str:
        return repr(self)


def _rows(array: SupportsInfo) -> Iterator[tuple[str, str]]:
    yield "Name", array.name
    yield "Location", array.store.url
    yield "Access", "read-only" if array.read_only else "read and write"
    yield "Type", _shortened(_type_text(array))
    yield "Shape", str(array.shape)
    if array.dimension_names is not None and any(array.dimension_names):
        yield "Dimensions", ", ".join(name or "(unnamed)" for name in array.dimension_names)
    sharded = array.nshards is not None
    yield "Inner chunks" if sharded else "Chunks", _counted(_shape_text(array, "chunks"), array.nchunks, "chunk")
    yield "Shards", _counted(_shape_text(array, "shards"), array.nshards or 0, "shard") if sharded else "none"
    yield "Codecs", _shortened(", ".join(_codec_texts(array.codecs)) or "none")
    yield "Fill value", _shortened(_value_text(array.fill_value))
    yield "Size", "depends on the elements" if array.dtype.hasobject else human_nbytes(array.nbytes)
    side = array.hdf5
    if isinstance(array.store, StorageFacts):
        for what, value in array.store.facts(array.name.strip("/")).items():
            yield f"HDF5 {what}", _shortened(value)
        return
    yield "HDF5 side", "none" if side is None else f"dataset {side.dataset}, libver {side.libver}"


def _type_text(array: SupportsInfo) -> str:
    if array.dtype.hasobject:
        return f"{'strings' if isinstance(array.fill_value, str) else 'bytes'} of any length"
    return str(array.dtype.newbyteorder("="))


def _value_text(value: FillValue) -> str:
    """Text and bytes as Python writes them, everything else as numpy shows it."""
    if isinstance(value, str):
        return repr(str(value))
    return repr(bytes(value)) if isinstance(value, bytes) else str(value)


def _shape_text(array: SupportsInfo, what: Literal["chunks", "shards"]) -> str:
    try:
        return str(array.chunks if what == "chunks" else array.shards)
    except UnsupportedFeatureError:
        return "of many shapes"


def _counted(shape: str, n: int, noun: str) -> str:
    return f"{shape}, {n} {noun}{'' if n == 1 else 's'}"


def _codec_texts(codecs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each codec in short, those within shards in the place of `sharding_indexed`."""
    for codec in codecs:
        name, configuration = codec["name"], codec.get("configuration", {})
        if name == "sharding_indexed":
            yield from _codec_texts(configuration["codecs"])
        elif name != "bytes" or configuration.get("endian") == "big":
            told = {k: v for k, v in configuration.items() if v is not False and k not in FOLLOWS_FROM_DATA_TYPE}
            parameters = ", ".join(f"{key}={value}" for key, value in told.items())
            yield name.removeprefix("numcodecs.") + (f"({parameters})" if parameters else "")


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
