"""Addresses of the library."""

from django.urls import path

from ringfence.web.library import views

urlpatterns = [
    path("", views.library, name="library"),
    path("aids", views.aids, name="library_aids"),
    path("add/", views.add, name="library_add"),
    path("<slug:slug>/", views.document, name="document"),
    path("<slug:slug>/edit/", views.edit, name="library_edit"),
    path("<slug:slug>/upkeep/", views.upkeep, name="library_upkeep"),
    path("<slug:slug>/signatures/", views.signatures, name="library_signatures"),
    path("<slug:slug>/<int:number>/", views.version, name="document_version"),
]
