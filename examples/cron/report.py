"""A scheduled job: it measures the tool's folder, stores the result, and prints the change."""

import csv
import os
from datetime import datetime, timezone
from pathlib import Path

from humanize import naturalsize, precisedelta

home = Path(os.environ.get("TOOL_DATA_DIR", "."))
report = home / "report.csv"


def measure_folder() -> tuple[int, int]:
    """Count the files of the tool's folder and their bytes."""
    sizes = [path.stat().st_size for path in home.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def read_last_row() -> list[str] | None:
    if not report.exists():
        return None
    with report.open(newline="") as file:
        rows = list(csv.reader(file))
    return rows[-1] if rows else None


def main() -> None:
    now = datetime.now(timezone.utc).replace(microsecond=0)
    before = read_last_row()
    files, size = measure_folder()
    with report.open("a", newline="") as file:
        csv.writer(file).writerow([now.isoformat(), files, size])
    print(f"{files} files, {naturalsize(size)}")
    if before:
        then = datetime.fromisoformat(before[0])
        print(f"{files - int(before[1]):+d} files in {precisedelta(now - then)}")


if __name__ == "__main__":
    main()
