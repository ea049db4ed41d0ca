"""Addresses of the desk."""

from django.urls import path

from ringfence.web.desk import views

urlpatterns = [
    path("", views.desk, name="desk"),
    path("state", views.state, name="desk_state"),
    path("token", views.token, name="desk_token"),
    path("set-state", views.set_state, name="desk_set_state"),
    path("hold", views.hold, name="desk_hold"),
    path("retrieve", views.retrieve, name="desk_retrieve"),
    path("hang-up", views.hang_up, name="desk_hang_up"),
    path("transfer", views.transfer, name="desk_transfer"),
    path("dial", views.dial, name="desk_dial"),
    path("location", views.location, name="desk_location"),
]
