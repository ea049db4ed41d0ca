"""G.711 tables against the values of ITU-T G.711 and against each other."""

import array
import warnings

import pytest

from ringfence.kit import g711


def linear(alaw: bytes) -> list[int]:
    return list(array.array("h", g711.pcm16_from_alaw(alaw)))


@pytest.mark.parametrize(
    ("code", "value"),
    [(0xD5, 8), (0x55, -8), (0xAA, 32256), (0x2A, -32256), (0x80, 5504), (0xC5, 264), (0xDA, 248)],
)
def test_alaw_codes_have_the_values_of_the_standard(code: int, value: int) -> None:
    assert linear(bytes([code])) == [value]


def test_every_alaw_code_survives_decoding_and_encoding() -> None:
    codes = bytes(range(256))
    assert g711.alaw_from_pcm16(g711.pcm16_from_alaw(codes)) == codes


def test_encoding_picks_a_neighbour_no_further_than_half_a_step() -> None:
    samples = array.array("h", range(-32768, 32768, 7))
    decoded = linear(g711.alaw_from_pcm16(samples.tobytes()))
    for wanted, got in zip(samples, decoded, strict=True):
        step = max(16, 1 << max(0, abs(wanted).bit_length() - 5))
        assert abs(wanted - got) <= step / 2 + 1 or abs(wanted) > 32256


def test_mu_law_passes_through_alaw_and_back_within_one_step() -> None:
    quiet_and_loud = bytes([0xF0, 0x70, 0x80, 0x00, 0xA7, 0x27])
    there_and_back = quiet_and_loud.translate(g711.ULAW_TO_ALAW).translate(g711.ALAW_TO_ULAW)
    for before, after in zip(quiet_and_loud, there_and_back, strict=True):
        assert before & 0x70 == after & 0x70
        assert abs((before & 0x7F) - (after & 0x7F)) <= 1


def test_tables_agree_with_the_reference_that_python_used_to_ship() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="gone from Python 3.13")
    codes = bytes(range(256))
    assert g711.pcm16_from_alaw(codes) == audioop.alaw2lin(codes, 2)
    assert audioop.lin2alaw(audioop.ulaw2lin(codes, 2), 2) == g711.ULAW_TO_ALAW
    assert audioop.lin2ulaw(audioop.alaw2lin(codes, 2), 2) == g711.ALAW_TO_ULAW


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="not a multiple of item size"):
        g711.alaw_from_pcm16(b"\x00\x01\x02")
