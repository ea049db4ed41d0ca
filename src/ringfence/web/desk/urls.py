"""Addresses of the desk."""

from django.urls import path

from ringfence.web.desk import payments, recording, transfers, views

urlpatterns = [
    path("", views.desk, name="desk"),
    path("state", views.state, name="desk_state"),
    path("token", views.token, name="desk_token"),
    path("set-state", views.set_state, name="desk_set_state"),
    path("hold", views.hold, name="desk_hold"),
    path("retrieve", views.retrieve, name="desk_retrieve"),
    path("hang-up", views.hang_up, name="desk_hang_up"),
    path("transfer", views.transfer, name="desk_transfer"),
    path("consult", transfers.consult, name="desk_consult"),
    path("complete", transfers.complete, name="desk_complete"),
    path("return", transfers.return_to_caller, name="desk_return"),
    path("conference", transfers.conference, name="desk_conference"),
    path("leave", transfers.leave, name="desk_leave"),
    path("drop", transfers.drop, name="desk_drop"),
    path("join", transfers.join, name="desk_join"),
    path("mask", recording.mask, name="desk_mask"),
    path("name-mask", recording.name_mask, name="desk_name_mask"),
    path("unmask", recording.unmask, name="desk_unmask"),
    path("stop", recording.stop, name="desk_stop"),
    path("objects", recording.objects, name="desk_objects"),
    path("sensitive", recording.sensitive, name="desk_sensitive"),
    path("flag", recording.flag, name="desk_flag"),
    path("pay", payments.pay, name="desk_pay"),
    path("pay-finish", payments.finish, name="desk_pay_finish"),
    path("without-pause", payments.without_pause, name="desk_without_pause"),
    path("keypad", payments.keypad, name="desk_keypad"),
    path("keypad-stop", payments.keypad_stop, name="desk_keypad_stop"),
    path("dial", views.dial, name="desk_dial"),
    path("location", views.location, name="desk_location"),
]
