"""The command lines: dvm-opt, dvm-run, dvm-objdump and dvm-bench, thin over the library."""
