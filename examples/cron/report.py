"""A job that runs by the clock: it measures the tool's folder, keeps what it found, and says what changed."""

import csv
import os
from datetime import datetime, timezone
from pathlib import Path

from humanize import naturalsize, precisedelta

home = Path(os.environ.get("TOOL_DATA_DIR", "."))
ledger = home / "report.csv"


def measured() -> tuple[int, int]:
    """How many files the tool's folder has, and how many bytes they hold together."""
    sizes = [path.stat().st_size for path in home.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def last_row() -> list[str] | None:
    if not ledger.exists():
        return None
    with ledger.open(newline="") as file:
        rows = list(csv.reader(file))
    return rows[-1] if rows else None


def main() -> None:
    now = datetime.now(timezone.utc).replace(microsecond=0)
    before = last_row()
    files, size = measured()
    with ledger.open("a", newline="") as file:
        csv.writer(file).writerow([now.isoformat(), files, size])
    print(f"{files} files, {naturalsize(size)}")
    if before:
        then = datetime.fromisoformat(before[0])
        print(f"{files - int(before[1]):+d} files in {precisedelta(now - then)}")


if __name__ == "__main__":
    main()
