"""Addresses of payments."""

from django.urls import path

from ringfence.web.payments import links, report, window
from ringfence.web.payments.events import event

urlpatterns = [
    path("", report.payments, name="payments"),
    path("export/", report.export, name="payments_export"),
    path("pages/", links.links, name="payment_links"),
    path("pages/<str:client>/add/", links.add, name="payment_link_add"),
    path("pages/change/<str:link_id>/", links.change, name="payment_link_change"),
    path("pages/remove/<str:link_id>/", links.remove, name="payment_link_remove"),
    path("settings/<str:client>/", links.times, name="payment_settings"),
    path("settings/<str:client>/secret/", links.secret, name="payment_secret"),
    path("launch/<str:token>", window.launch, name="payment_launch"),
    path("window/<str:payment_id>/beat", window.beat, name="payment_beat"),
    path("window/<str:payment_id>/close", window.close, name="payment_close"),
    path("events/<str:client>", event, name="payment_event"),
]
