"""The commands that the documentation shows, as a shell would read them."""

import ast
import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Command(NamedTuple):
    """`text` as it stands in `file`, in one line; `words` with variables and comments gone."""

    file: str
    text: str
    words: tuple[str, ...]

    @property
    def module(self) -> str | None:
        """What `python -m` runs of ours."""
        if self.words[:2] == ("python", "-m"):
            name = self.words[2]
            return name if name.partition(".")[0] in ("experiments", "data_prep") else None
        return None

    @property
    def script(self) -> str | None:
        """The file that `python` runs."""
        is_script = self.words[0] == "python" and self.words[1].endswith(".py")
        return self.words[1] if is_script else None


def commands_of(file: Path) -> list[Command]:
    """All commands of the ```bash blocks of a Markdown file, in order."""
    found = []
    variables: dict[str, str] = {}
    for block in re.findall(r"^```bash\n(.*?)^```", file.read_text(), re.S | re.M):
        for text in _lines(block):
            if assigned := re.fullmatch(r"([A-Z]+)=(.*)", text, re.S):
                variables[assigned[1]] = shlex.split(assigned[2])[0]
                continue
            plain = re.sub(r"\$([A-Z]+)", lambda match: variables[match[1]], text)
            words = tuple(shlex.split(plain, comments=True))
            found.append(Command(file.relative_to(ROOT).as_posix(), " ".join(text.split()), words))
    return found


def examples_of(module: Path) -> list[Command]:
    """The commands that a module's docstring, its `--help`, or a flagfile's head shows."""
    text = module.read_text()
    python = module.suffix == ".py"
    head = (
        ast.get_docstring(ast.parse(text)) or "" if python else re.sub("^#", "", text, flags=re.M)
    )
    head = head.replace("\\\n", " ")
    name = module.relative_to(ROOT).as_posix()
    lines = [line.strip() for line in head.splitlines() if line.strip().startswith("python -m")]
    # A column of explanations stands behind three spaces.
    lines = [re.split(r" {3,}(?=[^-\s])", line)[0] for line in lines]
    return [Command(name, line, tuple(shlex.split(line))) for line in lines]


def _lines(block: str) -> list[str]:
    """Lines with their continuations: of a backslash, and of an open quotation mark."""
    lines = [""]
    for line in block.replace("\\\n", " ").splitlines():
        lines[-1] += line
        if lines[-1].count('"') % 2:
            lines[-1] += " "
        else:
            lines.append("")
    return [line for line in lines if line.strip()]
