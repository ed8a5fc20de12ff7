"""Take the pictures of one identity for the documentation, and all others to be looked at.

    python tests/take_pictures.py [FOLDER]

The walks of `tests/walks/test_identity.py` are walked; each page they look at is photographed on a
desk and on a telephone. Six of them go into `docs/pictures`, with few colours.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
WALKS = ROOT / "tests" / "walks" / "test_identity.py"
DOCUMENTATION = ROOT / "docs" / "pictures"
CHOSEN = {
    "sign-in": "sign-in-portal-zh-CN-telephone",
    "continue": "continue-zh-CN-desk",
    "switch": "switch-representative-zh-CN-desk",
    "sealing": "sealing-zh-CN-desk",
    "certificates": "my-certificates-zh-CN-telephone",
    "leave-all": "leave-all-zh-CN-desk",
}
WIDEST = 960
COLOURS = 192


def main() -> None:
    """Walk, and keep the chosen pictures."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="pictures-"))
    folder.mkdir(parents=True, exist_ok=True)
    walk = [sys.executable, "-m", "pytest", "-q", str(WALKS)]
    subprocess.run(walk, check=True, cwd=ROOT, env={**os.environ, "WALKS_PICTURES": str(folder)})
    for name, taken in CHOSEN.items():
        keep(folder / f"{taken}.png", DOCUMENTATION / f"identity-{name}.png")
    sys.stdout.write(f"{folder}\n")


def keep(taken: Path, kept: Path) -> None:
    """Make a picture small."""
    with Image.open(taken) as picture:
        full = picture.convert("RGB")
    full.thumbnail((WIDEST, full.height), Image.Resampling.LANCZOS)
    # Rare colours are those that matter: a focus, a seal.
    few = full.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(kept, optimize=True)


if __name__ == "__main__":
    main()
