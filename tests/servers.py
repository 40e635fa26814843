"""A real PostgreSQL server for tests: of an unprivileged user, on a socket in a folder, without a network."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

PASSWORD = "s3cr3t-w0rd"
USER = "team"

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
"""Where Debian has them, which are not on the path."""


class Postgres:
    """A server with one user, which may be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, folder / "data"
        password = folder / "password"
        password.write_text(PASSWORD)
        self._as: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = next(name for name in ("postgres", "nobody") if _is_user(name))
            self._as = [
                "setpriv",
                f"--reuid={user}",
                f"--regid={pwd.getpwnam(user).pw_gid}",
                "--clear-groups",
            ]
            for path in (folder, password):
                shutil.chown(path, user)
        options = ["--auth=scram-sha-256", f"--username={USER}", f"--pwfile={password}"]
        self._run("initdb", *options, "--no-sync", "--no-locale", "--encoding=UTF8")
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
        self._run("pg_ctl", "--wait", f"--log={self._folder / 'log'}", f"--options={words}", "start")

    def stop(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self._run("pg_ctl", "--wait", "--mode=immediate", "stop")

    def running(self) -> bool:
        return (self._data / "postmaster.pid").exists()

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Let it answer nothing, for a while: every process of it is stopped."""
        first = psutil.Process(int((self._data / "postmaster.pid").read_text().splitlines()[0]))
        processes = [first, *first.children(recursive=True)]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    def database(self, name: str) -> str:
        """Create a database and return its URL."""
        place = ["--host", str(self._folder), "--username", USER, "--no-password"]
        self._run("createdb", *place, name, data=False, PGPASSWORD=PASSWORD)
        return self.url(name)

    def url(self, name: str, user: str = USER, password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@/{name}?host={quote(str(self._folder), safe='')}"

    def _run(self, program: str, *words: str, data: bool = True, **environment: str) -> None:
        where = [f"--pgdata={self._data}"] if data else []
        command = [*self._as, str(BINARIES[-1] / program), *where, *words]
        with tempfile.TemporaryFile() as said:  # not a pipe: the server would keep it open
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**os.environ, **environment},
            )
            said.seek(0)
            assert done.returncode == 0, (command, said.read().decode())


def _is_user(name: str) -> bool:
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server; the test is skipped where it is not installed."""
    if not BINARIES:
        pytest.skip("needs postgresql")
    folder = Path(tempfile.mkdtemp(prefix="tuner-pg-", dir="/tmp"))  # a socket's path must be short
    try:
        server = Postgres(folder)
        server.start()
        try:
            yield server
        finally:
            if server.running():
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
