"""What belongs to the whole program, and what to each page."""

import secrets
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from experiments.studio.player import Player
from experiments.studio.session import Session
from experiments.studio.uploads import Scratch
from siamfc_jax.media.errors import MediaError
from siamfc_jax.media.footage import Footage
from siamfc_jax.media.tracking_loop import VideoTracker

_MOST_DESKS = 16
_PATIENCE_SECONDS = 5.0


class Studio:
    """The desks, and what they share: the device, which they use by turns, and a folder.

    `source` is opened at every desk; `model` is its name for the records.
    """

    def __init__(
        self,
        new_tracker: Callable[[], VideoTracker],
        model: str,
        source: str | Path | None,
        most_upload_bytes: int,
    ):
        self.model, self.source, self.most_upload_bytes = model, source, most_upload_bytes
        self.desks: dict[str, Desk] = {}
        self._closed: list[Desk] = []
        # One thread, first come first served: every desk's frame is at most one turn per other desk
        # away.
        self._device = ThreadPoolExecutor(1, thread_name_prefix="device")
        self.pictures = ThreadPoolExecutor(2, thread_name_prefix="pictures")
        self._scratch = Scratch()
        self._new_tracker = new_tracker

    def new_desk(self, tell: Callable[[str], None], changed: Callable[[], None]) -> "Desk":
        """A desk for a page that is opened; MediaError: there are too many."""
        if len(self.desks) >= _MOST_DESKS:
            raise MediaError(f"{_MOST_DESKS} pages are open already; close one and load this again")
        session = Session(self._new_tracker, self._device.submit)
        desk = Desk(self, Player(session, tell, changed), self._scratch.folder())
        self.desks[desk.key] = desk
        return desk

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Closes all desks, and lets no one wait for them any longer."""
        for desk in list(self.desks.values()):
            desk.close()
            self._closed.append(desk)

    def __exit__(self, *_: object) -> None:
        self.close()
        for desk in self._closed:
            desk.player.join(_PATIENCE_SECONDS)
        self._device.shutdown(wait=False, cancel_futures=True)
        self.pictures.shutdown(wait=False, cancel_futures=True)
        self._scratch.close()


class Desk:
    """One page's player, its private folder, and how it wants to see things."""

    def __init__(self, studio: Studio, player: Player, folder: Path):
        self.key = secrets.token_urlsafe(16)
        self.player = player
        self.folder = folder
        self.with_responses = False
        self.downloads: dict[str, tuple[Path, str]] = {}
        self._studio = studio
        self._upload: Path | None = None

    def open(self, footage: Footage, upload: Path | None = None) -> None:
        """Begins with this footage; what belonged to the one before is removed."""

        def command(session: Session) -> None:
            session.open(footage)
            # By name: other files may be on their way here.
            gone = [path for path, _ in self.downloads.values()]
            if self._upload is not None:
                gone.append(self._upload)
            self._upload = upload
            self.downloads.clear()
            for path in gone:
                path.unlink(missing_ok=True)
            if footage.problem is not None:
                raise MediaError(footage.problem)

        if self.player.closed:
            footage.close()
        else:
            self.player.post(command)

    def close(self) -> None:
        """The page is gone, and soon everything that belonged to it."""
        self._studio.desks.pop(self.key, None)
        self.player.close()
        threading.Thread(target=self._remove_folder, daemon=True).start()

    def _remove_folder(self) -> None:
        self.player.join()
        shutil.rmtree(self.folder, ignore_errors=True)
