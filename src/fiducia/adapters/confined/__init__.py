"""Processes that read what nobody vouches for, and can do nothing but that.

`confinement` is what such a process gives up before the first byte; `process` starts one, talks to it by a deadline and
replaces it. What is asked and answered is each adapter's own (`dicom_worker`, `dicom_pixels`).
"""
