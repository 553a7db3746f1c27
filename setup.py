"""Builds the native engine (vm/native). Where there is no C compiler DVM installs without it, and runs on the NumPy engine."""

from glob import glob

import numpy
from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "vm._native",
            sources=sorted(glob("vm/native/*.c")),
            depends=sorted(glob("vm/native/*.h") + glob("vm/native/*.inc")),
            include_dirs=[numpy.get_include()],
            # tile functions follow NumPy: no traps, no errno, and no multiply-add where two instructions are meant
            extra_compile_args=["-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"],
            optional=True,
        )
    ]
)
