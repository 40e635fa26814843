"""Faults that are brought into a search from inside: builds `shim.cpp`, and tells it what is to happen.

Nothing of the search knows of it: the library is loaded first, with LD_PRELOAD, and stands before functions of
OpenVINO and of the C library.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

import openvino

SOURCE = Path(__file__).with_name("shim.cpp")
COMPILE_MODEL = re.compile(rb"_ZN2ov4Core13compile_modelERKSt10shared_ptrIKNS_5ModelEERK(?:NSt7|Ss)\w+")
"""The function that compiles a model for a device, as either of the two kinds of C++ strings has it."""

WRITES = 300
"""Writes into the study that a search on simulated lanes does, at least."""

FOREVER = 1 << 30


def missing() -> str | None:
    """Say why no faults can be brought in here, or None."""
    if shutil.which("g++") is None:
        return "faults need g++ (apt-get install g++)"
    return None if sys.platform == "linux" else "faults need LD_PRELOAD"


def build(folder: Path) -> Path:
    """Build the library, and return it."""
    (openvino_library,) = (Path(openvino.__file__).parent / "libs").glob("libopenvino.so.*")
    code = openvino_library.read_bytes()
    function = COMPILE_MODEL.search(code)
    assert function, "this OpenVINO has no function that compiles a model for a device"
    library = folder / "faults.so"
    definitions = {
        "OPENVINO": f'"{openvino_library}"',
        "COMPILE_MODEL": f'"{function[0].decode()}"',
        "_GLIBCXX_USE_CXX11_ABI": str(int(b"__cxx11" in function[0])),
    }
    command = ["g++", "-shared", "-fPIC", "-std=c++17", SOURCE, "-o", library, "-ldl"]
    subprocess.run([*command, *(f"-D{name}={value}" for name, value in definitions.items())], check=True)
    return library


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to happen, and where.

    Attributes:
        action: What a lane suffers: `segfault`, `abort`, `kill`, `hang`, `slow`, `chatter`, `nan`, `changing`.
        where: At which moment: `compile`, `inference`, `message` (in the middle of one), `outputs`.
        first: The first lane that suffers, counted from 1 in the order in which they compile.
        last: The last one.
        only: Lanes count only if they are compiled with this property; empty for all.
        after: Inferences or messages that a lane does before.
        seconds: How long `slow` takes.
        storage: What happens at the write of number `write` into the output's folder: `full`, `kill`.
        file: How the names of the files begin of which this is true; empty for all.
        write: The first write that fails; the earlier ones work.
        clock_back_s: How far the time of day jumps back, two seconds after a process began.
    """

    action: str = ""
    where: str = "compile"
    first: int = 1
    last: int = FOREVER
    only: str = ""
    after: int = 0
    seconds: int = 60
    storage: str = ""
    file: str = ""
    write: int = FOREVER
    clock_back_s: int = 0

    def environment(self, library: Path, log: Path, output: Path) -> dict[str, str]:
        """Return the variables with which a search must start; the library adds a line to `log` as it strikes."""
        chosen = {
            "FAULT_ACTION": self.action,
            "FAULT_WHERE": self.where,
            "FAULT_FIRST": str(self.first),
            "FAULT_LAST": str(self.last),
            "FAULT_ONLY": self.only,
            "FAULT_AFTER": str(self.after),
            "FAULT_SECONDS": str(self.seconds),
            "FAULT_STORAGE": self.storage,
            "FAULT_FOLDER": str(output / self.file) if self.storage else "",
            "FAULT_WRITE": str(self.write),
            "FAULT_CLOCK_BACK_S": str(self.clock_back_s) if self.clock_back_s else "",
        }
        return {"LD_PRELOAD": str(library), "FAULT_LOG": str(log), **chosen}


def storage_fault(storage: str, rng: Random) -> Fault:
    """Return a fault of a write at a random moment: of the study's many, or of the few of the answers."""
    file, writes = rng.choice(
        [("study.db", WRITES), ("study.db", WRITES), (".config.yaml", 1), (".report.html", 1)]
    )
    return Fault(storage=storage, file=file, write=rng.randint(1, writes))


def strikes(log: Path) -> list[float]:
    """Return when the library struck, on the monotonic clock."""
    return [float(line.split()[0]) for line in log.read_text().splitlines()] if log.exists() else []


def forget_lanes(log: Path) -> None:
    """Let the library count lanes from 1 again."""
    log.with_name(f"{log.name}.lanes").unlink(missing_ok=True)
