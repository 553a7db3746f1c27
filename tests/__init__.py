"""The tests. A package because xDSL's wheel installs one of this name, which would be found before a plain folder."""
