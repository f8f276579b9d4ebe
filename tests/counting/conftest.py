import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

# For `counting_store`: pytest's import mode "importlib" makes no folder of tests importable.
sys.path.insert(0, str(Path(__file__).parent))

from counting_store import CodecCalls

from zarr_hdf5.buffer import Buffers
from zarr_hdf5.codecs.pipeline import PreparedChain


@pytest.fixture
def codecs(monkeypatch: pytest.MonkeyPatch) -> CodecCalls:
    """Counts chunks of uint16; the arrays of these tests hold nothing else, and indexes hold uint64."""
    calls = CodecCalls(np.dtype("<u2"))
    decode, encode = PreparedChain.decode_many, PreparedChain.encode_many

    def counting_decode(self: PreparedChain, buffers: Buffers, *options: Any, **more: Any) -> npt.NDArray[Any]:
        if self.spec.dtype == calls.dtype:
            calls.note("decoded", len(buffers))
        return decode(self, buffers, *options, **more)

    def counting_encode(self: PreparedChain, arrays: npt.NDArray[Any], *options: Any) -> Buffers:
        if self.spec.dtype == calls.dtype:
            calls.note("encoded", len(arrays))
        return encode(self, arrays, *options)

    monkeypatch.setattr(PreparedChain, "decode_many", counting_decode)
    monkeypatch.setattr(PreparedChain, "encode_many", counting_encode)
    return calls
