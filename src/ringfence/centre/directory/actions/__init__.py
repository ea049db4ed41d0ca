"""Every change of the directory: rows, audit entry and directory revision in one transaction."""

from ringfence.centre.directory.actions.clients import (
    save_client,
    set_recording_rules,
    switch_emergency,
    switch_recording,
)
from ringfence.centre.directory.actions.lines import Period, assign_number, publish_flow, save_hours, save_queue
from ringfence.centre.directory.actions.load import SAMPLE, LoadReport, load_centre
from ringfence.centre.directory.actions.network import save_transfer_entry, save_trunk
from ringfence.centre.directory.actions.prompts import Rendering, render_missing_prompts, save_prompt
from ringfence.centre.directory.actions.writing import Change

__all__ = [
    "SAMPLE",
    "Change",
    "LoadReport",
    "Period",
    "Rendering",
    "assign_number",
    "load_centre",
    "publish_flow",
    "render_missing_prompts",
    "save_client",
    "save_hours",
    "save_prompt",
    "save_queue",
    "save_transfer_entry",
    "save_trunk",
    "set_recording_rules",
    "switch_emergency",
    "switch_recording",
]
