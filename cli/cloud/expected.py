"""What a whole installation has. Tests hold these tables against the Bicep files, so they tell what `azd provision` makes."""

from __future__ import annotations

PROVIDERS = (
    "Microsoft.Web",
    "Microsoft.Storage",
    "Microsoft.EventGrid",
    "Microsoft.MachineLearningServices",
    "Microsoft.ContainerRegistry",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.OperationalInsights",
    "Microsoft.Insights",
)
CONTAINER_INSTANCES = "Microsoft.ContainerInstance"  # needed where versions are served on them: BATON_SERVING is aci
# Managed endpoints are refused without them, as "Resource provider [N/A] isn't registered" (MicrosoftLearning/mslearn-mlops#72):
# the service uses them itself, so no deployment of ours registers them.
MANAGED_ENDPOINTS = ("Microsoft.Cdn", "Microsoft.PolicyInsights")
OF_A_WORKSPACE = ("Microsoft.MachineLearningServices", "Microsoft.ContainerRegistry", "Microsoft.KeyVault")
BLOB_OWNER = "Storage Blob Data Owner"
BLOB_CONTRIBUTOR = "Storage Blob Data Contributor"
ROLE_IDS = {
    BLOB_OWNER: "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    BLOB_CONTRIBUTOR: "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "EventGrid Data Sender": "d5a91429-5739-47e2-a06b-3470a27159e7",
    "Log Analytics Reader": "73c42c96-874c-492b-b04d-ab87d138a893",
    "Monitoring Reader": "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "AzureML Data Scientist": "f6c7c914-8db3-469d-8ca1-694a8f32e121",
}
# The app's own roles: what of, on which thing.
APP_ROLES: tuple[tuple[str, str], ...] = (
    (BLOB_OWNER, "the data account"),
    ("Storage Queue Data Contributor", "the data account"),
    ("Storage Table Data Contributor", "the data account"),
    (BLOB_OWNER, "the host's account"),
    ("Storage Queue Data Contributor", "the host's account"),
    ("Storage Table Data Contributor", "the host's account"),
    ("AzureML Data Scientist", "the ML workspace"),
    ("Monitoring Reader", "the ML workspace"),
    ("Storage Blob Data Reader", "the workspace's own account"),
    ("EventGrid Data Sender", "the custom topic"),
    ("Monitoring Metrics Publisher", "Application Insights"),
    ("Log Analytics Reader", "Application Insights"),
)
ON_A_WORKSPACE = ("the ML workspace", "the workspace's own account")
# What runs on Databricks may, by the identity behind the service credential: what of, on which containers.
ROLES_OF_RUNS: tuple[tuple[str, str], ...] = (
    ("Storage Blob Data Reader", "models"),
    ("Storage Blob Data Reader", "incoming"),
    (BLOB_CONTRIBUTOR, "datasets"),
    (BLOB_CONTRIBUTOR, "quarantine"),
)
# What the app's identity may in Unity Catalog: on its catalog, and on its schema.
GRANTS: tuple[tuple[str, str], ...] = (
    ("USE_CATALOG", "catalog"),
    ("USE_SCHEMA", "schema"),
    ("CREATE_MODEL", "schema"),
    ("READ_VOLUME", "schema"),
    ("WRITE_VOLUME", "schema"),
    ("CREATE_TABLE", "schema"),
    ("SELECT", "schema"),
)
DEAD_LETTERS = "deadletter"
IMMUTABLE = ("journal", "access")
WEBHOOKS = "/runtime/webhooks/*"
CONNECTIONS = ("AzureWebJobsStorage", "BATON_DATA")
CLUSTER_QUOTA = "Total Cluster Dedicated Regional vCPUs"
