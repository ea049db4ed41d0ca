"""Addresses of recordings."""

from django.urls import path

from ringfence.web.recordings import views

urlpatterns = [
    path("", views.recordings, name="recordings"),
    path("<slug:recording_id>/", views.recording, name="recording"),
    path("<slug:recording_id>/audio", views.audio, name="recording_audio"),
]
