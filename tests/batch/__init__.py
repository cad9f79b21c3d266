"""A package, because other folders of tests hold files of the same names."""
