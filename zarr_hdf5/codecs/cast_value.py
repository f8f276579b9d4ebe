"""The `cast_value` codec: the same numbers in another data type, as near as that comes.

https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/cast_value
Numbers that the `scalar_map` names become what it says, whatever they are; the first entry counts. Everything else is
rounded and bounded, in both directions by the same rules (`value_casting.py`). NaN stays NaN, or is an error.
The page wants a fill value that comes back the same from both; zarr-python writes others too, and they are read here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.numbers import check_kind, is_foreign, kind_of
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.value_casting import OUT_OF_RANGE, ROUNDINGS, Casting, cast
from zarr_hdf5.data_type import DataType, parse_data_type, parse_fill_value
from zarr_hdf5.errors import InvalidMetadataError, Problem

__all__ = ["CastValueCodec", "parse_cast_value"]

Numbers = npt.NDArray[Any]
Entries = tuple[tuple[Any, Any], ...]
"""Pairs of numbers as in JSON: from, to."""


@dataclass(frozen=True, slots=True)
class ScalarMap:
    """Numbers (all but NaN, in order, each once), what each becomes, and what NaN becomes, in arrays of one or none."""

    sources: Numbers
    targets: Numbers
    of_nan: Numbers


@dataclass(frozen=True, slots=True)
class CastValueCodec:
    """A cast to `data_type`; `encode_map` and `decode_map` are the entries of the scalar map, None where there is none.

    `maps` are both in the data types, once they are known.
    """

    data_type: DataType
    casting: Casting
    encode_map: Entries | None = None
    decode_map: Entries | None = None
    maps: tuple[ScalarMap, ScalarMap] | None = field(default=None, compare=False, repr=False)
    name: ClassVar[str] = "cast_value"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        maps = {"encode": self.encode_map, "decode": self.decode_map}
        given = {key: [list(entry) for entry in entries] for key, entries in maps.items() if entries is not None}
        members = {"data_type": self.data_type.to_json(), "rounding": self.casting.rounding}
        if self.casting.out_of_range is not None:
            members["out_of_range"] = self.casting.out_of_range
        return {**members, "scalar_map": given} if given else members

    def resolve(self, spec: ChunkSpec) -> "CastValueCodec":
        """This codec with the scalar map in both data types.

        Raises
        ------
        InvalidMetadataError
            If a number of the map is no value of its data type.
        UnsupportedFeatureError
            If the array's data type is no integer or float.
        """
        check_kind(self.name, spec.dtype, "iuf")
        problems: list[Problem] = []
        decoded = DataType.from_numpy(spec.dtype)
        path: Path = ("scalar_map",)
        maps = (
            _parse_map(self.encode_map or (), decoded, self.data_type, (*path, "encode"), problems),
            _parse_map(self.decode_map or (), self.data_type, decoded, (*path, "decode"), problems),
        )
        if problems:
            raise InvalidMetadataError(problems, self.name)
        return replace(self, maps=maps)

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """`spec` of the other type, the fill value cast. Raises InvalidMetadataError where that is not possible."""
        try:
            fill_value: np.generic = self.encode_array(np.array([spec.fill_value], spec.dtype), spec)[0]
        except ValueError as error:
            raise InvalidMetadataError(f"cast_value: the fill value becomes none: {error}") from error
        return ChunkSpec(spec.shape, self.data_type.dtype, fill_value)

    def encode_array(self, array: Numbers, spec: ChunkSpec) -> Numbers:
        """Encode. Raises ValueError for a number that has no place in the data type."""
        return _cast_mapped(array, self.data_type.dtype, self._maps(spec)[0], self.casting)

    def decode_array(self, array: Numbers, spec: ChunkSpec) -> Numbers:
        """Decode. Raises ValueError for a number that has no place in the array's data type."""
        return _cast_mapped(array, spec.dtype, self._maps(spec)[1], self.casting)

    def encode_arrays(self, arrays: Numbers, spec: ChunkSpec) -> Numbers:
        """See `BatchArrayArrayCodec`."""
        return self.encode_array(arrays, spec)

    def decode_arrays(self, arrays: Numbers, spec: ChunkSpec) -> Numbers:
        """See `BatchArrayArrayCodec`."""
        return self.decode_array(arrays, spec)

    def _maps(self, spec: ChunkSpec) -> tuple[ScalarMap, ScalarMap]:
        maps = self.maps or self.resolve(spec).maps
        assert maps is not None
        return maps


def _cast_mapped(array: Numbers, dtype: np.dtype[Any], scalars: ScalarMap, casting: Casting) -> Numbers:
    if not scalars.sources.size and not scalars.of_nan.size:
        return cast(array, dtype, casting)
    numbers = _comparable(array)
    place = np.minimum(np.searchsorted(scalars.sources, numbers), max(scalars.sources.size - 1, 0))
    named = scalars.sources[place] == numbers if scalars.sources.size else np.zeros(array.shape, np.bool_)
    nan = np.isnan(numbers) if scalars.of_nan.size else np.zeros(array.shape, np.bool_)
    # What the map names need not be a number of the type at all: one that surely is stands there meanwhile.
    rest = cast(np.where(named | nan, np.ones(1, array.dtype), array), dtype, casting)
    rest[named] = scalars.targets[place[named]]
    rest[nan] = scalars.of_nan
    return rest


def _comparable(array: Numbers) -> Numbers:
    """The same numbers in a type of numpy's own, which sorts them."""
    if is_foreign(array.dtype):
        return array.astype(np.float64 if kind_of(array.dtype) == "f" else np.int64)
    return array


def _parse_map(entries: Entries, source: DataType, target: DataType, path: Path, problems: list[Problem]) -> ScalarMap:
    found: dict[Any, Any] = {}
    of_nan = []
    for i, (before, after) in enumerate(entries):
        number = parse_fill_value(source, before, (*path, i, 0), problems)
        becomes = parse_fill_value(target, after, (*path, i, 1), problems)
        if number is None or becomes is None:
            continue
        if number != number:
            of_nan.append(becomes)
        else:
            found.setdefault(_comparable(np.array([number], source.dtype))[0], becomes)
    kind = _comparable(np.empty(0, source.dtype)).dtype
    numbers = sorted(found)
    targets = np.array([found[number] for number in numbers], target.dtype)
    return ScalarMap(np.array(numbers, kind), targets, np.array(of_nan[:1], target.dtype))


def parse_cast_value(configuration: Configuration, path: Path, problems: list[Problem]) -> CastValueCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    fields.require("data_type")
    document = fields.take("data_type", "uint8")
    data_type = parse_data_type(document, (*fields.path, "data_type"), problems) or DataType.from_numpy(np.uint8)
    if kind_of(data_type.dtype) not in ("i", "u", "f"):
        fields.problem("data_type", f"must be a data type of integers or floats, not {document!r:.80}")
    rounding = fields.choice("rounding", "nearest-even", ROUNDINGS)
    out_of_range = fields.choice("out_of_range", None, OUT_OF_RANGE)
    if out_of_range == "wrap" and kind_of(data_type.dtype) == "f":
        fields.problem("out_of_range", "must not be wrap: only integers wrap around")
    encode, decode = _parse_scalar_map(fields)
    return fields.finish(CastValueCodec(data_type, Casting(rounding, out_of_range), encode, decode))


def _parse_scalar_map(fields: Fields) -> tuple[Entries | None, Entries | None]:
    scalar_map = fields.take("scalar_map", None)
    if scalar_map is None:
        return None, None
    if not isinstance(scalar_map, Mapping):
        fields.problem("scalar_map", f"must be an object, not {scalar_map!r:.80}", "type")
        return None, None
    for key in scalar_map:
        if key not in ("encode", "decode"):
            fields.problem("scalar_map", f"{key!r:.80} is neither encode nor decode", "unknown")
    encode, decode = (_parse_entries(fields, key, scalar_map.get(key)) for key in ("encode", "decode"))
    return encode, decode


def _parse_entries(fields: Fields, key: str, entries: Any) -> Entries | None:
    if entries is None:
        return None
    if not isinstance(entries, list | tuple) or not all(_is_entry(entry) for entry in entries):
        fields.problem("scalar_map", f"{key} must be an array of pairs of numbers, not {entries!r:.80}", "type")
        return None
    return tuple((before, after) for before, after in entries)


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, list | tuple) and len(entry) == 2 and all(type(n) in (int, float, str) for n in entry)
