"""The centre's addresses with a SAML provider set up, as ``entry.urls`` has them in that case."""

from allauth.socialaccount.providers.saml.urls import urlpatterns as allauth_saml
from django.urls import include, path

from ringfence.entry import urls
from ringfence.web.account.saml import saml_finish

urlpatterns = [
    path("account/saml/<slug:organization_slug>/acs/finish/", saml_finish, name="saml_finish_acs"),
    path("account/", include(allauth_saml)),
    *urls.urlpatterns,
]
