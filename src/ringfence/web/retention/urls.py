"""Addresses of retention."""

from django.urls import path

from ringfence.web.retention import flags, holds, reports, restores, rules

urlpatterns = [
    path("", reports.retention, name="retention"),
    path("tonight/", reports.tonight, name="tonight"),
    path("flags/", flags.flags, name="flags"),
    path("flags/<slug:flag_id>/keep/", flags.keep, name="keep_flagged"),
    path("flags/<slug:flag_id>/agree/", flags.agree, name="agree_deletion"),
    path("flags/<slug:flag_id>/settle/", flags.settle, name="settle_flag"),
    path("calls/<slug:call_id>/flag/", flags.flag_call, name="flag_call"),
    path("calls/<slug:call_id>/delete/", flags.delete_call, name="delete_call"),
    path("rota/", rules.rota, name="rota"),
    path("rota/<slug:client>/add/", rules.set_duty, name="set_duty"),
    path("rota/<int:shift_id>/remove/", rules.remove_duty, name="remove_duty"),
    path("holds/", holds.holds, name="holds"),
    path("holds/new/", holds.new_hold, name="new_hold"),
    path("holds/<slug:hold_id>/", holds.hold, name="hold"),
    path("holds/<slug:hold_id>/release/", holds.release, name="release_hold"),
    path("holds/<slug:hold_id>/add/", holds.add_call, name="hold_call"),
    path("restores/", restores.restores, name="restores"),
    path("restores/<slug:request_id>/", restores.decide, name="decide_restore"),
    path("recordings/<slug:recording_id>/restore/", restores.ask, name="ask_restore"),
    path("schedule/", rules.schedule, name="schedule"),
    path("schedule/propose/", rules.propose, name="propose_rule"),
    path("schedule/proposals/<int:change_id>/", rules.proposal, name="proposal"),
    path("health/", reports.recording_health, name="recording_health"),
    path("destructions/", reports.destructions, name="destructions"),
    path("certificates/<slug:recording_id>", reports.certificate, name="certificate"),
]
