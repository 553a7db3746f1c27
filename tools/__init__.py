"""The command lines: dvm-opt, dvm-run and dvm-objdump, thin over the library."""
