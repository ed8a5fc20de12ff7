"""`python -m bench`: every row of the table, measured on one core; `bench/results.md` is written.

    python -m bench                       all rows, 2,000 certificates in row 2
    python -m bench --rows 1,4            some; the file is left alone
    python -m bench --certificates 500    a shorter row 2; the file is left alone

Nothing here is a test: machines differ, and so do their days.
"""

import argparse
import sys
from pathlib import Path

from bench.machine import describe
from bench.measuring import keep_to_one_core
from bench.table import CERTIFICATES, ROWS, measure_apart

HERE = Path(__file__).parent


def main() -> None:
    """Measure what is asked for, print it, and write the file when that was everything."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed beside peers.")
    parser.add_argument("--rows", default=",".join(ROWS), help="which, such as 1,4")
    parser.add_argument("--certificates", type=int, default=CERTIFICATES, help="in row 2")
    options = parser.parse_args()
    sys.path.append(str(HERE.parent / "tests"))  # the office of the tests, pyHanko with SM2
    chapters = [describe(keep_to_one_core())]
    print(chapters[0], flush=True)
    for row in options.rows.split(","):
        chapters.append(measure_apart(row, options.certificates))
        print(chapters[-1], flush=True)
    if (options.rows, options.certificates) == (",".join(ROWS), CERTIFICATES):
        (HERE / "results.md").write_text("\n".join(chapters), encoding="utf-8")


if __name__ == "__main__":
    main()
