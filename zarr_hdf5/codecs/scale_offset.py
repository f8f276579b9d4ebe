"""The `scale_offset` codec: `(x - offset) * scale`, computed in the array's own data type.

https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/scale_offset
`offset` and `scale` are written as a fill value of that type would be. Integers are exact or an error: nothing wraps
around, and what is decoded must divide by the scale.
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.numbers import check_kind, int_bounds, is_foreign, kind_of, native
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.data_type import DataType, parse_fill_value
from zarr_hdf5.errors import InvalidMetadataError, Problem

__all__ = ["ScaleOffsetCodec", "parse_scale_offset"]

Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class ScaleOffsetCodec:
    """`offset` and `scale` as in JSON; `numbers` are both in the data type, once that is known."""

    offset: float | str = 0
    scale: float | str = 1
    numbers: tuple[Any, Any] | None = field(default=None, compare=False, repr=False)
    name: ClassVar[str] = "scale_offset"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"offset": self.offset, "scale": self.scale}

    def resolve(self, spec: ChunkSpec) -> "ScaleOffsetCodec":
        """This codec with both numbers in the data type.

        Raises
        ------
        InvalidMetadataError
            If one is no value of the data type, or the scale is 0.
        UnsupportedFeatureError
            If the data type is no integer or float.
        """
        check_kind(self.name, spec.dtype, "iuf")
        problems: list[Problem] = []
        data_type = DataType.from_numpy(spec.dtype)
        offset = parse_fill_value(data_type, self.offset, ("offset",), problems)
        scale = parse_fill_value(data_type, self.scale, ("scale",), problems)
        if scale is not None and scale == 0:
            problems.append(Problem(("scale",), "must not be 0"))
        if problems:
            raise InvalidMetadataError(problems, self.name)
        return replace(self, numbers=(offset, scale))

    def encoded_spec(self, spec: ChunkSpec) -> ChunkSpec:
        """`spec` with the fill value encoded. Raises InvalidMetadataError where that is not possible."""
        try:
            fill_value: np.generic = self.encode_array(np.array([spec.fill_value], spec.dtype), spec)[0]
        except ValueError as error:
            raise InvalidMetadataError(f"scale_offset: the fill value becomes none: {error}") from error
        return ChunkSpec(spec.shape, spec.dtype, fill_value)

    def encode_array(self, array: Numbers, spec: ChunkSpec) -> Numbers:
        """Encode. Raises ValueError where an integer would leave its type."""
        offset, scale = self._numbers(spec)
        if kind_of(spec.dtype) == "f":
            with np.errstate(all="ignore"):
                return np.asarray((array.astype(native(spec.dtype), copy=False) - offset) * scale, spec.dtype)
        # Both steps keep or reverse the order of numbers, so the outermost ones say whether all fit.
        ends = _ends(array)
        _check(spec.dtype, [end - int(offset) for end in ends])
        _check(spec.dtype, [(end - int(offset)) * int(scale) for end in ends])
        integers = _computable(array)
        number = integers.dtype.type
        return np.asarray((integers - number(int(offset))) * number(int(scale)), spec.dtype)

    def decode_array(self, array: Numbers, spec: ChunkSpec) -> Numbers:
        """Decode. Raises ValueError where an integer cannot have come from one."""
        offset, scale = self._numbers(spec)
        if kind_of(spec.dtype) == "f":
            with np.errstate(all="ignore"):
                return np.asarray(array.astype(native(spec.dtype), copy=False) / scale + offset, spec.dtype)
        integers = _computable(array)
        number = integers.dtype.type
        if int(scale) != 1:
            if (integers % number(int(scale))).any():
                raise ValueError(f"numbers that {int(scale)} does not divide")
            # The least number by -1 is no number of the type any more, which numpy would not notice.
            _check(spec.dtype, [end // int(scale) for end in _ends(integers)])
            integers = integers // number(int(scale))
        _check(spec.dtype, [end + int(offset) for end in _ends(integers)])
        return np.asarray(integers + number(int(offset)), spec.dtype)

    def encode_arrays(self, arrays: Numbers, spec: ChunkSpec) -> Numbers:
        """See `BatchArrayArrayCodec`."""
        return self.encode_array(arrays, spec)

    def decode_arrays(self, arrays: Numbers, spec: ChunkSpec) -> Numbers:
        """See `BatchArrayArrayCodec`."""
        return self.decode_array(arrays, spec)

    def _numbers(self, spec: ChunkSpec) -> tuple[Any, Any]:
        numbers = self.numbers or self.resolve(spec).numbers
        assert numbers is not None
        return numbers


def _computable(array: Numbers) -> Numbers:
    """The same integers in a type in which numpy computes, in this machine's byte order."""
    return array.astype(np.int64 if is_foreign(array.dtype) else native(array.dtype), copy=False)


def _ends(array: Numbers) -> tuple[int, int]:
    """The least and the greatest of them, as Python's integers, which have no bounds."""
    integers = _computable(array)
    return (int(integers.min()), int(integers.max())) if integers.size else (0, 0)


def _check(dtype: np.dtype[Any], integers: list[int]) -> None:
    low, high = int_bounds(dtype)
    for integer in integers:
        if not low <= integer <= high:
            raise ValueError(f"{integer} is no {dtype}")


def parse_scale_offset(configuration: Configuration, path: Path, problems: list[Problem]) -> ScaleOffsetCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    return fields.finish(ScaleOffsetCodec(_scalar(fields, "offset", 0), _scalar(fields, "scale", 1)))


def _scalar(fields: Fields, key: str, default: int) -> float | str:
    """A number, or the text that stands for one; which it is, only the data type can say."""
    value: float | str = fields.take(key, default)
    if type(value) not in (int, float, str):
        fields.problem(key, f"must be a number, or text for one, not {value!r:.80}", "type")
        return default
    return value
