"""Findings of checkov's own rules that stand, each with its reason: rule and resource. One that is no longer found must go."""

from __future__ import annotations

from collections.abc import Mapping

PRIVATE = "private endpoints are described (docs/azure.md#storage-and-private-endpoints), not deployed; identities and roles are the guard"
NOT_THIS_CONFIG = "the rule is about a site's config `web`; this one is `authsettingsV2`, which our own rules read (tests/checkov/doors.py)"
FLEX = "not a setting of the plan Flex Consumption, which has its own scaling"
VAULT = (
    "a workspace could not be made again under its name for 90 days; soft delete is on, and Baton keeps nothing there"
)
BASIC = "needs the registry's premium tier; the images are those that the workspace builds from a model's pinned requirements"
HTTP_2 = (
    "the pages and the API need nothing of HTTP/2, and whether Flex Consumption takes the setting is not known here"
)

ACCEPTED: Mapping[tuple[str, str], str] = {
    ("CKV_AZURE_13", "Microsoft.Web/sites/config.signIn"): NOT_THIS_CONFIG,
    ("CKV_AZURE_63", "Microsoft.Web/sites/config.signIn"): NOT_THIS_CONFIG,
    ("CKV_AZURE_65", "Microsoft.Web/sites/config.signIn"): NOT_THIS_CONFIG,
    ("CKV_AZURE_66", "Microsoft.Web/sites/config.signIn"): NOT_THIS_CONFIG,
    ("CKV_AZURE_80", "Microsoft.Web/sites/config.signIn"): NOT_THIS_CONFIG,
    ("CKV_AZURE_88", "Microsoft.Web/sites/config.signIn"): NOT_THIS_CONFIG,
    ("CKV_AZURE_222", "Microsoft.Web/sites/config.signIn"): NOT_THIS_CONFIG,
    (
        "CKV_AZURE_17",
        "Microsoft.Web/sites.app",
    ): "people sign in with Entra, Event Grid calls with its system key: neither has a certificate",
    ("CKV_AZURE_18", "Microsoft.Web/sites.app"): HTTP_2,
    ("CKV_AZURE_67", "Microsoft.Web/sites.app"): HTTP_2,
    ("CKV_AZURE_212", "Microsoft.Web/sites.app"): FLEX,
    ("CKV_AZURE_213", "Microsoft.Web/sites.app"): FLEX,
    (
        "CKV_AZURE_222",
        "Microsoft.Web/sites.app",
    ): "Event Grid and people call it from outside; who is not signed in is refused at the door",
    (
        "CKV_AZURE_225",
        "Microsoft.Web/serverfarms.plan",
    ): "a zone that fails delays events, which Event Grid keeps for a day; nothing is lost",
    ("CKV_AZURE_193", "Microsoft.EventGrid/topics.custom"): PRIVATE,
    ("CKV_AZURE_35", "Microsoft.Storage/storageAccounts.account"): PRIVATE,
    (
        "CKV_AZURE_206",
        "Microsoft.Storage/storageAccounts.account",
    ): "what replication is worth is the owner's choice; LRS keeps three copies",
    ("CKV_AZURE_109", "Microsoft.KeyVault/vaults.vault"): PRIVATE,
    ("CKV_AZURE_189", "Microsoft.KeyVault/vaults.vault"): PRIVATE,
    ("CKV_AZURE_110", "Microsoft.KeyVault/vaults.vault"): VAULT,
    ("CKV_AZURE_42", "Microsoft.KeyVault/vaults.vault"): VAULT,
    ("CKV_AZURE_139", "Microsoft.ContainerRegistry/registries.registry"): PRIVATE,
    ("CKV_AZURE_163", "Microsoft.ContainerRegistry/registries.registry"): BASIC,
    ("CKV_AZURE_166", "Microsoft.ContainerRegistry/registries.registry"): BASIC,
    ("CKV_AZURE_243", "Microsoft.MachineLearningServices/workspaces.workspace"): PRIVATE,
}
UNABLE: Mapping[str, str] = {
    "Failed to run check CKV_AZURE_70 on modules/app.bicep:Microsoft.Web/sites/config.signIn": NOT_THIS_CONFIG,
}
"""Errors of checkov's own rules that stand; there is no rule of ours among them."""
