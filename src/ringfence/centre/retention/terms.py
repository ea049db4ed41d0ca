"""Words that make a note look as if it held what had to go (R60). A warning for the person who writes, no proof."""

import re

_STEMS: dict[str, tuple[str, ...]] = {
    "health": (
        "illness", "disease", "diagnos", "cancer", "depress", "anxiety", "mental health", "medication", "hospital",
        "disab", "hiv", "pregnan", "diabet", "epilep", "surgery", "symptom", "dementia", "stroke", "miscarr",
        "suicid", "self-harm", "self harm", "addict", "alcoholi", "therap",
    ),
    "sexual orientation or sex life": ("gay", "lesbian", "bisexual", "transgender", "homosexual", "sexual"),
    "racial or ethnic origin": ("ethnic", "racial", "black man", "black woman", "asian", "gypsy", "roma ", "immigra"),
    "religion or belief": ("muslim", "christian", "jewish", "hindu", "sikh", "church", "mosque", "synagogue", "atheis"),
    "political opinions": ("conservative party", "labour party", "liberal democrat", "green party", "voted for"),
    "trade union": ("trade union", "union member", "shop steward"),
    "genetic or biometric data": ("genetic", "dna", "fingerprint", "biometric"),
    "criminal offence": (
        "convict", "prison", "arrest", "criminal", "offence", "probation", "police caution", "drug dealing", "assault",
        "stolen", "theft", "fraud",
    ),
    "abuse or violence": ("abuse", "violent", "violence", "rape", "domestic"),
}  # fmt: skip
_LONG_NUMBER = re.compile(r"(?:\d[ -]?){6,}")
_EMAIL = re.compile(r"\S+@\S+\.\S+")


def sensitive_terms(note: str) -> tuple[str, ...]:
    """What looks sensitive in ``note``, in words for its writer; empty when nothing does."""
    found = []
    text = " ".join(note.lower().split()) + " "
    for kind, stems in _STEMS.items():
        hits = [stem.strip() for stem in stems if re.search(rf"\b{re.escape(stem)}", text)]
        found += [f"“{hit}” ({kind})" for hit in hits]
    if _LONG_NUMBER.search(note):
        found.append("a long number")
    if _EMAIL.search(note):
        found.append("an e-mail address")
    return tuple(found)
