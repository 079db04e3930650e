# SPDX-License-Identifier: Apache-2.0
"""Settings: one frozen value, from HOME/settings.toml and from the environment (MAILLON_…), which wins.

docs/operating/settings.md has the table; a test compares the two.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, quote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from maillon.evidence.errors import Unreadable
from maillon.evidence.note import check_name
from maillon.kit.callers import Network, read_network
from maillon.kit.errors import InvalidSettings
from maillon.kit.home import default_home

FILE = "settings.toml"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST_NAME = 253
MAXIMUM_TARGET = 500
"""Characters of the address of a webhook."""


def check_target(text: str) -> str:
    """An https:// address, or http:// on this machine, perhaps with a query; raises `ValueError`."""
    parts = urlsplit(text)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("https:// is needed, except on this machine")
    if not parts.hostname or parts.username is not None or "#" in text:
        raise ValueError("scheme, host and perhaps a path, nothing else")
    try:
        # What a name service can be asked for: labels of 1 to 63 octets, 253 in all (RFC 1035, section 2.3.4).
        possible = len(parts.hostname.encode("idna")) <= _LONGEST_NAME and parts.port != 0
    except ValueError:
        possible = False
    if not possible or text.split() != [text]:
        raise ValueError("a host and port that can be: no empty or endless name, no space, a port up to 65535")
    return text


def _split(text: str, *schemes: str) -> SplitResult | None:
    """The parts of a URL of one of these schemes; None of anything else."""
    try:
        parts = urlsplit(text)
        possible = parts.scheme in schemes and parts.port != 0 and text.split() == [text]
    except ValueError:
        # Brackets that do not match, or a port that is no number.
        return None
    return parts if possible else None


def _check_address(text: str) -> str:
    """The same without a query: an address others are made of by appending to it; raises `ValueError`."""
    if "?" in text:
        raise ValueError("scheme, host and perhaps a path, nothing else")
    return check_target(text)


class Provider(BaseModel):
    """An OpenID Connect provider people may log in with. docs/operating/people.md describes each member."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern="^[a-z0-9-]{1,40}$")
    name: str = Field(min_length=1, max_length=60)
    issuer: str
    client_id: str = Field(min_length=1, max_length=200)
    client_secret: SecretStr
    scope: str = "openid email profile"
    acr: str = ""
    client_authentication: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    addresses_verified: bool = False

    _issuer = field_validator("issuer")(_check_address)


class Webhook(BaseModel):
    """An address that is told what happens. docs/formats/webhooks.md describes what it is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(max_length=MAXIMUM_TARGET)
    secret: SecretStr

    _url = field_validator("url")(check_target)


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
    trusted_proxies: tuple[Annotated[Network, BeforeValidator(read_network)], ...] = Field(
        (), description="Addresses and networks whose word on who calls is believed: the proxies before this server."
    )
    public_url: str | None = Field(None, description="Where readers find the portal; by default localhost and port.")
    smtp: SecretStr | None = Field(
        None, description="URL of the mail server; without one, letters are files in the home."
    )
    mail_from: str = Field("Maillon <maillon@localhost>", max_length=200, description="The sender of letters.")
    session_idle: int = Field(30, ge=1, le=1440, description="Minutes a browser may be idle before it is logged out.")
    session_life: int = Field(12, ge=1, le=720, description="Hours after which a browser is logged out in any case.")
    log_in_rate: int = Field(30, ge=1, description="Tries to log in a minute from one address.")
    providers: tuple[Provider, ...] = Field((), description="OpenID Connect providers people may log in with.")
    demo: bool = Field(True, description="Whether a new home is filled with an invented alliance, to look around in.")
    webhooks: tuple[Webhook, ...] = Field(
        (), description="Addresses that are told what happens to votes and members, signed."
    )
    webhooks_private: bool = Field(
        False, description="Whether webhooks may go to this machine and to private networks."
    )
    webhooks_networks: tuple[Annotated[Network, BeforeValidator(read_network)], ...] = Field(
        (), description="Addresses and networks that are not public, where webhooks of organisations may go."
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level that is logged.")

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, text: str | None) -> str | None:
        return None if text is None else _check_address(text).rstrip("/")

    @field_validator("url", "ledger")
    @classmethod
    def _check_server(cls, text: str | None) -> str | None:
        parts = None if text is None else _split(text, "http", "https")
        if text is not None and (parts is None or not parts.hostname):
            raise ValueError("http:// or https://, a host, and perhaps a port and a path")
        return text

    @field_validator("database")
    @classmethod
    def _check_database(cls, text: str | None) -> str | None:
        if text is not None and not text.startswith("sqlite:///") and _split(text, "postgresql") is None:
            raise ValueError("sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
        return text

    @field_validator("origin")
    @classmethod
    def _check_origin(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                check_name(text)
            except Unreadable as error:
                raise ValueError(str(error)) from None
        return text

    @field_validator("smtp")
    @classmethod
    def _check_mail_server(cls, text: SecretStr | None) -> SecretStr | None:
        parts = None if text is None else _split(text.get_secret_value(), "smtp", "smtp+tls", "smtps")
        if text is not None and (parts is None or not parts.hostname):
            raise ValueError("smtp://, smtp+tls:// or smtps://, a host, and perhaps a user, a password and a port")
        return text

    @field_validator("mail_from")
    @classmethod
    def _check_sender(cls, text: str) -> str:
        if "@" not in text or any(character < " " for character in text):
            raise ValueError("a sender is an address on one line, perhaps with a name before it")
        return text

    @field_validator("providers")
    @classmethod
    def _check_providers(cls, found: tuple[Provider, ...]) -> tuple[Provider, ...]:
        if len({provider.id for provider in found}) != len(found):
            raise ValueError("two providers have the same id")
        return found

    @field_validator("webhooks")
    @classmethod
    def _check_webhooks(cls, found: tuple[Webhook, ...]) -> tuple[Webhook, ...]:
        if len({webhook.url for webhook in found}) != len(found):
            raise ValueError("two webhooks have the same url")
        return found

    @property
    def portal_url(self) -> str:
        """What letters and passkeys name: never what a request says its host is."""
        # A passkey belongs to a name, and an IP address is none.
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def database_url(self) -> str:
        """The database's URL."""
        # The name of a home may hold question marks, or bytes that are no text: SQLite is given a URI, whose every
        # byte can be written, and that URI stands in a URL.
        file = f"file:{quote(os.fsencode(self.home / 'maillon.sqlite3'))}"
        return self.database or f"sqlite:///{quote(file)}?uri=true"

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
        why = first["msg"].removeprefix("Value error, ")
        raise InvalidSettings(f"setting {name}: {why}; see docs/operating/settings.md") from None
    except SettingsError as error:
        # The text names the setting and shows no value.
        name = str(error).partition('"')[2].partition('"')[0]
        raise InvalidSettings(f"setting {name}: a list in JSON; see docs/operating/settings.md") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InvalidSettings(f"{FILE} cannot be read: {error}") from None
