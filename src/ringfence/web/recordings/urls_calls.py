"""Addresses of the call log."""

from django.urls import path

from ringfence.web.recordings import views

urlpatterns = [
    path("", views.calls, name="calls"),
    path("<slug:call_id>/", views.call, name="call"),
    path("<slug:call_id>/number/", views.number, name="call_number"),
]
