"""The systems of the source papers: a network, its loss and its settings, one file each."""
