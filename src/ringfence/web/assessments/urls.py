"""Addresses of the register of assessments."""

from django.urls import path

from ringfence.web.assessments import steps, views

urlpatterns = [
    path("", views.assessments, name="assessments"),
    path("draft/", steps.draft, name="assessment_draft"),
    path("<slug:assessment_id>/", views.assessment, name="assessment"),
    path("<slug:assessment_id>/advise/", steps.advise, name="assessment_advise"),
    path("<slug:assessment_id>/approve/", steps.approve, name="assessment_approve"),
    path("<slug:assessment_id>/end/", steps.end, name="assessment_end"),
]
