"""What a visitor reads when the demonstration is ready."""

from ringfence.entry.demo.plan import Plan
from ringfence.entry.settings import Settings


def greeting(settings: Settings, plan: Plan) -> str:
    """Where to look, whom to be, what to dial, what to try."""
    page, sip = settings.page, f"{settings.sip.host}:{settings.sip.udp_port}"
    width = max((len(role.title) for role in plan.roles), default=0)
    roles = [f"  {role.title:<{width}}  {page}/demo/signin/{role.role.lower()}/" for role in plan.roles]
    numbers = [
        f"  sip:{line.number}@{sip}  {line.client_name}{f' ({line.label})' if line.label else ''}"
        for line in plan.lines
    ]
    return "\n".join(
        (
            "",
            f"Ringfence is running: open {page}",
            "",
            "Sign in as one of these invented people (the links exist in the demonstration only):",
            *roles,
            "",
            "Dial one of the councils from any softphone, without an account (UDP or TCP, G.711):",
            *numbers,
            "",
            "What to try next:",
            "  1. Sign in as the agent, allow the microphone, choose Available: the next simulated caller is yours.",
            "  2. Put the caller on hold, bring them back, take a payment on an invented page, mask, hang up.",
            "  3. Sign in as the supervisor: watch the centre live, find your call, say why, and hear it.",
            "",
            "Simulated callers arrive every few seconds; two simulated agents answer them. Ctrl-C stops everything.",
            f"Everything is kept in {settings.data}; remove that folder to start afresh.",
            "",
        )
    )
