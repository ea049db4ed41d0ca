"""Addresses of data breaches."""

from django.urls import path

from ringfence.web.breaches import views, views_affected, views_steps

urlpatterns = [
    path("", views.breaches, name="breaches"),
    path("open/", views.open_breach, name="open_breach"),
    path("<slug:breach_id>/", views.breach, name="breach"),
    path("<slug:breach_id>/contain/<slug:step>/", views_steps.contain, name="contain_breach"),
    path("<slug:breach_id>/decide/", views_steps.decide, name="decide_breach"),
    path("<slug:breach_id>/close/", views_steps.close, name="close_breach"),
    path("<slug:breach_id>/record/", views_steps.record, name="breach_record"),
    path("<slug:breach_id>/record.json", views_steps.record_file, name="breach_record_file"),
    path("<slug:breach_id>/affected/", views_affected.affected, name="breach_affected"),
    path("<slug:breach_id>/affected.csv", views_affected.affected_file, name="breach_affected_file"),
    path("<slug:breach_id>/account/", views_affected.account, name="breach_account"),
    path("<slug:breach_id>/account.csv", views_affected.account_file, name="breach_account_file"),
]
