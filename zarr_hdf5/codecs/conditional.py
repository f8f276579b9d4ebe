"""The `conditional` codec: bytes->bytes codecs that each chunk has, or has not; bits before it say which.

https://github.com/zarr-developers/zarr-extensions/pull/27
Bit i of the header, counted from the least significant of the first byte, says whether codec i was applied. The page
leaves to the writer when to apply them: here all are, or none where they would make a chunk no shorter.
No other program is known to have this codec.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeAlias

from zarr_hdf5.buffer import Buffer, byte_view, nbytes_of
from zarr_hdf5.codecs.bounded_decompression import check_room
from zarr_hdf5.codecs.configuration import Configuration, Fields, Path
from zarr_hdf5.codecs.pipeline import codec_to_json, resolve_codec
from zarr_hdf5.codecs.protocol import BytesBytesCodec, ChunkSpec, is_bytes_bytes
from zarr_hdf5.errors import CorruptDataError, Problem

__all__ = ["ConditionalCodec", "parse_conditional"]

_MOST_BITS = 1024

ParseCodecs: TypeAlias = Callable[[object, Path, list[Problem]], Sequence[object] | None]


@dataclass(frozen=True, slots=True)
class ConditionalCodec:
    """`codecs` behind a header of `header_bits`, a multiple of 8."""

    codecs: tuple[BytesBytesCodec, ...]
    header_bits: int
    name: ClassVar[str] = "conditional"

    def configuration(self) -> Configuration:
        """The JSON `configuration`."""
        return {"codecs": [codec_to_json(codec) for codec in self.codecs], "header_bits": self.header_bits}

    def resolve(self, spec: ChunkSpec) -> "ConditionalCodec":
        """This codec with its codecs resolved. Raises UnsupportedFeatureError where one does not apply."""
        return replace(self, codecs=tuple(resolve_codec(codec, spec) for codec in self.codecs))

    def encoded_nbytes(self, nbytes: int) -> None:
        """Depends on the data."""

    def max_encoded_nbytes(self, nbytes: int) -> int:
        """The header more."""
        return self.header_bits // 8 + nbytes

    def encode(self, buffer: Buffer) -> Buffer:
        """Encode."""
        encoded = buffer
        for codec in self.codecs:
            encoded = codec.encode(encoded)
        shorter = nbytes_of(encoded) < nbytes_of(buffer)
        mask = (1 << len(self.codecs)) - 1 if shorter else 0
        return b"".join((mask.to_bytes(self.header_bits // 8, "little"), byte_view(encoded if shorter else buffer)))

    def decode(self, buffer: Buffer, max_nbytes: int) -> Buffer:
        """Decode. Raises CorruptDataError, and what the codecs raise."""
        view = byte_view(buffer)
        start = self.header_bits // 8
        if len(view) < start:
            raise CorruptDataError("too short for a header", structure=self.name, found=f"{len(view)} bytes")
        mask = int.from_bytes(view[:start], "little")
        if mask >> len(self.codecs):
            raise CorruptDataError("bits of codecs that there are not", structure=self.name, found=f"{mask:#x}")
        applied = [codec for i, codec in enumerate(self.codecs) if mask >> i & 1]
        rooms = [max_nbytes]
        for codec in applied:
            # Other writers may compress worse than the libraries here do at their worst.
            rooms.append(2 * codec.max_encoded_nbytes(rooms[-1]) + 65536)
        decoded: Buffer = view[start:]
        for codec, room in zip(reversed(applied), reversed(rooms[:-1]), strict=True):
            decoded = codec.decode(decoded, room)
        check_room(nbytes_of(decoded), max_nbytes, self.name)
        return decoded


def parse_conditional(
    configuration: Configuration, path: Path, problems: list[Problem], parse_codecs: ParseCodecs
) -> ConditionalCodec | None:
    """The codec of a `configuration`, or None with `problems` noted; `parse_codecs` is the registry's."""
    fields = Fields(configuration, path, problems)
    fields.require("codecs")
    inner = (*fields.path, "codecs")
    codecs = parse_codecs(fields.take("codecs", []), inner, problems) or ()
    for i, codec in enumerate(codecs):
        if codec is not None and not is_bytes_bytes(codec):
            problems.append(Problem((*inner, i), "is no bytes->bytes codec"))
    least = -(-len(codecs) // 8) * 8
    header_bits = fields.integer("header_bits", least, len(codecs), _MOST_BITS)
    if header_bits % 8:
        fields.problem("header_bits", f"must be a multiple of 8, not {header_bits}")
    return fields.finish(ConditionalCodec(tuple(codec for codec in codecs if is_bytes_bytes(codec)), header_bits))
