"""Addresses of the notices, for those who work on them."""

from django.urls import path

from ringfence.web.notices import views

urlpatterns = [
    path("", views.notices, name="notices"),
    path("<slug:code>/draft/", views.draft_notice, name="notice_draft"),
    path("<slug:code>/<int:version>/", views.notice, name="notice"),
    path("<slug:code>/<int:version>/agree", views.agree_notice, name="notice_agree"),
    path("<slug:code>/<int:version>/publish", views.publish_notice, name="notice_publish"),
]
