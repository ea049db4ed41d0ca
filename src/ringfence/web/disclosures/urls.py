"""Addresses of disclosures."""

from django.urls import path

from ringfence.web.disclosures import views, views_scope, views_steps

urlpatterns = [
    path("", views.disclosures, name="disclosures"),
    path("open/", views.open_disclosure, name="open_disclosure"),
    path("recordings/<slug:recording_id>/", views_scope.attach_one, name="attach_to_disclosure"),
    path("<slug:disclosure_id>/", views.disclosure, name="disclosure"),
    path("<slug:disclosure_id>/procedure/", views.procedure, name="disclosure_procedure"),
    path("<slug:disclosure_id>/attach/", views_scope.attach, name="attach_recordings"),
    path("<slug:disclosure_id>/remove/", views_scope.remove, name="remove_recording"),
    path("<slug:disclosure_id>/ask/", views_steps.ask, name="ask_advice"),
    path("<slug:disclosure_id>/hear/", views_steps.hear, name="hear_to_advise"),
    path("<slug:disclosure_id>/advice/", views_steps.advise, name="give_advice"),
    path("<slug:disclosure_id>/override/", views_steps.override, name="override_advice"),
    path("<slug:disclosure_id>/decide/", views_steps.decide, name="decide_disclosure"),
    path("<slug:disclosure_id>/end/", views_steps.end, name="end_release"),
    path("<slug:disclosure_id>/withdraw/", views_steps.withdraw, name="withdraw_disclosure"),
    path("<slug:disclosure_id>/close/", views_steps.close, name="close_disclosure"),
]
