"""Texts that the desk's scripts show. The keys are the closed list of ``frontend/src/words.ts``."""

from django.utils.translation import gettext as _


def words() -> dict[str, str]:
    """Every text, translated; ``%(name)s`` places are filled in the browser."""
    return {
        "asking": _("Asking %(name)s. The caller hears music and cannot hear you."),
        "another_tab": _("The desk is open in another tab or window. Use that one, or close it and reload this page."),
        "answered": _("Call answered."),
        "audio_lost": _("The sound is interrupted. Trying to bring it back."),
        "call_ended": _("Call ended."),
        "connecting": _("Connecting your telephone"),
        "desk_phone": _("Calls ring on your desk phone. Use this page to see and control them."),
        "flagged": _("Flagged. Nobody can play the recording now but the duty supervisor."),
        "handset_ringing": _("Lift your desk phone to answer."),
        "held": _("The caller is on hold."),
        "incoming": _("Incoming call for %(client)s"),
        "joined": _("Your telephone rings. Answer it to join the call."),
        "keypad_cleared": _("The caller starts again."),
        "keypad_done": _("The payment provider has the %(field)s: %(outcome)s."),
        "keypad_started": _("The caller can key in the %(field)s. You hear one flat tone for each key."),
        "keypad_stopped": _("Keypad entry has ended."),
        "keypad_typing": _("%(field)s: %(count)s keys so far."),
        "leave_in_call": _("You are on a call. Leaving this page cuts the sound."),
        "live_lost": _("This page lost its connection. What it shows may be old. Trying again."),
        "mask_named": _("The reason is kept with the recording."),
        "mask_reminder": _("The recording has been masked for %(time)s. Unmask it when you can."),
        "masked": _("The recording is masked. The call goes on."),
        "mic_busy": _("Another program is using your microphone. Close it, then reload this page."),
        "mic_denied": _(
            "The browser is not allowed to use your microphone. "
            "Allow it with the icon beside the address, then reload this page."
        ),
        "mic_insecure": _("The browser gives no microphone on this address. Open the page with https."),
        "mic_missing": _("No microphone was found. Plug in your headset, then reload this page."),
        "mic_other": _("The microphone could not be started. Check your headset, then reload this page."),
        "mute": _("Mute"),
        "muted": _("You are muted. The caller cannot hear you."),
        "network_lost": _("No connection to the telephone service. Trying again. Check your internet connection."),
        "no_entry_found": _("No destination has that name."),
        "no_sound": _("This page has no sound for your call. The caller goes back to the queue in a moment."),
        "no_waiting": _("Nobody is waiting."),
        "objected": _("The recording has stopped, and what was recorded is being removed. The call goes on."),
        "payment_blocked": _("The browser did not open the payment page. Use the link on the desk."),
        "payment_contact": _("Paused for %(time)s. The payment page is open."),
        "payment_finished": _("The payment is finished."),
        "payment_no_contact": _("No contact with the payment page for %(time)s. The recording stays paused."),
        "payment_none": _("There is no payment page for this client. Mask the recording instead."),
        "payment_not_opened": _("Paused for %(time)s. The payment page was not opened."),
        "payment_opened": _("Paused: payment. The payment page opens in its own window."),
        "payment_reported": _("Your supervisors are told that a payment had no pause."),
        "payment_silent": _(
            "Nobody knows whether the payment page is closed: %(name)s. The recording stays paused. "
            "When the payment is over, choose Payment is finished."
        ),
        "phone_refused": _("The telephone service did not accept this browser. Trying again."),
        "phone_unreachable": _("The telephone service cannot be reached. Trying again."),
        "quality_fair": _("Call quality: fair"),
        "quality_good": _("Call quality: good"),
        "quality_poor": _("Call quality: poor. Move nearer to your router or use a cable."),
        "ready_to_take_calls": _("The next call comes to you."),
        "registered": _("Connected"),
        "request_failed": _("That did not work. Try again."),
        "retrieved": _("The caller is back on the line."),
        "sensitive": _("Callers to this queue often speak of sensitive things. Mask the recording before you ask."),
        "signed_out": _("You are signed out. Sign in again to take calls."),
        "stopped": _("The recording has stopped for the rest of this call."),
        "tell": _("You are %(state)s for %(time)s."),
        "tell_recording": _("You are %(state)s for %(time)s. %(recording)s."),
        "transfer_failed": _("The transfer did not work. The caller is back with you."),
        "unmasked": _("The mask has ended."),
        "unmute": _("Unmute"),
        "unmuted": _("The caller can hear you."),
        "with_third": _("%(name)s, the caller and you hear each other."),
        "waiting": _("%(count)s waiting in %(queue)s."),
    }
