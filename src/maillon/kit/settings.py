# SPDX-License-Identifier: Apache-2.0
"""Settings: one frozen value, from HOME/settings.toml and from the environment (MAILLON_…), which wins.

docs/operating/settings.md has the table; a test compares the two.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from maillon.kit.errors import InvalidSettings
from maillon.kit.home import default_home

FILE = "settings.toml"


class Settings(BaseSettings):
    """Everything an operator can choose."""

    model_config = SettingsConfigDict(env_prefix="MAILLON_", frozen=True, extra="forbid")

    home: Path = Field(default_factory=default_home, description="The data directory.")
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8400, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    url: str | None = Field(None, description="The server commands speak to; by default that of host and port.")
    network: str = Field("Maillon", min_length=1, max_length=40, description="The name of a new network.")
    database: str | None = Field(None, description="URL of the database; by default SQLite in the home.")
    ledger: str | None = Field(None, description="URL of an Ethereum node; by default the embedded ledger.")
    origin: str | None = Field(None, max_length=200, description="Origin of the log; by default made from the network.")
    checkpoint_interval: float = Field(1.0, ge=0.05, le=3600, description="Seconds between two checkpoints.")
    append_linger: float = Field(0.004, ge=0, le=1, description="Seconds appends wait for company in a transaction.")
    portal_writes: bool = Field(True, description="Whether the portal notarises without an API key (for a sandbox).")
    rate_limit: int = Field(120, ge=1, description="Portal writes a minute from one address.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level that is logged.")

    @property
    def database_url(self) -> str:
        """The database's URL."""
        return self.database or f"sqlite:///{self.home / 'maillon.sqlite3'}"

    @property
    def server_url(self) -> str:
        """Where commands find the server."""
        return (self.url or f"http://{self.host}:{self.port}").rstrip("/")


def load(**chosen: Any) -> Settings:
    """Settings from the environment, the home's file and what was chosen on the command line, which wins over both.

    Raises `InvalidSettings` naming the first setting that cannot be.
    """
    given = {name: value for name, value in chosen.items() if value is not None}
    try:
        settings = Settings(**given)
        file = settings.home / FILE
        if not file.exists():
            return settings
        written = tomllib.loads(file.read_text())
        unknown = sorted(set(written) - set(Settings.model_fields) | ({"home"} & set(written)))
        if unknown:
            raise InvalidSettings(f"{file}: unknown here: {', '.join(unknown)}; see docs/operating/settings.md")
        # The environment wins over the file: only what it leaves at the default is taken from there.
        from_file = {name: value for name, value in written.items() if name not in settings.model_fields_set}
        return Settings(**(from_file | given))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InvalidSettings(f"setting {name}: {first['msg']}; see docs/operating/settings.md") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InvalidSettings(f"{FILE} cannot be read: {error}") from None
