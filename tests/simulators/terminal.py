"""The command `zhengyin` as an operator types it, in this process, and his desk."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.office import CIVIL_AFFAIRS_BUREAU, FOOD_LICENCE, MARKET_BUREAU, SENIOR_CARD
from typer.testing import CliRunner

from api.cli import app

_TERMINAL = {"NO_COLOR": "1", "COLUMNS": "200"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever it printed
        """What it printed, understood as JSON."""
        return json.loads(self.out)


def zhengyin(*arguments: str | Path, language: str = "C") -> Told:
    """Run the command; an error that it does not answer for is raised."""
    result = CliRunner().invoke(
        app,
        [str(argument) for argument in arguments],
        env=_TERMINAL | {"LC_ALL": language},
        catch_exceptions=False,
    )
    return Told(result.exit_code, result.stdout, result.stderr)


@dataclass(frozen=True, slots=True)
class Desk:
    """An operator's data folder, made by `init`, and what lies beside it."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Desk":
        """Make the data folder, issue a licence and a card, export the anchors."""
        desk = cls(folder)
        assert desk.run("init").status == 0
        shutil.copy(next((desk.data / "types").glob("*D001/1/sample.json")), desk.order)
        personal = next((desk.data / "types").glob("*D002/1/sample.json"))
        arguments = ("issue", SENIOR_CARD, personal, "--authority", CIVIL_AFFAIRS_BUREAU)
        assert desk.issue("-o", desk.licence).status == 0
        assert desk.run(*arguments, "-o", desk.card).status == 0
        assert desk.run("trust", "export", "-o", desk.roots).status == 0
        return desk

    def copy_to(self, folder: Path) -> "Desk":
        """Return a copy that may be spoilt."""
        shutil.copytree(self.folder, folder)
        return Desk(folder)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def order(self) -> Path:
        """A valid order for a licence, in a file of its own."""
        return self.folder / "order.json"

    @property
    def licence(self) -> Path:
        """A licence that was issued; its register is public."""
        return self.folder / "licence.pdf"

    @property
    def card(self) -> Path:
        """A card that was issued; its register is not public."""
        return self.folder / "card.pdf"

    @property
    def roots(self) -> Path:
        """The anchors, exported."""
        return self.folder / "roots.pem"

    def run(self, *arguments: str | Path, language: str = "C") -> Told:
        """Run a command on the data folder."""
        return zhengyin(*arguments, "--data", self.data, language=language)

    def issue(self, *arguments: str | Path) -> Told:
        """Issue a licence by the market bureau."""
        return self.run("issue", FOOD_LICENCE, self.order, "--authority", MARKET_BUREAU, *arguments)

    def change_order(self, **changes: object) -> None:
        """Change members of the order."""
        changed = json.loads(self.order.read_bytes()) | changes
        self.order.write_text(json.dumps(changed), encoding="utf-8")

    def lose(self, name: str) -> None:
        """Put a folder where a database was: it can be neither read nor written."""
        for path in self.data.glob(f"{name}*"):
            path.unlink()
        (self.data / name).mkdir()
