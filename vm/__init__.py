"""The virtual machine: instruction set, container, verifier, binder and engines.

It never imports the compiler, so that a `.dvmb` file runs where xDSL is not installed.
"""
