"""Atheris on the parser of callbacks: `make fuzz` (ARGS are libFuzzer's; default: one minute).

It starts from the corpus beside it and writes what it learns to `var/fuzz`, which is not kept; folders among
the arguments take the place of both (`ARGS="-merge=1 SMALL var/fuzz"` picks what adds something). What breaks
a promise is written to `crash-…` in the working folder: minimise it with `-minimize_crash=1`, mend the
product, and add the file to the corpus, which every `make check` replays.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["schemas", "json"]):
    from tests.fuzz.invariants import check

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
LEARNED = Path("var/fuzz")
DEFAULTS = ("-max_total_time=60", "-timeout=5", "-rss_limit_mb=2048", "-max_len=4096")


def main() -> None:
    given = sys.argv[1:]
    options = [f"-dict={HERE / 'callback.dict'}", *DEFAULTS, *given]
    if all(argument.startswith("-") for argument in given):
        LEARNED.mkdir(parents=True, exist_ok=True)
        options += [str(LEARNED), str(CORPUS)]
    again = f"{sys.executable} -m tests.fuzz.fuzz_callback"  # merging and minimising start it anew
    atheris.Setup([again, *options], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
