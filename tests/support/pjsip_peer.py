"""A real PJSIP user agent in its own process: JSON lines in on standard input, JSON lines out.

Started by :class:`tests.support.peers.PjsipPeer` with the options as one JSON argument.
"""

import json
import os
import select
import sys
import time
from typing import Any

import pjsua2 as pj

from tests.support.pjsip_options import Options

MEDIA_PORTS = 20


def say(kind: str, **values: Any) -> None:
    print(json.dumps({"event": kind, **values}), flush=True)


class Call(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    def __init__(self, peer: "Peer", account: pj.Account, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.peer = peer
        self.tone: Any = None
        self.recorder: Any = None

    def onCallState(self, _: Any) -> None:
        info = self.getInfo()
        say("state", state=info.stateText, status=info.lastStatusCode)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.tone = self.recorder = None
            self.peer.ended.append(self)

    def onCallTransferStatus(self, parameter: Any) -> None:
        say("transfer", status=parameter.statusCode, final=parameter.finalNotify)

    def onCallMediaState(self, _: Any) -> None:
        info = self.getInfo()
        say("media", status=[media.status for media in info.media])
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                audio = self.getAudioMedia(media.index)
                options = self.peer.options
                if options.tone_hz and self.tone is None:
                    self.tone = pj.ToneGenerator()
                    self.tone.createToneGenerator(8000, 1)
                    tone = pj.ToneDesc()
                    tone.freq1, tone.on_msec, tone.off_msec = options.tone_hz, 30000, 0
                    self.tone.play(pj.ToneDescVector([tone]), True)
                if self.tone is not None:
                    self.tone.startTransmit(audio)
                if options.record and self.recorder is None and self is not self.peer.second:
                    self.recorder = pj.AudioMediaRecorder()
                    self.recorder.createRecorder(options.record)
                if self.recorder is not None:
                    audio.startTransmit(self.recorder)

    def onDtmfDigit(self, parameter: Any) -> None:
        say("dtmf", digit=parameter.digit)


class Account(pj.Account):  # type: ignore[misc]
    def __init__(self, peer: "Peer") -> None:
        super().__init__()
        self.peer = peer

    def onRegState(self, parameter: Any) -> None:
        say("registered" if self.getInfo().regIsActive else "unregistered", code=parameter.code)

    def onIncomingCall(self, parameter: Any) -> None:
        call = Call(self.peer, self, parameter.callId)
        self.peer.call = call
        say("incoming", remote=call.getInfo().remoteUri)
        ringing = pj.CallOpParam()
        ringing.statusCode = 180
        call.answer(ringing)
        if self.peer.options.answer_after_ms >= 0:
            self.peer.answer_at = time.monotonic() + self.peer.options.answer_after_ms / 1000


class Peer:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.call: Any = None
        self.second: Any = None
        """Another call of the same telephone; the first one is on hold."""
        self.ended: list[Any] = []
        self.answer_at: float | None = None
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.logConfig.level = 1
        config.logConfig.consoleLevel = 1
        config.medConfig.noVad = True
        config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
        config.medConfig.ecTailLen = 0
        self.endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.port = options.port
        transport.boundAddress = options.bind
        kind = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}[
            options.transport
        ]
        handle = self.endpoint.transportCreate(kind, transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            rank = options.codecs.index(codec.codecId) if codec.codecId in options.codecs else None
            self.endpoint.codecSetPriority(codec.codecId, 0 if rank is None else 250 - rank)
        account = pj.AccountConfig()
        address = f"sip:{options.user}@{options.bind}"
        account.idUri = f'"{options.name}" <{address}>' if options.name else address
        account.mediaConfig.transportConfig.boundAddress = options.bind
        # Ports of its own: an exchange of another test may still send to where a killed peer was.
        account.mediaConfig.transportConfig.port = 4000 + os.getpid() % 300 * MEDIA_PORTS
        account.mediaConfig.transportConfig.portRange = MEDIA_PORTS
        if options.registrar:
            account.regConfig.registrarUri = options.registrar
            account.regConfig.timeoutSec = 120
        if options.password:
            account.sipConfig.authCreds.append(
                pj.AuthCredInfo("digest", options.realm, options.user, 0, options.password)
            )
        if options.srtp:
            account.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY
            account.mediaConfig.srtpSecureSignaling = 1
        self.account = Account(self)
        self.account.create(account)
        say("ready", address=self.endpoint.transportGetInfo(handle).localAddress)

    def obey(self, command: dict[str, Any]) -> bool:
        kind = command["do"]
        parameter = pj.CallOpParam(True)
        if kind == "call":
            self.call = Call(self, self.account)
            self.call.makeCall(command["uri"], parameter)
        elif kind == "quit":
            return False
        elif self.call is None:
            say("refused", why="there is no call")
        elif kind == "answer":
            self.answer_at = time.monotonic()
        elif kind == "reject":
            parameter.statusCode = command.get("code", 486)
            self.call.hangup(parameter)
        elif kind == "hangup":
            self.call.hangup(pj.CallOpParam())
        elif kind == "hold":
            self.call.setHold(parameter)
        elif kind == "unhold":
            parameter.opt.flag = pj.PJSUA_CALL_UNHOLD
            self.call.reinvite(parameter)
        elif kind == "transfer":
            self.call.xfer(command["uri"], parameter)
        elif kind == "second":
            self.second = Call(self, self.account)
            self.second.makeCall(command["uri"], parameter)
        elif kind == "join":
            self.call.xferReplaces(self.second, parameter)
        elif kind == "dtmf":
            self.call.dialDtmf(command["digits"])
        return True

    def run(self) -> None:
        going = True
        while going:
            self.endpoint.libHandleEvents(10)
            for call in self.ended:
                if call is self.call:
                    self.call = self.answer_at = None
                if call is self.second:
                    self.second = None
            self.ended.clear()
            if self.call is not None and self.answer_at is not None and time.monotonic() >= self.answer_at:
                self.answer_at = None
                answer = pj.CallOpParam()
                answer.statusCode = self.options.answer_code
                try:
                    self.call.answer(answer)
                except pj.Error as error:
                    say("refused", why=error.reason)
            while select.select([sys.stdin], [], [], 0)[0]:
                line = sys.stdin.readline()
                try:
                    going = bool(line) and self.obey(json.loads(line))
                except pj.Error as error:
                    say("refused", why=error.reason)
                if not going:
                    break
        self.endpoint.hangupAllCalls()
        for _ in range(20):
            self.endpoint.libHandleEvents(10)
        self.call = self.second = None
        self.account.shutdown()
        self.endpoint.libDestroy()


if __name__ == "__main__":
    Peer(Options(**json.loads(sys.argv[1]))).run()
