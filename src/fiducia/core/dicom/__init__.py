"""DICOM as fiducia needs it: one instance's head, and instances grouped into studies.

`part10.read_head` reads all that is known about an instance without its pixels, `validation.defects_of`
judges what could be read, and `examination.examine` puts it into one value. `grouping.group` makes studies of
many, `quality.quality_of` says what a series' slices tell together. `directory.read_directory` lists what a
DICOMDIR refers to. `query` searches instances' DICOM JSON. `picture.picture_of` says what decoding and showing a
frame takes, `view.view_of` how it shall be shown. Pixels are never decoded here: `adapters.dicom_pixels` does that
where it can harm nobody.
"""
