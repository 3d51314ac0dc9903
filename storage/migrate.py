"""Bring a database to the newest schema: `python -m storage.migrate`, or `upgrade(url)` from a program."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from storage.settings import get_settings


def upgrade(database_url: str) -> None:
    """Apply every migration that the database lacks. Safe to run from several processes: they take turns."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["database_url"] = database_url
    command.upgrade(config, "head")


if __name__ == "__main__":
    upgrade(get_settings().database_url)
