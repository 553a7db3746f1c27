"""How lit runs the FileCheck tests: each `.mlir` or `.test` file is a test that begins with its RUN lines."""

import os
import sys
from pathlib import Path

import lit.formats

root = Path(__file__).parent.parent.parent

config.name = "dvm"
config.test_format = lit.formats.ShTest()
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = str(Path(__file__).parent)
config.test_exec_root = str(root / "build" / "filecheck")
# dvm-opt, filecheck and the others are those of the environment that lit itself runs in.
config.environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
# they run this checkout, also where the environment has another one installed
config.environment["PYTHONPATH"] = str(root)
config.substitutions.append(("%examples", str(root / "examples")))
