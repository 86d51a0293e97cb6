"""The data account without a key: the settings that Bicep gives, and clients that sign in by identity."""

from __future__ import annotations

import pytest
from azure.identity import DefaultAzureCredential

from shared.errors import SettingsRefused
from shared.settings import Settings
from shared.storage.clients import blob_service, queue_clients, table_client

ENDPOINTS = {
    f"BATON_DATA__{kind}ServiceUri": f"https://data.{kind}.core.windows.net" for kind in ("blob", "queue", "table")
}
ENVIRONMENT = {
    **ENDPOINTS, "BATON_DATA__clientId": "c-1", "BATON_APPROVAL_KEY": "k" * 32, "BATON_SIGNING_KEY": "0" * 64, "BATON_URL": "https://baton",
    "MLFLOW_TRACKING_URI": "x", "BATON_ROUTER": "x", "BATON_ROUTER_KEY": "x", "BATON_USERS": "x",
}  # fmt: skip


def test_endpoints_and_an_identity_are_a_data_account() -> None:
    data = Settings.from_env(ENVIRONMENT).data
    assert blob_service(data).url.rstrip("/") == ENDPOINTS["BATON_DATA__blobServiceUri"]
    assert table_client(data, "ledger").url == ENDPOINTS["BATON_DATA__tableServiceUri"]
    assert queue_clients(data, ["advance"])["advance"].url == f"{ENDPOINTS['BATON_DATA__queueServiceUri']}/advance"


def test_without_a_key_the_identity_signs_in() -> None:
    assert isinstance(blob_service(Settings.from_env(ENVIRONMENT).data).credential, DefaultAzureCredential)


@pytest.mark.parametrize("gone", sorted(ENDPOINTS))
def test_an_account_without_all_endpoints_is_missing(gone: str) -> None:
    with pytest.raises(SettingsRefused, match="BATON_DATA is missing"):
        Settings.from_env({name: value for name, value in ENVIRONMENT.items() if name != gone})


def test_a_setting_without_a_key_or_endpoints_is_refused() -> None:
    with pytest.raises(SettingsRefused, match="neither a key nor a BlobEndpoint"):
        blob_service("AccountName=data")


def test_a_connection_string_with_a_key_is_used_as_it_is() -> None:
    key = "DefaultEndpointsProtocol=https;AccountName=data;AccountKey=a2V5;EndpointSuffix=core.windows.net"
    assert not isinstance(blob_service(key).credential, DefaultAzureCredential)
