"""The exchange as a process sees it: control socket, status, start, restart and what a second one meets."""

import asyncio
from pathlib import Path

import pytest
from tests.support.exchange_stage import ANN, NUMBERS, ExchangeStage, directory, exchange_stage

from ringfence.control.client import ControlClient, EngineDown
from ringfence.control.commands import (
    AnyCommand,
    Done,
    EngineStatus,
    GetStatus,
    LoadDirectory,
    Refused,
    Reply,
    Shutdown,
)
from ringfence.control.facts import AlarmRaised, AnyFact, CallEnded, EndReason, EngineStarted, RecordingSealed
from ringfence.engine.control_server import AlreadyRunning


def test_the_desk_and_the_bridge_reach_the_exchange_over_its_socket(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchange_stage(tmp_path) as stage:
            path = tmp_path / "run" / "engine.sock"

            def ask(command: AnyCommand) -> Reply:
                return ControlClient(path).ask(command)

            handset = await stage.handset("ann-desk")
            stage.carrier.call(NUMBERS["BBC"])
            await stage.carrier.connected()
            await handset.answer()
            await stage.holds(lambda: stage.exchange.calls.live_calls()[0].phase == "talking", "talking")
            status = await asyncio.to_thread(ask, GetStatus())
            assert isinstance(status, EngineStatus)
            [call] = status.calls
            assert (call.client, call.agent_id, call.phase) == ("BBC", ANN, "talking")
            assert call.recording_id is not None
            assert {agent.agent_id: agent.reachable for agent in status.agents} == {"ann": True, "bob": False}
            assert status.directory_version == 1
            assert status.registered_devices == 1
            assert any(listener.startswith("udp 127.0.0.1:") for listener in status.listeners)

            older = await asyncio.to_thread(ask, LoadDirectory(snapshot=directory(0, carrier_port=1)))
            assert isinstance(older, Refused)

            def follow() -> tuple[AnyFact, ...]:
                with ControlClient(path) as client:
                    stream = client.follow()
                    facts = next(stream)
                    assert facts is not None
                    client.acknowledge(facts)
                    return facts.facts

            facts = await asyncio.to_thread(follow)
            assert isinstance(facts[0], EngineStarted)
            await stage.holds(lambda: stage.exchange.journal.acknowledged >= len(facts), "acknowledgement")

    asyncio.run(main())


def test_a_new_directory_takes_effect_for_the_next_call(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchange_stage(tmp_path) as stage:
            changed = directory(2, carrier_port=stage.carrier.port)
            fewer = type(changed)(version=2, clients=changed.clients, trunks=changed.trunks)
            assert await stage.ask(LoadDirectory(snapshot=fewer)) == Done()
            stage.carrier.call(NUMBERS["BBC"])
            assert await stage.carrier.rejected() == 404

    asyncio.run(main())


def test_calls_are_refused_until_a_directory_is_there(tmp_path: Path) -> None:
    async def main() -> None:
        stage = ExchangeStage(tmp_path)
        stage.running = asyncio.ensure_future(stage.exchange.run())
        await stage.exchange.ready.wait()
        stranger = await stage.telephone(host="127.0.0.2")
        stranger.call(NUMBERS["BBC"])
        assert await stranger.rejected() in (401, 403, 404, 503)
        await stage.close()

    asyncio.run(main())


def test_the_shutdown_command_ends_the_exchange(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchange_stage(tmp_path) as stage:
            assert await stage.ask(Shutdown()) == Done()
            async with asyncio.timeout(20):
                await stage.running
        with pytest.raises(EngineDown):
            ControlClient(tmp_path / "run" / "engine.sock").ask(GetStatus())

    asyncio.run(main())


def test_draining_lets_calls_end_by_themselves_and_takes_no_new_ones(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchange_stage(tmp_path) as stage:
            stage.carrier.call(NUMBERS["BBC"])
            await stage.carrier.connected()
            stage.exchange.stop(drain_seconds=10)
            await stage.holds(lambda: stage.exchange.calls.refusing, "draining")
            late = await stage.caller()
            late.call(NUMBERS["BBC"])
            assert await late.rejected() == 503
            stage.carrier.hang_up()
            async with asyncio.timeout(8):
                await stage.running
            assert [fact.reason for fact in stage.of(CallEnded)] in (
                [EndReason.CALLER_HUNG_UP],
                [EndReason.ABANDONED],
            )

    asyncio.run(main())


def test_a_second_exchange_on_the_same_folder_is_refused_before_it_touches_anything(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchange_stage(tmp_path) as stage:
            second = ExchangeStage(tmp_path)
            with pytest.raises(AlreadyRunning):
                await second.exchange.run()
            assert isinstance(
                await asyncio.to_thread(ControlClient(tmp_path / "run" / "engine.sock").ask, GetStatus()), EngineStatus
            )
            assert stage.exchange.ready.is_set()

    asyncio.run(main())


def test_without_storage_people_still_talk_with_an_alarm(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "spool").write_text("in the way")
        async with exchange_stage(tmp_path) as stage:
            codes = [alarm.code for alarm in stage.of(AlarmRaised)]
            assert [code for code in codes if code != "loop_lag"] == ["recording_unavailable"]  # a busy machine is late
            handset = await stage.handset("ann-desk")
            stage.carrier.call(NUMBERS["BBC"])
            await stage.carrier.connected()
            await handset.answer()
            await stage.holds(lambda: stage.exchange.calls.live_calls()[0].phase == "talking", "talking")
            stage.carrier.hang_up()
            await handset.over()
            await stage.ended()
        assert stage.of(RecordingSealed) == []

    asyncio.run(main())


def test_a_restart_in_the_same_folder_works_and_tells_of_what_lies_in_the_spool(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchange_stage(tmp_path) as stage:
            handset = await stage.handset("ann-desk")
            stage.carrier.call(NUMBERS["BBC"])
            await stage.carrier.connected()
            await handset.answer()
            await handset.hums(1000, 0.3)
            stage.carrier.hang_up()
            sealed = await stage.fact(RecordingSealed)
        async with exchange_stage(tmp_path) as again:
            assert (await again.fact(RecordingSealed)).recording_id == sealed.recording_id

    asyncio.run(main())
