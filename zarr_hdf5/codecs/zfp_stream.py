"""Streams of zfp (https://zfp.readthedocs.io/en/latest/algorithm.html): how long they may be, and safe reading of them.

The zfp library is not told where a stream ends, and reads on behind it. So it gets the stream with as many zeros behind
it as it could ever read, and where the length is not known beforehand, once more with ones: what comes out differs if a
stream ended too early.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.codecs.extras import require_package
from zarr_hdf5.errors import CorruptDataError, UnsupportedFeatureError

__all__ = ["ZfpField", "nwords"]

_WORD_BITS = 64
_MAGIC_BITS, _SHAPE_BITS, _SHORT_MODE_BITS, _LONG_MODE_BITS = 32, 52, 12, 64
_LONG_MODE = (1 << _SHORT_MODE_BITS) - 1
_TYPES = ("int32", "int64", "float32", "float64")
_EXPONENT_BITS = {"float32": 8, "float64": 11}


def zfpy(codec: str) -> Any:
    """The Python package of zfp."""
    return require_package("zfpy", codec, "zfp")


@dataclass(frozen=True, slots=True)
class ZfpField:
    """Chunks as zfp compresses them.

    shape
        One to four dimensions, the last one fastest.
    dtype
        int32, int64, float32 or float64, in this machine's byte order.
    parameters
        At most one of zfpy's `tolerance`, `rate` and `precision`; without any, compression is reversible.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    parameters: Mapping[str, float]

    @property
    def nbits_exact(self) -> int | None:
        """Bits of a stream without its header, or None where they depend on the data."""
        return None if "rate" not in self.parameters else self._nblocks * self._nbits_at_rate

    @property
    def max_nbits(self) -> int:
        """No stream without its header is longer, nor is more read of one."""
        bits = (
            self._nvalues - 1 + self._nvalues * 8 * self.dtype.itemsize + 2 + _EXPONENT_BITS.get(self.dtype.name, 0) + 6
        )
        return max(self._nblocks * bits, self.nbits_exact or 0)

    @property
    def _nbits_at_rate(self) -> int:
        """Of a block, whatever is in it."""
        return floor(self._nvalues * self.parameters["rate"] + 0.5)

    @property
    def _nvalues(self) -> int:
        """In a block."""
        return 1 << 2 * len(self.shape)

    @property
    def _nblocks(self) -> int:
        return prod(-(-n // 4) for n in self.shape)

    def check(self, codec: str) -> None:
        """Raise UnsupportedFeatureError for a rate that leaves no room for a block's exponent: zfp writes on then."""
        least = 1 + _EXPONENT_BITS.get(self.dtype.name, 0)
        if "rate" in self.parameters and self._nbits_at_rate < least:
            rate = self.parameters["rate"]
            raise UnsupportedFeatureError(f"{codec}: rate {rate}, while {self._nvalues} {self.dtype} need {least} bits")

    def compress(self, array: npt.NDArray[Any], codec: str, *, header: bool) -> bytes:
        """The stream of an array of `shape` and `dtype`."""
        contiguous = np.ascontiguousarray(array)
        encoded: bytes = zfpy(codec).compress_numpy(contiguous, write_header=header, **self.parameters)
        return encoded

    def header(self, codec: str) -> tuple[int, int]:
        """What every stream with a header begins with, first bits lowest, and how many bits these are.

        Raises UnsupportedFeatureError where the shape does not fit.
        """
        width = (_SHAPE_BITS - 4) // len(self.shape)
        if any(n > 1 << width for n in self.shape):
            raise UnsupportedFeatureError(f"{codec}: a chunk of shape {self.shape} does not fit into zfp's header")
        # All but the shape is as in the stream of a single element.
        small = ZfpField((1,) * len(self.shape), self.dtype, self.parameters)
        found = int.from_bytes(small.compress(np.zeros(small.shape, self.dtype), codec, header=True), "little")
        mode = found >> (_MAGIC_BITS + _SHAPE_BITS)
        mode_bits = _LONG_MODE_BITS if mode & _LONG_MODE == _LONG_MODE else _SHORT_MODE_BITS
        shape = sum((n - 1) << (width * i) for i, n in enumerate(reversed(self.shape)))
        shape = _TYPES.index(self.dtype.name) | (len(self.shape) - 1) << 2 | shape << 4
        magic, mode = found & ((1 << _MAGIC_BITS) - 1), mode & ((1 << mode_bits) - 1)
        bits = magic | shape << _MAGIC_BITS | mode << (_MAGIC_BITS + _SHAPE_BITS)
        return bits, _MAGIC_BITS + _SHAPE_BITS + mode_bits

    def decompress(self, buffer: Buffer, codec: str, *, header: bool) -> npt.NDArray[Any]:
        """The array of a stream. Raises CorruptDataError."""
        view = byte_view(buffer)
        header_bits = self._check_header(view, codec) if header else 0
        exact = None if self.nbits_exact is None else header_bits + self.nbits_exact
        least, most = nwords(exact or 0), nwords(exact or header_bits + self.max_nbits)
        if not (-(-(exact or 1) // 8) <= len(view) <= most):
            raise CorruptDataError(
                "a stream is not of its length",
                structure=codec,
                expected=f"{least} bytes" if exact else f"at most {most} bytes",
                found=f"{len(view)} bytes",
            )
        # One word more: the last one is read as a whole.
        padded = np.zeros(most + _WORD_BITS // 8, np.uint8)
        padded[: len(view)] = view
        decoded = self._decompress(padded, codec, header)
        if exact is None:
            padded[len(view) :] = 255
            if self._decompress(padded, codec, header).tobytes() != decoded.tobytes():
                raise CorruptDataError("a stream ends too early", structure=codec, offset=len(view))
        return decoded

    def _check_header(self, view: "memoryview[int]", codec: str) -> int:
        """Bits of the header. Raises CorruptDataError where it is not that of all these streams."""
        wanted, nbits = self.header(codec)
        found = int.from_bytes(view[: -(-nbits // 8)], "little") & ((1 << nbits) - 1)
        if found != wanted:
            raise CorruptDataError(
                "a header of other data", structure=codec, offset=0, expected=f"{wanted:#x}", found=f"{found:#x}"
            )
        return nbits

    def _decompress(self, padded: npt.NDArray[np.uint8], codec: str, header: bool) -> npt.NDArray[Any]:
        library = zfpy(codec)
        if header:
            decoded: npt.NDArray[Any] = library.decompress_numpy(padded.tobytes())
            return decoded
        kind = library.dtype_to_ztype(self.dtype)
        out = np.empty(self.shape, self.dtype)
        library._decompress(padded.tobytes(), kind, self.shape, out=out, **self.parameters)
        return out


def nwords(nbits: int) -> int:
    """Bytes of the whole words that hold so many bits."""
    return -(-nbits // _WORD_BITS) * (_WORD_BITS // 8)
