"""Addresses of the supplier register."""

from django.urls import path

from ringfence.web.suppliers import records, views

urlpatterns = [
    path("", views.suppliers, name="suppliers"),
    path("add/", views.add, name="supplier_add"),
    path("<slug:code>/", views.supplier, name="supplier"),
    path("<slug:code>/change/", views.change, name="supplier_change"),
    path("<slug:code>/remove/", views.remove, name="supplier_remove"),
    path("<slug:code>/versions/<int:number>/", views.version, name="supplier_version"),
    path("<slug:code>/certificate/", records.certificate, name="supplier_certificate"),
    path("<slug:code>/certificates/<int:record_id>/end", records.end_certificate, name="supplier_certificate_end"),
    path("<slug:code>/transfer/", records.assess, name="supplier_transfer"),
    path("<slug:code>/transfers/<int:record_id>/accept", records.accept, name="supplier_transfer_accept"),
    path("<slug:code>/transfers/<int:record_id>/end", records.end_transfer, name="supplier_transfer_end"),
]
