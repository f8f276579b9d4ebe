"""The one file at a path in this process: what is finished of it, and the transaction under way if there is one."""

import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from zarr_hdf5.errors import AlreadyExistsError, NotFoundError, StorageError
from zarr_hdf5.onefile.front import FRONT_NBYTES, end_of, is_one_file
from zarr_hdf5.onefile.transaction import Transaction, begin, begin_anew, cut_off_unfinished, lost_zarr_side
from zarr_hdf5.stores.local import LocalStore
from zarr_hdf5.stores.zip import ZipStore
from zarr_hdf5.stores.zip_writer import ZipWriter

__all__ = ["Session"]


@dataclass(slots=True)
class Session:
    """The one file at a path, and its transaction while there is one."""

    path: Path
    lock: threading.RLock = field(default_factory=threading.RLock)
    transaction: Transaction | None = None
    reader: ZipStore | None = None
    process: int = 0

    def writer(self) -> ZipWriter:
        """What to write to; begins a transaction."""
        with self.lock:
            transaction = self.transaction
            if transaction is None:
                self._check_replaceable()
                transaction = self._begin(begin(self.path))
            return self._writer_of(transaction)

    def recover(self) -> None:
        """Begin a transaction with the Zarr side as it last was, should an HDF5 program have made the file longer."""
        with self.lock:
            if self.transaction is None:
                self._begin(begin(self.path, recover=True)).writer.rewrite_changed()

    def _read(self) -> ZipStore:
        try:
            return ZipStore(LocalStore(self.path.parent), self.path.name, end_of)
        except NotFoundError as error:
            raise lost_zarr_side(self.path) from error

    def let_read(self) -> None:
        """Keep others from writing only."""
        with self.lock:
            if self.transaction is not None:
                self.transaction.let_read()

    def compact(self) -> None:
        """Write what is there into a new file without the gaps, and put it in the place of this one."""
        with self.lock:
            self.flush()
            begin(self.path).close()  # nobody has it open, and it is whole
            old = self.source()
            if old is not None:
                new = self._begin(begin_anew(self.path)).writer
                for key in old.list_prefix(""):
                    new.set(key, [old.get(key).data])
                self.flush()

    def start_anew(self) -> None:
        """Forget all that is there."""
        with self.lock:
            if self.transaction is not None:
                self._writer_of(self.transaction).delete_prefix("")
            elif os.path.lexists(self.path):
                self._begin(begin_anew(self.path))

    def source(self) -> ZipWriter | ZipStore | None:
        """What to read from; None where there is nothing."""
        transaction = self.transaction
        if transaction is not None:
            return transaction.writer
        with self.lock:
            if not self.path.exists():
                self.reader = None
            elif self.reader is None:
                self._check_replaceable()
                self.reader = self._read()
            return self.reader

    def discard(self) -> None:
        """Drop what was not finished."""
        with self.lock:
            if self.transaction is not None:
                self._writer_of(self.transaction)
                cut = self.transaction.temporary is None
                self._end()
                if cut:
                    cut_off_unfinished(self.path)

    def flush(self) -> None:
        """End the transaction, if there is one."""
        with self.lock:
            if self.transaction is not None:
                self._writer_of(self.transaction)
                self.transaction.finish()
                self._end()

    def leave(self) -> None:
        """Nobody holds the store any more: as `flush`, but let go of the file whatever happens."""
        if self.transaction is not None and self.process == os.getpid():
            try:
                self.flush()
            finally:
                self._end()

    def _begin(self, transaction: Transaction) -> Transaction:
        self.transaction, self.process = transaction, os.getpid()
        return transaction

    def _end(self) -> None:
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            transaction.close()

    def _writer_of(self, transaction: Transaction) -> ZipWriter:
        if self.process != os.getpid():
            raise StorageError(f"{self.path} is being written by process {self.process}, of which this one is a fork")
        return transaction.writer

    def _check_replaceable(self) -> None:
        """Raise AlreadyExistsError if something else is there."""
        with suppress(FileNotFoundError, IsADirectoryError):
            with open(self.path, "rb") as file:
                if is_one_file(file.read(FRONT_NBYTES)):
                    return
            raise AlreadyExistsError(
                f"{self.path} is there already, not written by zarr_hdf5 as one file; overwrite=True replaces it"
            )
