"""Searches over what is known of images, as QIDO-RS has them.

`parse_query` reads a request's query, `series_object` and `study_object` build what is searched from instances'
DICOM JSON, `search` matches, pages and shapes the answer. All of it is pure and total over any JSON that a stored
instance may have; nothing here knows who may see what: whoever calls gives only candidates that may be seen.
Source: PS3.18 sections 8.3.4 and 10.6, PS3.4 sections C.2.2.2 and C.3.4.
"""

from fiducia.core.dicom.query.levels import Level as Level
from fiducia.core.dicom.query.matching import matches as matches
from fiducia.core.dicom.query.objects import instance_object as instance_object
from fiducia.core.dicom.query.objects import series_object as series_object
from fiducia.core.dicom.query.objects import study_object as study_object
from fiducia.core.dicom.query.objects import with_parents as with_parents
from fiducia.core.dicom.query.parse import Query as Query
from fiducia.core.dicom.query.parse import parse_query as parse_query
from fiducia.core.dicom.query.search import MAX_RESULTS as MAX_RESULTS
from fiducia.core.dicom.query.search import Found as Found
from fiducia.core.dicom.query.search import search as search
from fiducia.core.dicom.query.shape import shape as shape
