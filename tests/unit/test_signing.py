"""Certificates are signed when they are earned and verified again before each step: any changed byte stops the release."""

import base64
import json
from datetime import timedelta

import pytest

from shared.certificates.signing import PAYLOAD, SignatureRefused, Signer, key_id, opened, pae
from shared.errors import SettingsRefused
from shared.names import digest
from tests.world import CERTIFIED, Outcome, World

SEED = bytes(range(32)).hex()
PUBLIC = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"  # RFC 8032's arithmetic, by two libraries


def test_the_public_key_of_a_known_seed():
    assert Signer(SEED).public == PUBLIC


def test_what_is_signed_is_the_pre_authentication_encoding():
    signed = pae(PAYLOAD, b"hello world")

    assert digest(signed) == "31cf768988d9736e397e281e7d5b750685714229a881efa8c2ce6159fb77f243"


def test_an_envelope_opens_to_exactly_the_bytes_that_were_signed():
    body = b'{"b": 1,  "a": 2}'

    assert opened(Signer(SEED).sign(body), PUBLIC) == body


@pytest.mark.parametrize("seed", ["", "00", "zz" * 32, "00" * 33])
def test_a_key_of_another_length_is_refused(seed):
    with pytest.raises(SettingsRefused, match="not 32 bytes in hex"):
        Signer(seed)


def test_the_key_is_not_shown():
    assert SEED not in repr(Signer(SEED))


def changed(envelope, name, value):
    return json.dumps({**json.loads(envelope), name: value}).encode()


def test_every_changed_byte_of_the_payload_is_found():
    envelope = Signer(SEED).sign(b"abc")

    for place in range(3):
        body = bytearray(b"abc")
        body[place] ^= 1
        with pytest.raises(SignatureRefused, match="one of both was changed"):
            opened(changed(envelope, "payload", base64.b64encode(body).decode()), PUBLIC)


def test_a_changed_byte_of_an_envelope_is_found_wherever_it_means_anything():
    envelope = Signer(SEED).sign(b"abcd")
    passed = []

    for place, byte in enumerate(envelope):
        for other in (byte ^ 1, byte ^ 128, ord("A"), ord(" ")):
            draft = envelope[:place] + bytes([other]) + envelope[place + 1 :]
            try:
                opened(draft, PUBLIC)
            except SignatureRefused:
                continue
            passed.append(chr(byte) + chr(other))

    assert {pair for pair in passed if pair.strip()} <= {"\n "} | {byte + byte for byte in "A "}


@pytest.mark.parametrize("public", ["zz", "03a1", PUBLIC[:-1]])
def test_what_is_no_public_key_is_refused_and_not_looked_for(public):
    with pytest.raises(SettingsRefused, match="is no public key: 32 bytes in hex"):
        opened(Signer(SEED).sign(b"abc"), public)


def test_an_envelope_that_is_nested_without_end_is_refused_as_unreadable():
    with pytest.raises(SignatureRefused, match="the envelope cannot be read"):
        opened(b"[" * 100_000, PUBLIC)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("payloadType", "text/plain", "payloadType is 'text/plain'"),
        ("payload", "not base64!", "the envelope cannot be read"),
        ("signatures", [], "it is signed by nobody"),
        ("signatures", "none", "signatures is no list"),
        ("signatures", [{"keyid": "ab", "sig": ""}], "it is signed by ab"),
    ],
)
def test_an_envelope_that_is_not_ours_is_refused(name, value, told):
    with pytest.raises(SignatureRefused, match=told):
        opened(changed(Signer(SEED).sign(b"abc"), name, value), PUBLIC)


def test_another_key_is_told_from_a_changed_byte():
    with pytest.raises(SignatureRefused, match="not by the key"):
        opened(Signer("11" * 32).sign(b"abc"), PUBLIC)


def test_a_signature_of_a_key_before_holds_and_of_a_stranger_does_not():
    before, now, stranger = Signer(SEED), Signer("11" * 32, (PUBLIC,)), Signer("22" * 32)

    assert opened(before.sign(b"abc"), *now.trusted) == b"abc"
    assert opened(now.sign(b"abc"), *now.trusted) == b"abc"
    with pytest.raises(SignatureRefused, match=f"not by the key {key_id(now.public)[:12]} or {key_id(PUBLIC)[:12]}"):
        opened(stranger.sign(b"abc"), *now.trusted)


def test_a_known_key_that_names_itself_falsely_is_found():
    now = Signer("11" * 32, (PUBLIC,))
    forged = json.loads(Signer("22" * 32).sign(b"abc"))
    forged["signatures"][0]["keyid"] = key_id(PUBLIC)

    with pytest.raises(SignatureRefused, match="one of both was changed"):
        opened(json.dumps(forged).encode(), *now.trusted)


# In a release


def asked(world):
    """A release that waits for approval."""
    world.drop("some rows")
    world.settle()
    return world.release("m-0001")


def test_a_certificate_is_signed_beside_its_bytes(world: World) -> None:
    release = asked(world)

    container, _, name = release.signature.partition("/")
    statement = json.loads(opened(world.blobs.read(container, name), world.app.parts.signer.public))
    kept = world.blobs.read("reports", release.certificate.removeprefix("reports/"))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"][0] == {"name": release.certificate, "digest": {"sha256": digest(kept)}}
    about = statement["predicate"]
    assert (about["version"], about["manifest"], about["author"]) == (release.version, release.manifest, release.author)


def spoil(world, where, change):
    """Somebody with rights on the storage account writes other bytes under a name."""
    container, _, name = where.partition("/")
    world.blobs.drop(container, name, change(world.blobs.read(container, name)))


def after_approval(world):
    world.decide("m-0001")
    world.settle()
    return world.release("m-0001")


def test_a_certificate_with_a_changed_byte_gets_no_traffic(world: World) -> None:
    release = asked(world)
    spoil(world, release.certificate, lambda content: content.replace(b'"passed": 3', b'"passed": 4'))

    ended = after_approval(world)

    assert ended.state == "rolled back"
    assert "the certificate was changed: its SHA-256 is" in ended.why
    assert not world.endpoints.look("m").split


def test_a_changed_signature_gets_no_traffic(world: World) -> None:
    release = asked(world)
    other = Signer("11" * 32)
    spoil(world, release.signature, lambda content: other.sign(opened(content, world.app.parts.signer.public)))

    assert "not by the key" in after_approval(world).why


def replace_key(world, *, keep):
    """The app starts anew with another signing key, and with the public key of the one before if it is kept."""
    before = world.app.parts.signer.public
    world.signing_key, world.verifying_keys = "11" * 32, before if keep else ""
    world.restart()


def test_a_certificate_of_a_kept_key_still_gets_traffic(world: World) -> None:
    asked(world)
    replace_key(world, keep=True)

    assert after_approval(world).state == "rolling out"
    assert world.endpoints.look("m").split


def test_a_certificate_of_a_key_that_was_not_kept_gets_no_traffic(world: World) -> None:
    asked(world)
    replace_key(world, keep=False)

    assert "not by the key" in after_approval(world).why


def test_a_removed_signature_gets_no_traffic(world: World) -> None:
    release = asked(world)
    world.blobs.remove("reports", release.signature.removeprefix("reports/"))

    assert "is gone" in after_approval(world).why


def test_a_changed_model_file_gets_no_traffic(world: World) -> None:
    asked(world)
    world.registry._files["m", "1"] = {"weights.json": b"[1]"}

    ended = after_approval(world)

    assert "the files of version 1 were changed: their SHA-256 is" in ended.why
    assert not world.endpoints.look("m").split


def test_an_expired_certificate_gets_no_traffic(world: World) -> None:
    world.publish(valid_days=0.5)
    world.settle()
    asked(world)
    world.now += timedelta(hours=12)

    assert "the certificate expired at" in after_approval(world).why


def test_a_model_that_was_changed_before_staging_is_not_deployed(world: World) -> None:
    world.trainer.script["certify"] = Outcome(result={**CERTIFIED.result, "model_sha256": "ab" * 32})

    ended = asked(world)

    assert ended.state == "failed"
    assert "were changed" in ended.why
    assert world.endpoints.look("m") is None


def test_a_setting_that_holds_no_public_key_is_refused(tmp_path):
    with pytest.raises(SettingsRefused, match="BATON_VERIFYING_KEYS holds 'abc', which is no public key"):
        World(tmp_path, verifying_keys=f"{PUBLIC},abc")
