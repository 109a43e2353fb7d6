"""Sample studies for demo, benchmarks and tests: generated ones, and real ones that ship inside pydicom.

Owns: synthetic CT series and multi-frame objects of any size, valid DICOM, the same bytes for the same seed
on every machine, written frame by frame; and the multi-series studies among pydicom's own test files. All
people are invented. Not part of the product's path: only demo, bench and tests use it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from struct import pack
from uuid import NAMESPACE_OID, uuid5

from pydicom import data as pydicom_data
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, MultiFrameGrayscaleWordSecondaryCaptureImageStorage

from fiducia.core.dicom.part10 import read_head
from fiducia.errors import DicomError

_NOISE_BITS = 5
_DISTINCT_FRAMES = 16


@dataclass(frozen=True, slots=True)
class Sample:
    """What a generated object says about itself.

    Attributes:
        seed: everything random follows from it, UIDs too.
        study: names the study; the same seed and study are the same Study Instance UID.
        patient_id: Patient ID (0010,0020).
        series_number: Series Number, from 1.
        rows: of each image.
        columns: of each image; rows * columns is even.
    """

    seed: int = 1
    study: str = "sample"
    patient_id: str = "SAMPLE-1"
    series_number: int = 1
    rows: int = 512
    columns: int = 512

    def uid(self, *parts: object) -> str:
        """Return a UID under 2.25 (PS3.5 annex B.2) that follows from the seed and these names."""
        name = "/".join(str(part) for part in ("fiducia-sample", self.seed, self.study, *parts))
        return f"2.25.{uuid5(NAMESPACE_OID, name).int}"


def sample_ct_series(folder: Path, slices: int, sample: Sample | None = None) -> tuple[Path, ...]:
    """Write a CT series, one file per slice; 300 slices of 512 x 512 are 158 MB.

    Returns:
        The files, in the order of the slices.
    """
    sample = sample or Sample()
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, pixels in enumerate(_frames(sample, slices), 1):
        path = folder / f"slice-{number:04}.dcm"
        with path.open("wb") as file:
            file.write(_head(_ct_slice(sample, number)))
            file.write(_pixel_header(len(pixels)))
            file.write(pixels)
        paths.append(path)
    return tuple(paths)


def sample_multiframe(path: Path, frames: int, sample: Sample | None = None, instance_number: int = 1) -> Path:
    """Write one multi-frame object; 400 frames of 512 x 512 are 210 MB. At most 4 GiB of pixels.

    Returns:
        `path`.
    """
    sample = sample or Sample()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(_head(_multiframe(sample, frames, instance_number)))
        file.write(_pixel_header(frames * sample.rows * sample.columns * 2))
        for pixels in _frames(sample, frames):
            file.write(pixels)
    return path


def sample_large_study(folder: Path, size_bytes: int, sample: Sample | None = None) -> tuple[Path, ...]:
    """Write a study of about `size_bytes` pixels: half of it CT slices, half multi-frame objects of 256 MiB.

    Returns:
        The files of both series.
    """
    sample = sample or Sample(study="large")
    frame_bytes = sample.rows * sample.columns * 2
    slices = max(1, size_bytes // 2 // frame_bytes)
    paths = list(sample_ct_series(folder / "ct", slices, sample))
    left = max(1, size_bytes // frame_bytes - slices)
    second = Sample(sample.seed, sample.study, sample.patient_id, 2, sample.rows, sample.columns)
    most = max(1, (256 << 20) // frame_bytes)
    for number in range(1, -(-left // most) + 1):
        frames = min(most, left - (number - 1) * most)
        paths.append(sample_multiframe(folder / "multiframe" / f"object-{number}.dcm", frames, second, number))
    return tuple(paths)


@dataclass(frozen=True, slots=True)
class WheelStudy:
    """A real study with at least two series that ships inside pydicom.

    Attributes:
        modality: CT, MR or CR.
        series: the number of its series.
        paths: its files, sorted.
    """

    modality: str
    series: int
    paths: tuple[Path, ...]


def wheel_studies() -> tuple[WheelStudy, ...]:
    """Return pydicom's own multi-series studies, CT, MR and CR; the one with most series of each first.

    They lie in the installed package: nothing is downloaded.
    """
    media = Path(pydicom_data.__file__).parent / "test_files" / "dicomdirtests"
    studies: dict[str, list[Path]] = defaultdict(list)
    series: dict[str, set[str]] = defaultdict(set)
    modality: dict[str, str] = {}
    for patient in ("77654033", "98892001", "98892003"):
        for path in sorted((media / patient).rglob("*")):
            try:
                with path.open("rb", buffering=0) as stream:
                    info = read_head(stream, path.stat().st_size).info
            except (DicomError, IsADirectoryError):
                continue
            studies[info.study_instance_uid].append(path)
            series[info.study_instance_uid].add(info.series_instance_uid)
            modality[info.study_instance_uid] = info.modality
    found = [
        WheelStudy(modality[uid], len(series[uid]), tuple(paths))
        for uid, paths in studies.items()
        if len(series[uid]) > 1
    ]
    return tuple(sorted(found, key=lambda study: (study.modality, -study.series, study.paths)))


def _frames(sample: Sample, count: int) -> Iterator[bytes]:
    """Frames of 16-bit pixels; after `_DISTINCT_FRAMES` the noise repeats, so that large studies are made quickly.

    Noise and body are added as whole numbers of rows * columns * 16 bits: no sum of two pixels can carry.
    """
    size_bytes = sample.rows * sample.columns * 2
    generator = random.Random(f"{sample.seed}/{sample.study}/{sample.series_number}")
    mask = int.from_bytes(pack("<H", (1 << _NOISE_BITS) - 1) * (size_bytes // 2), "little")
    body = int.from_bytes(_phantom(sample.rows, sample.columns), "little")
    made: list[bytes] = []
    for number in range(count):
        if number < _DISTINCT_FRAMES:
            noise = generator.getrandbits(size_bytes * 8) & mask
            made.append((body + noise).to_bytes(size_bytes, "little"))
        # The first pixel counts, so that no two frames are alike.
        yield pack("<H", number & 0xFFFF) + made[number % _DISTINCT_FRAMES][2:]


def _phantom(rows: int, columns: int) -> bytes:
    """An elliptic body with two lungs and a spine, in stored values (HU + 1024)."""
    ellipses = [(0.5, 0.5, 0.45, 0.35, 1064), (0.33, 0.48, 0.13, 0.2, 224), (0.67, 0.48, 0.13, 0.2, 224)]
    ellipses.append((0.5, 0.72, 0.06, 0.06, 1724))
    lines = []
    for row in range(rows):
        line = bytearray(columns * 2)
        for x, y, width, height, value in ellipses:
            rest = 1 - (((row + 0.5) / rows - y) / height) ** 2
            if rest > 0:
                first, last = (round(columns * (x + side * width * rest**0.5)) for side in (-1, 1))
                line[first * 2 : last * 2] = pack("<H", value) * (last - first)
        lines.append(bytes(line))
    return b"".join(lines)


def _common(sample: Sample, sop_class: str, sop_instance: str, instance_number: int) -> Dataset:
    """What every sample says: patient, study, series, image size."""
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID = UID(sop_class)
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID = UID(sop_instance)
    found.file_meta.ImplementationClassUID = UID(Sample().uid("implementation"))
    found.file_meta.ImplementationVersionName = "FIDUCIA_SAMPLE"  # pydicom's would change with its version
    found.StudyInstanceUID = sample.uid("study")
    found.SeriesInstanceUID = sample.uid("series", sample.series_number)
    found.FrameOfReferenceUID = sample.uid("frame of reference")
    found.PatientID, found.PatientName = sample.patient_id, "Sample^Person"
    found.PatientBirthDate, found.PatientSex = "19700101", "O"
    found.StudyDate, found.StudyTime, found.StudyID = "20250101", "120000", "1"
    found.AccessionNumber, found.ReferringPhysicianName = "", ""
    found.StudyDescription, found.Manufacturer = "Synthetic sample", "fiducia"
    found.SeriesNumber, found.InstanceNumber = sample.series_number, instance_number
    found.SamplesPerPixel, found.PhotometricInterpretation = 1, "MONOCHROME2"
    found.Rows, found.Columns = sample.rows, sample.columns
    found.BitsAllocated, found.BitsStored, found.HighBit, found.PixelRepresentation = 16, 16, 15, 0
    found.RescaleIntercept, found.RescaleSlope = -1024, 1
    return found


def _ct_slice(sample: Sample, number: int) -> Dataset:
    """One slice of a CT Image Storage series (PS3.3 section A.3)."""
    found = _common(sample, CTImageStorage, sample.uid("series", sample.series_number, "instance", number), number)
    found.Modality, found.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    found.SeriesDescription, found.PatientPosition, found.PositionReferenceIndicator = "Axial 1.0", "HFS", ""
    found.KVP, found.AcquisitionNumber = 120, 1
    found.PixelSpacing, found.SliceThickness = [0.7, 0.7], 1
    found.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    found.ImagePositionPatient, found.SliceLocation = [-179.2, -179.2, number - 1], number - 1
    found.WindowCenter, found.WindowWidth = 40, 400
    return found


def _multiframe(sample: Sample, frames: int, number: int) -> Dataset:
    """One Multi-frame Grayscale Word Secondary Capture (PS3.3 section A.8.4)."""
    uid = sample.uid("series", sample.series_number, "multiframe", number)
    found = _common(sample, MultiFrameGrayscaleWordSecondaryCaptureImageStorage, uid, number)
    found.Modality, found.ConversionType, found.SeriesDescription = "OT", "SYN", "Multi-frame"
    found.ImageType = ["DERIVED", "SECONDARY"]
    found.NumberOfFrames, found.FrameIncrementPointer = frames, 0x00181063
    found.FrameTime, found.BurnedInAnnotation, found.PresentationLUTShape = 40, "NO", "IDENTITY"
    found.RescaleType = "HU"
    return found


def _head(found: Dataset) -> bytes:
    """Everything before Pixel Data, as a DICOM file."""
    buffer = BytesIO()
    dcmwrite(buffer, found, enforce_file_format=True)
    return buffer.getvalue()


def _pixel_header(size_bytes: int) -> bytes:
    """Pixel Data (7FE0,0010), OW, explicit VR little endian."""
    return pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, size_bytes)
