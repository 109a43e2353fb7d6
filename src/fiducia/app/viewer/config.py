"""What the viewer is told: one data source, this gateway; nobody else's servers. Source: OHIF 3.13's configuration."""

from __future__ import annotations

import json
from typing import Any

from fiducia.app.viewer.installed import BASE

SOURCE = "fiducia"
_SERVICE = "/dicomweb"


def source_configuration() -> dict[str, Any]:
    """Return how the gateway is to be spoken to."""
    return {
        "friendlyName": "fiducia",
        "name": SOURCE,
        "qidoRoot": _SERVICE,
        "wadoRoot": _SERVICE,
        "qidoSupportsIncludeField": True,
        "supportsFuzzyMatching": True,
        "supportsWildcard": True,
        "supportsReject": False,
        "supportsStow": False,
        "dicomUploadEnabled": False,
        "imageRendering": "wadors",
        "thumbnailRendering": "thumbnail",
        "thumbnailRequestStrategy": "fetch",
        "enableStudyLazyLoad": True,
        # Frames come in parts, as they are stored; the viewer decodes them.
        "requestTransferSyntaxUID": "*",
        "omitQuotationForMultipartRequest": True,
        "singlepart": "video",
        "bulkDataURI": {"enabled": True},
        # A segmentation's frames one by one: the whole instance would come in a transfer syntax that may not be stored.
        "loadMultiframeAsPart10": False,
    }


def configuration() -> dict[str, Any]:
    """Return the viewer's configuration. What it leaves out stays off: uploads, URLs from the query, log-ins."""
    source = {
        "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
        "sourceName": SOURCE,
        "configuration": source_configuration(),
    }
    return {
        "name": "fiducia",
        "routerBasename": BASE.rstrip("/"),
        "extensions": [],
        "modes": [],
        "customizationService": {},
        "showStudyList": True,
        "maxNumberOfWebWorkers": 3,
        "showWarningMessageForCrossOrigin": True,
        "showCPUFallbackMessage": True,
        "showLoadingIndicator": True,
        "strictZSpacingForVolumeViewport": True,
        "groupEnabledModesFirst": True,
        "allowMultiSelectExport": False,
        "showErrorDetails": "dev",
        "maxNumRequests": {"interaction": 20, "thumbnail": 5, "prefetch": 10},
        "defaultDataSourceName": SOURCE,
        "dataSources": [source],
    }


def config_script() -> str:
    """Return app-config.js: our configuration, and what OHIF's own page would say in scripts of its own."""
    # Its one import by name is of a part of its own, by a path from the root.
    return (
        f"window.PUBLIC_URL = {json.dumps(BASE)};\n"
        "window.browserImportFunction = name => import(window.PUBLIC_URL + name.replace(/^[/]+/, ''));\n"
        f"window.config = {json.dumps(configuration(), indent=2)};\n"
    )
