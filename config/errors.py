"""What is wrong with a file of the user's, said so that they can mend it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong: where (file, line, key), what, and what to do. Line 0: in no line, but of the whole file."""

    file: Path
    line: int
    key: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {self.key or '(file)'}: {self.message}. {self.remedy}"


class ConfigError(Exception):
    """All problems of the files that were read, in order of file and line."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[list[Problem]]]:
        """The emulators' process hands its errors to its parent."""
        return type(self), (self.problems,)


class ListenError(Exception):
    """An address that should be listened on cannot be had: it names the address and the key that sets it."""

    def __init__(self, key: str, host: str, port: int, reason: str) -> None:
        self.key, self.host, self.port, self.reason = key, host, port, reason
        super().__init__(f"{key}: cannot listen on {host}:{port}: {reason}")

    def __reduce__(self) -> tuple[type["ListenError"], tuple[str, str, int, str]]:
        return type(self), (self.key, self.host, self.port, self.reason)
