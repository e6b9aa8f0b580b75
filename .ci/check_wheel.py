"""The wheel holds every file of the three packages and nothing else: `check_wheel.py X.whl`."""

import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

PACKAGES = ("crdt", "django_pulse", "fuzz")
CHECKOUT = Path(__file__).resolve().parents[1]


def expected() -> set[str]:
    """Every file of the packages that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PACKAGES],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name for name in listed.stdout.splitlines() if (CHECKOUT / name).exists()}


def contents(wheel: Path) -> set[str]:
    """Every file of the wheel but its own metadata."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    return {name for name in names if not PurePosixPath(name).parts[0].endswith(".dist-info")}


def main(wheel: Path) -> None:
    """Exit with what is wrong."""
    there, due = contents(wheel), expected()
    problems = [f"missing: {name}" for name in sorted(due - there)]
    problems += [f"should not be there: {name}" for name in sorted(there - due)]
    needed = [f"{package}/{name}" for package in PACKAGES for name in ("__init__.py", "py.typed")]
    needed.append("django_pulse/migrations/__init__.py")
    problems += [f"must be there: {name}" for name in needed if name not in there]
    if problems:
        sys.exit(f"{wheel.name}:\n" + "\n".join(problems))
    print(f"{wheel.name}: {len(there)} files, {wheel.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
