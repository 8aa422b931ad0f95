"""Reading single crops out of the packs."""

import os
from collections import OrderedDict
from pathlib import Path

from data_prep.crops.examples import CropExample, parse_crop
from data_prep.crops.index import CropIndex, CropsError
from siamfc_jax.data.tfrecord import unframe_record

# Far below what systems allow a process to keep open.
_OPEN_PACKS = 200


class CropReader:
    """Reads crops by their row in an index.

    Packs are read, not mapped into memory: mapped pages would count as this process's own, and a
    page fault would fetch far more from a disk than the crop.
    """

    def __init__(self, index: CropIndex) -> None:
        self._index = index
        self._open: OrderedDict[int, tuple[int, Path]] = OrderedDict()

    def read(self, row: int) -> CropExample:
        """The crop of a row of `index.crops`.

        Raises:
          CropsError: its pack is missing, or its record is corrupt.
        """
        pack, offset, size, frame = self._index.crops[row].item()
        descriptor, file = self._opened(pack)
        framed = os.pread(descriptor, size, offset)
        try:
            crop = parse_crop(unframe_record(framed, offset=offset, file=file, number=row))
        except ValueError as error:
            raise CropsError(
                f"{file}: the crop at byte {offset} is corrupt ({error}); delete this file and run "
                "make_crops again"
            ) from None
        if crop.frame != frame:
            raise CropsError(f"{self._index.folder}: its index is damaged; run make_crops again")
        return crop

    def close(self) -> None:
        """Close the packs; a later `read` opens them again."""
        while self._open:
            os.close(self._open.popitem()[1][0])

    def _opened(self, pack: int) -> tuple[int, Path]:
        """A pack's descriptor and file; the pack that was not asked for longest is closed."""
        if pack not in self._open:
            if len(self._open) == _OPEN_PACKS:
                os.close(self._open.popitem(last=False)[1][0])
            file = self._index.pack(pack)
            try:
                self._open[pack] = os.open(file, os.O_RDONLY), file
            except OSError as error:
                raise CropsError(
                    f"{file}: cannot be read ({error.strerror}); run make_crops again"
                ) from None
        self._open.move_to_end(pack)
        return self._open[pack]
