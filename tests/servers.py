"""Real database servers for tests: of an unprivileged user, on a socket in a folder, without a network."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

PASSWORD = "s3cr3t-w0rd"
USER = "team"

STARTS_S = 60.0
"""Seconds that a server may take to start."""


class Server(ABC):
    """A server with one user, which may be stopped and started again."""

    own: str
    """A database that is always there."""

    users: tuple[str, ...]
    """Who may run it where the tests are root's, the preferred one first: it refuses to run as root."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, folder / "data"
        self._as: list[str] = []
        if os.geteuid() == 0:
            user = next(name for name in self.users if _is_user(name))
            group = pwd.getpwnam(user).pw_gid
            self._as = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
            shutil.chown(folder, user)
        self._set_up()

    @classmethod
    @abstractmethod
    def why_not(cls) -> str:
        """Return what has to be installed; empty if nothing has."""

    @abstractmethod
    def _set_up(self) -> None: ...

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def stop(self) -> None:
        """End it at once, in the middle of whatever it does."""

    @abstractmethod
    def database(self, name: str) -> str:
        """Create a database and return its URL."""

    @abstractmethod
    def url(self, name: str, user: str = USER, password: str = PASSWORD) -> str: ...

    @abstractmethod
    def _process(self) -> int | None:
        """Return the number of its first process, if it runs."""

    def running(self) -> bool:
        return self._process() is not None

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Let it answer nothing, for a while: every process of it is stopped."""
        first = psutil.Process(self._process())
        processes = [first, *first.children(recursive=True)]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    def _run(self, *command: object, **environment: str) -> None:
        words = [*self._as, *map(str, command)]
        with tempfile.TemporaryFile() as said:  # not a pipe: the server would keep it open
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**os.environ, **environment},
            )
            said.seek(0)
            assert done.returncode == 0, (words, said.read().decode())


class PostgreSQL(Server):
    own, users = "postgres", ("postgres", "nobody")

    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    """Where Debian has them, which are not on the path."""

    @classmethod
    def why_not(cls) -> str:
        return "" if cls.binaries else "needs postgresql"

    def _set_up(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        options = ["--auth=scram-sha-256", f"--username={USER}", f"--pwfile={password}"]
        self._pg("initdb", *self._where, *options, "--no-sync", "--no-locale", "--encoding=UTF8")
        password.unlink()

    def start(self) -> None:
        settings = {
            "listen_addresses": "''",
            "unix_socket_directories": self._folder,
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "64MB",
        }
        words = " ".join(f"-c {name}={value}" for name, value in settings.items())
        log = self._folder / "log"
        self._pg("pg_ctl", *self._where, "--wait", f"--log={log}", f"--options={words}", "start")

    def stop(self) -> None:
        self._pg("pg_ctl", *self._where, "--wait", "--mode=immediate", "stop")

    def database(self, name: str) -> str:
        place = ["--host", str(self._folder), "--username", USER, "--no-password"]
        self._pg("createdb", *place, name, PGPASSWORD=PASSWORD)
        return self.url(name)

    def url(self, name: str, user: str = USER, password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@/{name}?host={quote(str(self._folder), safe='')}"

    def _process(self) -> int | None:
        found = self._data / "postmaster.pid"
        return int(found.read_text().splitlines()[0]) if found.exists() else None

    @property
    def _where(self) -> list[str]:
        return [f"--pgdata={self._data}"]

    def _pg(self, program: str, *words: str, **environment: str) -> None:
        self._run(self.binaries[-1] / program, *words, **environment)


class MariaDB(Server):
    """What Debian has for MySQL: the same protocol, the same drivers, the same SQL of Optuna's tables."""

    own, users = "mysql", ("mysql", "nobody")

    @classmethod
    def why_not(cls) -> str:
        return (
            "" if shutil.which("mariadbd") and shutil.which("mariadb-install-db") else "needs mariadb-server"
        )

    def _set_up(self) -> None:
        self._mariadbd: subprocess.Popen[bytes] | None = None
        how = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
        self._run("mariadb-install-db", "--no-defaults", f"--datadir={self._data}", *how)
        first = self._folder / "first.sql"
        first.write_text(
            f"CREATE USER '{USER}'@'localhost' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'localhost';\n"
        )
        self._start(f"--init-file={first}")
        self.stop()
        first.unlink()

    def start(self) -> None:
        self._start()

    def _start(self, *options: str) -> None:
        quick = ["--skip-networking", "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M"]
        files = [f"--datadir={self._data}", f"--socket={self._socket}", f"--log-error={self._folder / 'log'}"]
        command = [*self._as, "mariadbd", "--no-defaults", *files, *quick, *options]
        self._mariadbd = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd="/")
        ends = time.monotonic() + STARTS_S
        while not self._answers():
            assert self._mariadbd.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < ends, "it does not start"
            time.sleep(0.05)

    def stop(self) -> None:
        assert self._mariadbd
        self._mariadbd.kill()
        self._mariadbd.wait()
        self._mariadbd = None

    def database(self, name: str) -> str:
        with self._connected() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name: str, user: str = USER, password: str = PASSWORD) -> str:
        return f"mysql://{user}:{password}@localhost/{name}?unix_socket={quote(str(self._socket), safe='')}"

    def _process(self) -> int | None:
        return self._mariadbd.pid if self._mariadbd else None

    @property
    def _socket(self) -> Path:
        return self._folder / "socket"

    def _connected(self):
        import pymysql

        return pymysql.connect(unix_socket=str(self._socket), user=USER, password=PASSWORD)

    def _answers(self) -> bool:
        import pymysql

        try:
            self._connected().close()
        except pymysql.err.OperationalError:
            return False
        return True


def _is_user(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


@contextmanager
def running(kind: type[Server]) -> Iterator[Server]:
    """Run a server; the test is skipped where it is not installed."""
    if why := kind.why_not():
        pytest.skip(why)
    folder = Path(tempfile.mkdtemp(prefix="tuner-db-", dir="/tmp"))  # a socket's path must be short
    try:
        server = kind(folder)
        try:
            server.start()
            yield server
        finally:
            if server.running():
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
