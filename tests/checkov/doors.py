"""What a resource must say so that its door stays closed, where checkov's own rules miss it: kind, path and the only right value.

Read by scan.py inside checkov's environment, so it needs nothing but Python.
"""

from __future__ import annotations

from collections.abc import Mapping

Settings = Mapping[tuple[str, ...], object]
DOORS: Mapping[str, Settings] = {
    "Microsoft.Storage/storageAccounts": {
        ("properties", "allowSharedKeyAccess"): False,
        ("properties", "allowBlobPublicAccess"): False,
        ("properties", "allowCrossTenantReplication"): False,
        ("properties", "minimumTlsVersion"): "TLS1_2",
        ("properties", "supportsHttpsTrafficOnly"): True,
    },
    "Microsoft.Storage/storageAccounts/blobServices/containers": {("properties", "publicAccess"): "None"},
    "Microsoft.Web/sites": {
        ("properties", "httpsOnly"): True,
        ("properties", "siteConfig", "minTlsVersion"): "1.2",
        ("properties", "siteConfig", "ftpsState"): "Disabled",
    },
    "Microsoft.Web/sites/config": {
        ("properties", "platform", "enabled"): True,
        ("properties", "globalValidation", "requireAuthentication"): True,
        ("properties", "globalValidation", "excludedPaths"): [
            "/runtime/webhooks/EventGrid",
            "/runtime/webhooks/*",
            "/api/health",
        ],
    },
    "Microsoft.EventGrid/topics": {
        ("properties", "disableLocalAuth"): True,
        ("properties", "minimumTlsVersionAllowed"): "1.2",
    },
    "Microsoft.Insights/components": {("properties", "DisableLocalAuth"): True},
    "Microsoft.KeyVault/vaults": {
        ("properties", "enableRbacAuthorization"): True,
        ("properties", "enableSoftDelete"): True,
    },
    "Microsoft.ContainerRegistry/registries": {("properties", "adminUserEnabled"): False},
    "Microsoft.MachineLearningServices/workspaces": {("properties", "systemDatastoresAuthMode"): "Identity"},
    "Microsoft.MachineLearningServices/workspaces/computes": {("properties", "disableLocalAuth"): True},
}


def rule(what: str, path: tuple[str, ...]) -> str:
    """The name of a rule of ours.

    >>> rule("Microsoft.Storage/storageAccounts", ("properties", "minimumTlsVersion"))
    'BATON_storageAccounts_minimumTlsVersion'
    """
    return f"BATON_{what.rsplit('/', 1)[-1]}_{path[-1]}"
