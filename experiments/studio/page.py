"""The page: a stage, its controls, the list of targets. It shows and passes on; a desk works."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from nicegui import ui
from nicegui.events import GenericEventArguments, KeyEventArguments

from experiments.studio.desk import Studio
from experiments.studio.elements import Opener, Stage, Targets, Timeline
from experiments.studio.export import KINDS, export
from experiments.studio.player import GOES_WRONG, one_line
from experiments.studio.session import Session, Tracked
from siamfc_jax.media.camera import is_camera
from siamfc_jax.media.demo import demo_clip
from siamfc_jax.media.footage_reading import open_footage

_STYLE = (Path(__file__).parent / "web" / "studio.css").read_text(encoding="utf-8")
_MESSAGE_MS = 10_000
_SOON_SECONDS = 0.4
_CAMERA_WAITS = (4.0, 4.0, 4.0)
_ACCENT = "#3d84e0"
_HELP = (
    ("Draw", "Press, drag and let go on the picture, with mouse, finger or pen."),
    ("Tab", "moves between the picture, the frames, the buttons and the targets."),
    ("Arrow keys", "on the picture: move a box; with Ctrl by single pixels."),
    ("Shift + arrows", "make the box larger or smaller."),
    ("Enter", "follows what is in the box. Esc gives it up."),
    ("Space", "plays and pauses."),
    ("Delete", "removes the chosen target, or the newest."),
    ("Arrow keys", "on the frames: one frame on or back."),
)
_NOTES = (
    "A score tells how much a box looks like what was drawn; where a target is lost, its box is "
    "dashed: draw it anew on a frame where you see the target. Nothing you open leaves the machine "
    "on which the studio runs, and what you send to it is removed when the page is closed."
)


class Page:
    """One page and its desk."""

    def __init__(self, studio: Studio):
        self._studio = studio
        self._loop = asyncio.get_running_loop()
        self._client = ui.context.client
        self._desk = studio.new_desk(self._tell_later, self._refresh_later)
        self._client.on_delete(self._desk.close)
        self._seen: tuple[Any, ...] = ()
        self._chosen: int | None = None
        self._build()
        self._refresh()
        if studio.source is not None:
            ui.timer(0, partial(self._open, studio.source), once=True)

    def _build(self) -> None:
        ui.add_css(_STYLE)
        ui.colors(primary=_ACCENT)
        with ui.element("header").classes("bar"):
            ui.html("<h1>studio</h1>", sanitize=False)
            self._name = ui.label().classes("file")
            self._opener("Open a video", main=False)
            ui.button(icon="help_outline", on_click=self._help).props(
                'flat round color=grey-4 aria-label="Help"'
            )
        with ui.element("main").classes("room"):
            with ui.element("section").classes("middle"):
                self._build_stage()
                self._timeline = Timeline()
                self._timeline.on("seek", lambda event: self._desk.player.seek(int(event.args)))
                self._build_controls()
            with ui.element("aside").classes("side"):
                ui.html("<h2>Targets</h2>", sanitize=False)
                self._nobody = ui.label().classes("nobody")
                self._targets = Targets()
                self._targets.on("choose", self._choose)
                self._targets.on("remove", lambda event: self._remove(int(event.args)))
        # Of a div that has the focus (the picture, a switch, a menu's item), keys are its own.
        ignore: list[Any] = ["input", "select", "button", "textarea", "div"]
        ui.keyboard(self._key, ignore=ignore)

    def _build_stage(self) -> None:
        self._stage = Stage(f"/studio/{self._desk.key}/live")
        self._stage.on("grab", lambda: self._post(Session.pause))
        self._stage.on("draw", self._draw)
        self._stage.on("toggle", self._toggle)
        self._stage.on("delete", self._delete)
        with self._stage:
            ui.icon("movie", size="56px").classes("dim")
            ui.label("Open a video or drop it here").classes("lead")
            ui.label("Then draw a box round what to follow.").classes("dim")
            self._opener("Choose a video", main=True)
            clip, _ = demo_clip()
            ui.button("Try the demo clip", on_click=partial(self._open, clip)).props(
                "flat no-caps color=grey-4"
            )

    def _build_controls(self) -> None:
        with ui.element("div").classes("controls") as self._controls:
            self._play = ui.button(icon="play_arrow", on_click=self._toggle)
            self._play.props("round unelevated color=primary")
            self._at_once = ui.switch("Follow when drawn", value=True).props("dense color=primary")
            self._maps = ui.switch("Response map", on_change=self._show_maps)
            self._maps.props("dense color=primary")
            ui.element("div").classes("spring")
            self._save = ui.button("Download", icon="download").props(
                "no-caps flat color=grey-4 aria-haspopup=menu"
            )
            with self._save, ui.menu():
                for kind, text in zip(
                    KINDS, ("Video (MP4)", "Boxes (CSV)", "Boxes (JSON)"), strict=True
                ):
                    ui.menu_item(text, partial(self._download, kind))

    def _opener(self, label: str, *, main: bool) -> None:
        path = f"/studio/{self._desk.key}/upload"
        opener = Opener(path, self._studio.most_upload_bytes, label, main=main)
        opener.on("failed", lambda event: self._tell(str(event.args)))

    async def _open(self, source: str | Path) -> None:
        for wait in (*_CAMERA_WAITS, None):
            try:
                self._desk.open(await asyncio.to_thread(open_footage, source))
                return
            except (ValueError, OSError) as error:
                if wait is None or not is_camera(str(source)):
                    self._tell(one_line(error))
                    return
            # A page that is loaded anew waits until the one before lets go of the camera.
            await asyncio.sleep(wait)

    async def _draw(self, event: GenericEventArguments) -> None:
        frame, box = int(event.args["frame"]), np.asarray(event.args["box"], np.float32)
        chosen, play = self._chosen, bool(self._at_once.value)
        drawn = self._desk.player.ask(lambda session: session.draw(frame, box, chosen, play))
        if not (await asyncio.wait({drawn}, timeout=_SOON_SECONDS))[0]:
            self._stage.set_hint("One moment: the tracker is made ready for frames of this size")
        try:
            await drawn
            self._chosen = None
        except Exception as error:
            self._tell_and_log(error)
        self._refresh()

    def _toggle(self) -> None:
        view = self._desk.player.view
        if view is not None:
            self._post(Session.pause if view.playing else Session.play)

    def _choose(self, event: GenericEventArguments) -> None:
        key = int(event.args)
        self._chosen = None if key == self._chosen else key
        self._post(Session.pause)

    def _remove(self, key: int) -> None:
        self._chosen = None
        self._post(lambda session: session.delete(key))

    def _delete(self) -> None:
        view = self._desk.player.view
        if view is not None and view.targets:
            self._remove(view.targets[-1].key if self._chosen is None else self._chosen)

    def _key(self, event: KeyEventArguments) -> None:
        if event.action.keydown and not event.action.repeat:
            if event.key.space:
                self._toggle()
            elif event.key.delete:
                self._delete()

    def _show_maps(self) -> None:
        self._desk.with_responses = bool(self._maps.value)
        self._post(lambda session: None)

    async def _download(self, kind: str) -> None:
        self._save.disable()
        try:
            await self._write(await self._desk.player.ask(Session.tracked), kind)
            ui.download(f"/studio/{self._desk.key}/tracked/{kind}")
        except Exception as error:
            self._tell_and_log(error)
        finally:
            self._save.set_text("Download")
            self._save.enable()

    async def _write(self, tracked: Tracked, kind: str) -> None:
        desk, share = self._desk, [0.0]
        work = asyncio.create_task(
            asyncio.to_thread(
                export,
                tracked,
                kind,
                desk.folder,
                self._studio.model,
                partial(share.__setitem__, 0),
                lambda: desk.player.closed,
            )
        )
        while not (await asyncio.wait({work}, timeout=0.3))[0]:
            self._save.set_text(f"Writing {share[0]:.0%}")
        desk.downloads[kind] = await work, tracked.footage.name

    def _post(self, command: Callable[[Session], object]) -> None:
        self._desk.player.post(command)

    def _tell(self, line: str) -> None:
        with self._client:
            ui.notify(
                line,
                position="top",
                timeout=_MESSAGE_MS,
                close_button="OK",
                icon="error_outline",
                classes="message",
            )

    def _tell_and_log(self, error: Exception) -> None:
        if not isinstance(error, GOES_WRONG):
            logging.error("a command of the page failed", exc_info=error)
        self._tell(one_line(error))

    def _tell_later(self, line: str) -> None:
        self._loop.call_soon_threadsafe(self._tell, line)

    def _refresh_later(self) -> None:
        # In the player's thread, for every frame: what the page's own elements show changes rarely.
        if self._state() != self._seen:
            self._loop.call_soon_threadsafe(self._refresh)

    def _state(self) -> tuple[Any, ...]:
        view = self._desk.player.view
        if view is None:
            return (None, False, False, None)
        chosen = self._chosen if any(one.key == self._chosen for one in view.targets) else None
        return view.name, view.playing, bool(view.targets), chosen

    def _refresh(self) -> None:
        self._seen = name, playing, has_targets, chosen = self._state()
        self._name.set_text(name or "")
        self._play.props(
            f"icon={'pause' if playing else 'play_arrow'} "
            f'aria-label="{"Pause" if playing else "Play"}"'
        )
        for element in (self._controls, self._timeline):
            element.set_visibility(name is not None)
        self._nobody.set_text(
            "Nothing is open yet." if name is None else "Draw a box round what to follow."
        )
        self._nobody.set_visibility(not has_targets)
        self._save.set_visibility(has_targets)
        self._targets.set_chosen(chosen)
        self._stage.set_hint(_hint(has_targets, chosen))

    def _help(self) -> None:
        with self._client, ui.dialog(value=True) as dialog, ui.card().classes("help"):
            ui.html("<h2>How to</h2>", sanitize=False)
            with ui.element("dl"):
                for keys, text in _HELP:
                    with ui.element("dt"):
                        ui.label(keys)
                    with ui.element("dd"):
                        ui.label(text)
            ui.label(_NOTES)
            ui.button("Close", on_click=dialog.close).props("no-caps flat autofocus")
        dialog.on("hide", dialog.delete)


def _hint(has_targets: bool, chosen: int | None) -> str:
    if chosen is not None:
        return "Draw the target anew: it is followed from this frame on"
    return "" if has_targets else "Draw a box round what to follow"
