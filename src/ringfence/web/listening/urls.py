"""Addresses of the pages on listening."""

from django.urls import path

from ringfence.web.listening import views

urlpatterns = [
    path("", views.plays, name="plays"),
    path("plays.csv", views.plays_csv, name="plays_csv"),
    path("mine/", views.heard, name="heard"),
]
