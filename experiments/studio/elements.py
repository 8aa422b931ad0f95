"""The page's own elements; what they draw is in web/."""

from pathlib import Path

from nicegui.element import Element

from experiments.studio.picture import heat_colours

_WEB = Path(__file__).parent / "web"


class Stage(Element, component=_WEB / "stage.js", esm={"siamfc-studio": str(_WEB)}):
    """The picture with its boxes. Emits `grab` (somebody begins to draw), `draw` ({frame, box}),
    `toggle` and `delete`. Elements in its slot are seen while nothing is open."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._props |= {"path": path, "heat": heat_colours(), "hint": ""}

    def set_hint(self, hint: str) -> None:
        self._props["hint"] = hint
        self.update()


class Timeline(Element, component=_WEB / "timeline.js"):
    """Emits `seek` (a frame's number)."""


class Targets(Element, component=_WEB / "targets.js"):
    """Emits `choose` and `remove` (a target's key)."""

    def __init__(self) -> None:
        super().__init__()
        self._props |= {"heat": heat_colours(), "chosen": -1}

    def set_chosen(self, key: int | None) -> None:
        self._props["chosen"] = -1 if key is None else key
        self.update()


class Opener(Element, component=_WEB / "opener.js"):
    """A button that sends a file to `path`. Emits `failed` (a line)."""

    def __init__(self, path: str, most_bytes: int, label: str, *, main: bool) -> None:
        super().__init__()
        self._props |= {
            "path": path,
            "most": most_bytes,
            "label": label,
            "color": "primary" if main else "grey-4",
            "flat": not main,
            "drops": not main,
        }
