"""The recording's life after the call: tiers, restoration, holds, flags and quarantine, deletion with proof."""
