"""Front ends for programs of other frameworks, each in a package that imports its framework, which is an optional extra."""
