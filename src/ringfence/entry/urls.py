"""Every address of the centre. Each view carries one permission decorator; allauth guards its own."""

from django.urls import URLPattern, URLResolver, include, path

from ringfence.web.account import views as account
from ringfence.web.public import views as public

urlpatterns: list[URLPattern | URLResolver] = [
    path("", account.home, name="home"),
    path("account/", account.account, name="account"),
    path("account/", include("allauth.urls")),
    path("accessibility/", public.accessibility, name="accessibility"),
    path("licences/", public.licences, name="licences"),
    path("healthz", public.alive, name="alive"),
    path("demo/signin/<slug:role>/", public.demo_signin, name="demo_signin"),
]
