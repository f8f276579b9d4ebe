"""`numcodecs.pcodec`: numbers compressed as numbers.

https://github.com/zarr-developers/zarr-extensions/tree/main/codecs/numcodecs.pcodec
A chunk is one standalone file of pco (https://github.com/mwlon/pcodec), whose Python package does the work. It has no
checksum: most damage is found, not all.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from zarr_hdf5.buffer import Buffer, byte_view
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.extras import require_package
from zarr_hdf5.codecs.numbers import native
from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.errors import CorruptDataError, Problem, UnsupportedFeatureError

__all__ = ["PcodecCodec", "parse_pcodec"]

_DTYPES = frozenset(["uint16", "uint32", "uint64", "int16", "int32", "int64", "float16", "float32", "float64"])
"""Those that numcodecs names; pcodec's newest has bytes too, which others do not read."""
_DELTAS = ("auto", "none", "try_consecutive", "try_lookback")
_DELTA_NAMES = {"none": "no_op"}
"""What pcodec calls otherwise than numcodecs."""
_PAGE_NBYTES = 64
"""More than pco writes of a page or a chunk beside the numbers."""
_END = 0
"""A file's last byte."""


@dataclass(frozen=True, slots=True)
class PcodecCodec:
    """Pco at a `level` from 0 to 12, in pages of up to `equal_pages_up_to` numbers; the rest as numcodecs has it."""

    level: int = 8
    mode_spec: str = "auto"
    delta_spec: str = "auto"
    paging_spec: str = "equal_pages_up_to"
    delta_encoding_order: int | None = None
    equal_pages_up_to: int = 262144
    name: ClassVar[str] = "numcodecs.pcodec"

    def configuration(self) -> Configuration:
        """The JSON `configuration`; without the order where there is none, for which the page has no null."""
        members: dict[str, Any] = {
            "level": self.level,
            "mode_spec": self.mode_spec,
            "delta_spec": self.delta_spec,
            "paging_spec": self.paging_spec,
            "delta_encoding_order": self.delta_encoding_order,
            "equal_pages_up_to": self.equal_pages_up_to,
        }
        return {key: value for key, value in members.items() if value is not None}

    def resolve(self, spec: ChunkSpec) -> "PcodecCodec":
        """This codec, once it is sure that it applies. Raises UnsupportedFeatureError."""
        require_package("pcodec", self.name, "pcodec")
        if spec.dtype.name not in _DTYPES:
            raise UnsupportedFeatureError(f"{self.name} does not apply to {spec.dtype}")
        return self

    def encoded_nbytes(self, spec: ChunkSpec) -> None:
        """Depends on the data."""

    def max_encoded_nbytes(self, spec: ChunkSpec) -> int:
        """What cannot be compressed is stored, page by page."""
        return spec.nbytes + spec.nbytes // 16 + _PAGE_NBYTES * (2 + 2 * (-(-spec.size // self.equal_pages_up_to)))

    def serialize(self, array: npt.NDArray[Any], spec: ChunkSpec) -> Buffer:
        """Encode a chunk of `spec`."""
        numbers = np.ascontiguousarray(array, native(spec.dtype)).reshape(-1)
        encoded: bytes = self._pcodec().standalone.simple_compress(numbers, self._chunk_config())
        return encoded

    def deserialize(self, buffer: Buffer, spec: ChunkSpec) -> npt.NDArray[Any]:
        """Decode to an array of `spec`, and no other number of elements. Raises CorruptDataError."""
        encoded = bytes(byte_view(buffer))
        if not encoded or encoded[-1] != _END:
            raise CorruptDataError("no end of the file where the chunk ends", structure=self.name)
        numbers = np.empty(spec.size, native(spec.dtype))
        progress = self._decompress_into(encoded, numbers)
        if progress.n_processed != spec.size or not progress.finished:
            raise CorruptDataError(
                "a chunk is not of its number of elements",
                structure=self.name,
                expected=spec.size,
                found=f"{progress.n_processed}{'' if progress.finished else ' or more'}",
            )
        return numbers.reshape(spec.shape).astype(spec.dtype, copy=False)

    def _decompress_into(self, encoded: bytes, numbers: npt.NDArray[Any]) -> Any:
        try:
            return self._pcodec().standalone.simple_decompress_into(encoded, numbers)
        except TypeError as error:  # other numbers than asked for
            raise CorruptDataError(str(error), structure=self.name) from error
        except BaseException as error:
            # What the Rust code did not expect comes as an exception that is none of Exception's.
            if type(error).__name__ != "PanicException":
                raise
            raise CorruptDataError(f"decoding failed: {error}", structure=self.name) from error

    def _pcodec(self) -> Any:
        return require_package("pcodec", self.name, "pcodec")

    def _chunk_config(self) -> Any:
        pcodec, order = self._pcodec(), self.delta_encoding_order
        deltas = pcodec.DeltaSpec
        if order is not None and self.delta_spec in ("auto", "try_consecutive"):
            delta = deltas.try_consecutive(order)
        else:
            delta = getattr(deltas, _DELTA_NAMES.get(self.delta_spec, self.delta_spec))()
        return pcodec.ChunkConfig(
            compression_level=self.level,
            delta_spec=delta,
            mode_spec=getattr(pcodec.ModeSpec, self.mode_spec)(),
            paging_spec=pcodec.PagingSpec.equal_pages_up_to(self.equal_pages_up_to),
        )


def parse_pcodec(configuration: Configuration, path: Path, problems: list[Problem]) -> PcodecCodec | None:
    """The codec of a `configuration`, or None with `problems` noted."""
    fields = Fields(configuration, path, problems)
    level = fields.integer("level", 8, 0, 12)
    mode = fields.choice("mode_spec", "auto", ("auto", "classic"))
    delta = fields.choice("delta_spec", "auto", _DELTAS)
    paging = fields.choice("paging_spec", "equal_pages_up_to", ("equal_pages_up_to",))
    order = fields.integer("delta_encoding_order", None, 0, 7)
    if order is not None and delta not in ("auto", "try_consecutive"):
        fields.problem("delta_encoding_order", f"is not for delta_spec {delta}")
    if order is None and delta == "try_consecutive":
        fields.problem("delta_encoding_order", "is required for delta_spec try_consecutive", "missing")
    pages = fields.integer("equal_pages_up_to", 262144, 1, 1 << 24)
    return fields.finish(PcodecCodec(level, mode, delta, paging, order, pages))
