"""A PostgreSQL server of the tests' own, with TLS, that can be stopped and started."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_HBA = """
local all all trust
hostssl all all 127.0.0.1/32 scram-sha-256
hostssl all all ::1/128 scram-sha-256
"""


@dataclass(frozen=True)
class PostgresqlServer:
    """A server that only this machine reaches.

    Parameters
    ----------
    folder : Path
        All that it has.
    programs : Path
        Folder of its programs.
    port : int
        Of TCP, where TLS and a password are asked for.
    """

    folder: Path
    programs: Path
    port: int

    class NotHere(Exception):  # noqa: N818
        """Why there is no server."""

    @classmethod
    def started(cls, *options: str) -> PostgresqlServer:
        """Make one, and start it.

        Raises
        ------
        NotHere
            If its programs, or those that make certificates, are not installed.
        """
        programs = _programs()
        if programs is None or shutil.which("openssl") is None:
            raise cls.NotHere("no PostgreSQL server is installed here (initdb, pg_ctl, openssl)")
        # Not below pytest's folder, which is root's alone where root runs the tests.
        server = cls(Path(tempfile.mkdtemp(prefix="faceloop-pg-")), programs, _free_port())
        try:
            server._make(options)
            server.start()
        except subprocess.CalledProcessError as error:
            shutil.rmtree(server.folder)
            raise cls.NotHere(
                f"a PostgreSQL server cannot be started here: {error.stderr[-300:]}"
            ) from error
        return server

    @property
    def url(self) -> str:
        """Address by the socket, as who may do everything."""
        return self.socket("faceloop", "postgres")

    @property
    def certificate(self) -> Path:
        """What its certificate was signed with."""
        return self.folder / "root.crt"

    def socket(self, name: str, database: str) -> str:
        """Address by the socket, which trusts everybody."""
        return f"postgresql+psycopg://{name}@/{database}?host={self.folder}&port={self.port}"

    def tls(self, name: str, database: str) -> str:
        """Address by TCP, checked and encrypted, without the password that it asks for."""
        return (
            f"postgresql://{name}@localhost:{self.port}/{database}"
            f"?sslmode=verify-full&sslrootcert={self.certificate}"
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "start")

    def stop(self) -> None:
        """End all connections at once, what is at work undone."""
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    def run(self, program: str, *options: object) -> str:
        """Run one of its programs as who may do everything; returns what it says."""
        connection = ("-h", self.folder, "-U", "faceloop")
        return self._run(program, *connection, *options)

    def new_database(self, name: str) -> str:
        """Make a database anew, without roles of an earlier one; returns its name."""
        self.run("dropdb", "--if-exists", "--force", name)
        for role in ("annotator", "reviewer", "owner"):
            self.run("dropuser", "--if-exists", f"{name}_{role}")
        self.run("createdb", name)
        return name

    def remove(self) -> None:
        """Stop it, and delete all that it has."""
        self.stop()
        shutil.rmtree(self.folder)

    def _make(self, options: tuple[str, ...]) -> None:
        somebody = _as_somebody(self.folder)
        data = self.folder / "data"
        self._run("initdb", "-D", data, "-U", "faceloop", "-A", "trust", "-E", "UTF8")
        _certificates(self.folder)
        for name in ("server.key", "server.crt"):
            (data / name).write_bytes((self.folder / name).read_bytes())
            (data / name).chmod(0o600)
            if somebody:
                shutil.chown(data / name, "nobody")
        (data / "pg_hba.conf").write_text(_HBA)
        settings = {
            "unix_socket_directories": f"'{self.folder}'",
            "listen_addresses": "'localhost'",
            "port": self.port,
            "ssl": "on",
            "fsync": "off",
        }
        lines = [f"{key} = {value}" for key, value in settings.items()]
        with (data / "postgresql.conf").open("a") as file:
            file.write("\n".join([*lines, *options, ""]))

    def _run(self, program: str, *options: object) -> str:
        done = subprocess.run(
            [*_as_somebody(self.folder), self.programs / program, *map(str, options)],
            check=True,
            capture_output=program != "pg_ctl",
            stdout=subprocess.DEVNULL if program == "pg_ctl" else None,
            stderr=subprocess.DEVNULL if program == "pg_ctl" else None,
            text=True,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PGPORT": str(self.port)},
        )
        return done.stdout or ""


def _certificates(folder: Path) -> None:
    """Make a certificate of localhost, and what it was signed with."""

    def openssl(*options: str) -> None:
        subprocess.run(["openssl", *options], check=True, capture_output=True, cwd=folder)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "root.key", "-out", "root.crt", "-subj", "/CN=team")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    openssl(
        *("x509", "-req", "-in", "server.csr", "-CA", "root.crt", "-CAkey", "root.key"),
        *("-CAcreateserial", "-extfile", "names", "-out", "server.crt"),
    )


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _programs() -> Path | None:
    """Folder of the server's programs."""
    found = shutil.which("pg_ctl")
    places = [Path(found).resolve().parent, Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "pg_dump").exists()), None)


def _as_somebody(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return []
    shutil.chown(folder, "nobody")
    return ["setpriv", "--reuid=nobody", "--clear-groups"]
