"""How fast the tools start, and that running a program loads no compiler.

python benchmarks/startup.py [--rounds 9]
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence

from measure import describe_machine, interleaved

COMPILER = ("xdsl", "passes", "dvm_dialects")


def command(arguments: Sequence[str]) -> Callable[[], object]:
    """A contender that runs a command and waits for it."""
    return lambda: subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    python = sys.executable
    tool = [python, "-c", "from tools.dvm_opt import main; main()", "--help"]
    times = interleaved(
        {
            "python -c pass": command([python, "-c", "pass"]),
            "import numpy": command([python, "-c", "import numpy"]),
            "import vm": command([python, "-c", "import vm"]),
            "import vm.machine": command([python, "-c", "import vm.machine"]),
            "import dvm": command([python, "-c", "import dvm"]),
            "dvm-opt --help": command(tool),
        },
        options.rounds,
    )
    print(describe_machine())
    for name, seconds in times.items():
        print(f"{name:>18}: {seconds:.3f} s")
    loaded = f"import sys, dvm, vm.machine; print([name for name in sys.modules if name.split('.')[0] in {COMPILER}])"
    found = subprocess.run([python, "-c", loaded], check=True, capture_output=True, text=True).stdout.strip()
    print(f"modules of the compiler that 'import dvm, vm.machine' loads: {found}")


if __name__ == "__main__":
    main()
