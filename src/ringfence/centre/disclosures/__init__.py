"""The disclosure register: nothing of a recording is shared without a case, advice and a second person (R77 to R79)."""
