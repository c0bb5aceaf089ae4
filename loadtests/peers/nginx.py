"""nginx in the foreground, by one of the configurations beside this file."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def written(name: str, folder: Path, port: int, origin: int = 0) -> Path:
    """The configuration with its words filled in, in `folder`, where nginx keeps everything else too."""
    text = (HERE / name).read_text()
    for word, value in (("FOLDER", folder), ("PORT", port), ("ORIGIN", origin)):
        text = text.replace(f"@{word}@", str(value))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # its workers may run as somebody else
    file = folder / name
    file.write_text(text)
    return file


def command_line(config: Path) -> list[str]:
    return ["nginx", "-e", "stderr", "-p", str(config.parent), "-c", str(config)]


def fault(config: Path) -> str:
    """What nginx finds wrong with a configuration; empty: nothing."""
    done = subprocess.run([*command_line(config), "-t"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr
