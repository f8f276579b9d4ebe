"""Writing some fields of structures; the others keep what they hold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zarr_hdf5.array.write import WritableObject, WritablePart
from zarr_hdf5.indexing.fields import FieldIndex

__all__ = ["of_fields"]


@dataclass(frozen=True, slots=True)
class FieldsPart:
    """A `WritablePart` of which only some fields are written: every chunk of it keeps something."""

    part: WritablePart
    fields: FieldIndex

    @property
    def nchunks(self) -> int:
        """See `WritablePart`."""
        return self.part.nchunks

    def chunks(self) -> npt.NDArray[np.intp]:
        """See `WritablePart`."""
        return self.part.chunks()

    def split(self, most: int) -> "Iterator[FieldsPart]":
        """See `WritablePart`."""
        for part in self.part.split(most):
            yield FieldsPart(part, self.fields)

    def partial(self) -> list[int]:
        """See `WritablePart`."""
        return list(range(self.nchunks))

    def covers(self, shape: tuple[int, ...]) -> bool:
        """See `WritablePart`."""
        return False

    def overwrite(self, chunks: npt.NDArray[Any], value: npt.NDArray[Any]) -> None:
        """See `WritablePart`; `value` is of the fields' type."""
        self.part.overwrite(chunks[self.fields], value)


@dataclass(frozen=True, slots=True)
class FieldsObject:
    """A `WritableObject` of which only some fields are written."""

    coords: tuple[int, ...]
    part: FieldsPart
    whole: bool = False


def of_fields(objects: Iterable[WritableObject], fields: FieldIndex) -> Iterator[FieldsObject]:
    """The same objects, to be written these fields of."""
    for planned in objects:
        yield FieldsObject(planned.coords, FieldsPart(planned.part, fields))
