"""The data account without a key: the settings that Bicep gives, and clients that sign in by identity."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.identity import CredentialUnavailableError, DefaultAzureCredential

from cli.address import Address
from cli.uploads import client_of, told_plainly
from shared.errors import Retryable, SettingsRefused
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


def test_who_drops_without_a_key_signs_in_too() -> None:
    at = Address({"BATON_DATA": "BlobEndpoint=https://data.blob.core.windows.net"})
    client = client_of(at, "m/first.csv")
    assert client.url == "https://data.blob.core.windows.net/incoming/m/first.csv"
    assert isinstance(client.credential, DefaultAzureCredential)


def denied() -> HttpResponseError:
    error = HttpResponseError("This request is not authorized to perform this operation using this permission.")
    error.status_code = 403
    return error


@pytest.mark.parametrize(
    ("error", "next_step"),
    [
        (CredentialUnavailableError("Please run 'az login'"), "sign in with `az login`"),
        (ClientAuthenticationError("DefaultAzureCredential failed\nand why"), "sign in with `az login`"),
        (denied(), "needs Storage Blob Data Contributor"),
        (ServiceRequestError("no route"), "`baton doctor`"),
    ],
    ids=["nobody", "refused", "no role", "no answer"],
)
def test_who_may_not_drop_is_told_what_to_do(error: Exception, next_step: str) -> None:
    with (
        pytest.raises(Retryable, match="did not take or show incoming/m/first.csv") as told,
        told_plainly("m/first.csv"),
    ):
        raise error
    assert next_step in told.value.next
