"""Where a project is: a folder, or a database on a server with a folder beside it.

A password is taken out of an address as soon as it is read, and kept in the memory of the process
only, so that no address that is shown, remembered, sent to a child process or written into a log
holds one. libpq finds those that no address had: ``PGPASSWORD``, ``~/.pgpass``, a service file.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from faceloop_datasets.errors import ProjectError
from faceloop_datasets.files import CACHE, PROJECT, as_file_name

from .database import file_url

FOLDER = "folder"
"""Where an address, or the settings of a project on a server, say where its folder is."""

_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_UNSURE = frozenset({"allow", "prefer"})
_SECONDS = "10"  # that a server has to answer
# Passwords may hold any sign as they are, so that these rather take too much of a line.
_IN_URL = re.compile(r"(:/+[^/:\n]*:).*(?=@)")
_IN_QUERY = re.compile(r"(?i)(password=)[^&\n]*")
_MASK = "***"
_SHORT = 3  # letters; a password of so few would make stars of half a message

# By address without a password: what this process was told, or its parent.
_passwords: dict[str, str] = {}


@dataclass(frozen=True)
class ProjectAddress:
    """Where a project is.

    Parameters
    ----------
    text : str
        What opens it again: its folder, or an address without a password.
    url : URL
        Of the database, with the password where one is known.
    where : str
        How messages name the database.
    folder : Path or None
        Where models, tracks and media are; None where the database says it.
    """

    text: str
    url: URL
    where: str
    folder: Path | None

    @classmethod
    def of(cls, place: str | Path, folder: str | Path | None = None) -> ProjectAddress:
        """Read what a person gave.

        Parameters
        ----------
        place : str or Path
            A folder, or an address: ``postgresql://NAME@HOST/DATABASE?sslmode=verify-full``. Beside
            libpq's options it may have ``folder=``.
        folder : str or Path, optional
            The folder of a project on a server; counts before that in the address.

        Raises
        ------
        ProjectError
            If it cannot be read, or would send faces over a network in plain text unasked.
        """
        if not is_address(place):
            own = Path(place).absolute()
            return cls(str(own), file_url(own / PROJECT), str(own / PROJECT), own)
        url = _read(str(place))
        given = folder if folder is not None else _one(url, FOLDER)
        root = None if given is None else Path(given).absolute()
        url = url.difference_update_query([FOLDER])
        where = f"{_host(url) or 'this computer'}/{url.database or ''}"
        url = _with_password(url)
        bare = url._replace(password=None)
        if root is not None:
            bare = bare.update_query_dict({FOLDER: str(root)})
        url = _secured(url, where)
        text = bare.render_as_string(hide_password=False)
        text = text.replace("+psycopg", "", 1).replace("%2F", "/")
        return cls(text, url, where, root)

    @property
    def on_server(self) -> bool:
        """Whether its database is no file in its folder."""
        return is_address(self.text)

    @property
    def name(self) -> str:
        """Name of the project: that of its folder, or of its database on a server."""
        if self.on_server:
            return self.url.database or self.where
        return Path(self.text).name

    @property
    def cache(self) -> Path:
        """Folder of what can be made again, by one account on one computer."""
        if not self.on_server:
            return Path(self.text) / CACHE
        return user_cache_path("faceloop", appauthor=False) / as_file_name(self.where)

    def need_folder(self) -> Path:
        """Return the folder of a project that is to be made.

        Raises
        ------
        ProjectError
            If none is named.
        """
        if self.folder is None:
            raise ProjectError(
                f"{self.where} needs a folder for its models and media that all who work on it "
                "reach: add folder=PATH to the address (after ? or &)."
            )
        return self.folder

    def find_folder(self, known: str | None) -> Path:
        """Return the folder of a project that is opened.

        Parameters
        ----------
        known : str or None
            Where the project says that it is.

        Raises
        ------
        ProjectError
            If nobody says where it is, or it is not there.
        """
        root = Path(known) if self.folder is None and known else self.need_folder()
        if not root.is_dir():
            raise ProjectError(
                f"The folder of {self.where}, {root}, cannot be reached here. Connect the share it "
                "is on; or, where this computer has it under another path, add folder=PATH to "
                "the address (after ? or &)."
            )
        return root


def is_address(place: str | Path) -> bool:
    """Whether a person gave the address of a database, and no folder."""
    # With one slash it is a slip, and would be shown as the path of a folder, with the password.
    return isinstance(place, str) and ("://" in place or place.startswith("postgresql:/"))


def child_environment(place: str) -> dict[str, str]:
    """Return the environment of a child process that opens a project.

    Parameters
    ----------
    place : str
        What opens it, without a password: the process is given it where nobody else looks.
    """
    password = ProjectAddress.of(place).url.password if is_address(place) else None
    return {**os.environ, "PGPASSWORD": str(password)} if password else dict(os.environ)


def without_passwords(text: str) -> str:
    """Return a text that may be shown to anybody: passwords in addresses are stars."""
    for password in _passwords.values():
        text = text.replace(password, _MASK) if len(password) > _SHORT else text
    return _IN_QUERY.sub(rf"\1{_MASK}", _IN_URL.sub(rf"\1{_MASK}", text))


def _read(text: str) -> URL:
    # Where the password ends is a guess then, and its rest would be shown as host or database.
    found = _IN_URL.search(text)
    if found and (text.count("@") > 1 or "password=" in found[0].lower()):
        raise ProjectError(
            f"{without_passwords(text)} can be read in several ways. Write @ as %40, except "
            "before the host; or better keep the password in ~/.pgpass, or in PGPASSWORD."
        )
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _POSTGRESQL:
        raise ProjectError(
            f"{without_passwords(text)} is no address of a database on a server. Expected "
            "postgresql://NAME@HOST/DATABASE."
        )
    return url.set(drivername="postgresql+psycopg")


def _with_password(url: URL) -> URL:
    """Take the password into memory, or out of it."""
    if "sslpassword" in url.query:
        raise ProjectError(
            "The address holds the password of a key (sslpassword), which others could read. Put "
            "it into a service file: https://www.postgresql.org/docs/current/libpq-pgservice.html"
        )
    given = _one(url, "password")
    url = url.difference_update_query(["password"])
    password = str(url.password) if url.password is not None else given
    key = f"{url.username or ''}@{_host(url)}:{url.port or ''}/{url.database or ''}"
    if password:
        _passwords[key] = password
    known = _passwords.get(key)
    return url if known is None else url.set(password=known)


def _secured(url: URL, where: str) -> URL:
    """Ask for an encrypted connection to a server that proves who it is, unless told otherwise."""
    if "connect_timeout" not in url.query and not os.environ.get("PGCONNECT_TIMEOUT"):
        url = url.update_query_dict({"connect_timeout": _SECONDS})
    if _is_local(url):
        return url
    asked = _one(url, "sslmode") or os.environ.get("PGSSLMODE")
    if asked in _UNSURE:
        raise ProjectError(
            f"sslmode={asked} sends faces and passwords to {where} in plain text if anybody on the "
            "way wants it so. Use sslmode=verify-full; or say sslmode=disable if that is meant."
        )
    if asked:
        return url
    url = url.update_query_dict({"sslmode": "verify-full"})
    own = Path.home() / ".postgresql" / "root.crt"
    named = "sslrootcert" in url.query or os.environ.get("PGSSLROOTCERT") or own.is_file()
    return url if named else url.update_query_dict({"sslrootcert": "system"})


def _is_local(url: URL) -> bool:
    """Whether it surely stays on this computer: other options may lead elsewhere than a name."""
    if {"hostaddr", "service"} & url.query.keys():
        return False
    if os.environ.get("PGHOSTADDR") or os.environ.get("PGSERVICE"):
        return False
    return all(host in _LOCAL or host.startswith(("/", "@")) for host in _host(url).split(","))


def _host(url: URL) -> str:
    return url.host or _one(url, "host") or os.environ.get("PGHOST", "")


def _one(url: URL, key: str) -> str | None:
    value = url.query.get(key)
    return value[-1] if isinstance(value, tuple) else value
