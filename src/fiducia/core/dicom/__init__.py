"""DICOM as fiducia needs it: one instance's head, and instances grouped into studies.

`part10.read_head` reads all that is known about an instance without its pixels; `grouping.group` makes
studies of many. `directory.read_directory` lists what a DICOMDIR refers to. Pixels are never decoded.
"""
